import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from songbloom_x2.api.app import create_app
from songbloom_x2.config import ServerConfig
from songbloom_x2.jobs.plan import ServicePlan
from songbloom_x2.jobs.service import JobService
from songbloom_x2.ui import mount


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The real server with the page on it; nobody makes songs."""
    service = JobService(ServicePlan.at(tmp_path_factory.mktemp("page")))
    service.start(workers=False)
    app = create_app(service, ServerConfig())
    mount(app, service)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client
    service.stop()


def test_the_page_and_its_files_are_there(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    for part in ("header", "lyrics", "styles", "options", "create", "library", "detail", "player"):
        assert f"sb-{part}" in page.text
    for path in ("/studio/js/main.js", "/studio/css/studio.css", "/studio/languages/zh.json", "/favicon.ico"):
        assert client.get(path).status_code == 200, path
    assert client.get("/studio/shell.json").json() == {"languages": {"en": "English", "zh": "中文"}, "signed": False}


def test_nothing_of_the_page_is_loaded_from_elsewhere(client: TestClient) -> None:
    page = client.get("/").text
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', page)
    assert loaded
    assert [address for address in loaded if "//" in address] == []


def test_files_outside_are_not_reached(client: TestClient) -> None:
    for path in ("/studio/../routes.py", "/studio/%2e%2e/routes.py", "/studio/js/..%2f..%2f..%2froutes.py"):
        assert client.get(path).status_code == 404


def test_the_api_is_still_itself(client: TestClient) -> None:
    assert client.get("/v1/songs").json()["songs"] == []
    assert not any(path.startswith("/studio") for path in client.get("/openapi.json").json()["paths"])
    assert client.get("/v1/nothing").status_code == 404
