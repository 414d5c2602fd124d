import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from songbloom_x2.ui.gate import OnlyNeeded

client = TestClient(OnlyNeeded(PlainTextResponse("within")))


@pytest.mark.parametrize("path", ["/", "/theme.css", "/assets/index.js", "/manifest.json"])
def test_what_the_page_needs_is_let_through(path: str) -> None:
    assert client.get(path).text == "within"


def test_questions_are_let_through() -> None:
    assert client.post("/gradio_api/component_server", json={}).text == "within"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/upload"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/info"),
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/gradio_api/heartbeat/x"),
        ("GET", "/config"),
        ("GET", "/assets/..%2fsecret"),
        ("POST", "/"),
        ("DELETE", "/assets/index.js"),
    ],
)
def test_all_else_is_not_there(method: str, path: str) -> None:
    assert client.request(method, path).status_code == 404
