from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from songbloom_x2.ui.sign_in import COOKIE, SignIn


async def _guarded(scope: Scope, receive: Receive, send: Send) -> None:
    """A server that knows one key."""
    request = Request(scope)
    response: Response = PlainTextResponse("welcome")
    if request.headers.get("authorization") != "Bearer sb_right":
        response = JSONResponse({"detail": "no key"}, 401, {"WWW-Authenticate": "Basic"})
    await response(scope, receive, send)


def _client() -> TestClient:
    return TestClient(SignIn(_guarded), follow_redirects=False)


def test_a_refused_page_is_the_form() -> None:
    answer = _client().get("/")
    assert answer.status_code == 401
    assert 'name="key"' in answer.text
    assert 'role="alert" hidden' in answer.text
    # No password window of the browser beside it.
    assert "www-authenticate" not in answer.headers


def test_the_form_speaks_the_browsers_language() -> None:
    assert "密钥" in _client().get("/", headers={"accept-language": "zh-CN,zh;q=0.9"}).text


def test_the_right_key_opens_page_and_everything_below() -> None:
    client = _client()
    answer = client.post("/studio/login", data={"key": " sb_right "})
    assert answer.status_code == 303
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert client.get("/").text == "welcome"
    assert client.get("/v1/songs").text == "welcome"
    client.post("/studio/logout")
    assert client.get("/").status_code == 401


def test_a_wrong_key_is_told() -> None:
    client = _client()
    client.post("/studio/login", data={"key": "sb_wrong"})
    answer = client.get("/")
    assert answer.status_code == 401
    assert 'role="alert" hidden' not in answer.text


def test_a_header_of_ones_own_counts_more_than_the_cookie() -> None:
    client = _client()
    client.cookies.set(COOKIE, "sb_right")
    assert client.get("/v1/songs", headers={"authorization": "Bearer other"}).status_code == 401


def test_the_api_is_refused_as_before() -> None:
    answer = _client().get("/v1/songs")
    assert answer.json() == {"detail": "no key"}
    assert answer.headers["www-authenticate"] == "Basic"


def test_what_is_no_key_becomes_no_header() -> None:
    client = _client()
    for key in ("a\r\nx: y", "schlüssel", "a;b", "x" * 5000):
        answer = client.post("/studio/login", data={"key": key})
        assert "set-cookie" not in answer.headers
