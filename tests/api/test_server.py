"""The server as a process: where it listens, what it refuses, what it logs, and that it ends when it is told to."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

Ask = Callable[..., dict[str, Any]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Serve = Callable[..., "contextlib.AbstractContextManager[Any]"]
FOREIGN = "https://example.com"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_without_a_key_it_listens_to_this_machine_only(songbloom: Run, tmp_path: Path, host: str) -> None:
    made = songbloom("serve", "--host", host, "--port", 0, "--data-dir", tmp_path / "data", "--no-page")
    assert made.returncode == 2 and "songbloom keys create" in made.stderr and "--insecure" in made.stderr


def test_a_port_that_is_taken_is_told_in_a_line(songbloom: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        made = songbloom("serve", "--port", port, "--data-dir", tmp_path / "data", "--no-page")
    assert made.returncode == 2 and made.stderr.strip().count("\n") == 0 and str(port) in made.stderr


def test_health_readiness_and_metrics(client: httpx.Client, song: str) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200 and ready.json()["ready"] is True
    lines = client.get("/metrics").text.splitlines()
    assert 'songbloom_http_requests_total{method="GET",route="/healthz",status="200"}' in {
        line.rpartition(" ")[0] for line in lines
    }
    assert "songbloom_ready 1.0" in lines
    assert not any(song in line for line in lines), "paths must not become labels"


def test_unknown_paths_and_methods_are_problems(client: httpx.Client) -> None:
    wrong = client.put("/v1/jobs", json={})
    assert wrong.status_code == 405 and wrong.headers["allow"] == "GET, POST"
    assert wrong.headers["content-type"] == "application/problem+json"
    assert client.request("BREW", "/v1/jobs").status_code == 405
    assert client.get("/v1/nothing").json()["type"] == "urn:songbloom:problem:not-found"
    assert client.get("/v1/jobs/..%2f..%2fetc%2fpasswd").status_code in (404, 422)


def test_answers_carry_an_id_and_careful_headers(client: httpx.Client) -> None:
    answer = client.get("/v1/models", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in answer.headers
    other = client.get("/v1/models", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"]
    assert other != "a b\tc" and len(other) == 16


def test_pages_of_other_origins_may_not_change_anything(client: httpx.Client) -> None:
    body = {"lyrics": "[verse] Home."}
    assert client.post("/v1/lyrics/check", json=body, headers={"Origin": FOREIGN}).status_code == 403
    assert client.post("/v1/lyrics/check", json=body, headers={"Origin": "null"}).status_code == 403
    assert client.post("/v1/lyrics/check", json=body, headers={"Origin": str(client.base_url)}).status_code == 200
    reading = client.get("/v1/models", headers={"Origin": FOREIGN})
    assert reading.status_code == 200 and "access-control-allow-origin" not in reading.headers
    assert client.get("/v1/models", headers={"Host": "rebound.example.com"}).status_code == 403


def test_lyrics_are_checked_before_anything_is_made(client: httpx.Client) -> None:
    good = client.post("/v1/lyrics/check", json={"lyrics": "[verse] City lights are calling me home."}).json()
    assert good["estimated_seconds"] > 1 and good["text"].startswith("[verse]")
    bad = client.post("/v1/lyrics/check", json={"lyrics": "!!!"}).json()
    assert [finding["severity"] for finding in bad["findings"]] == ["error"] and bad["text"] == ""


def test_models_are_listed_loaded_and_unloaded(client: httpx.Client, song: str) -> None:
    models = client.get("/v1/models").json()["models"]
    (mine,) = (model for model in models if model["default"])
    assert mine["sample_rate"] == 48000 and mine["styles"] == 3
    assert client.post(f"/v1/models/{mine['name']}/load").status_code == 202
    assert client.post(f"/v1/models/{mine['name']}/unload").status_code == 202
    assert client.post("/v1/models/nothing/load").status_code == 404
    assert client.post("/v1/models/songbloom_full_150s/load").status_code == 409


@pytest.fixture(scope="module")
def small(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server with little patience, JSON logs and a friend."""
    variables = {
        "SONGBLOOM_LIMITS_MAX_UPLOAD_BYTES": "100000",
        "SONGBLOOM_LIMITS_MAX_QUEUED": "2",
        "SONGBLOOM_RUNTIME_BATCH_SIZE": "1",
        "SONGBLOOM_LIMITS_MAX_DURATION": "30",
        "SONGBLOOM_SERVER_REQUESTS_PER_MINUTE": "60",
    }
    data = tmp_path_factory.mktemp("small") / "data"
    with serve(data, "--log-format", "json", "--cors-origin", FOREIGN, **variables) as running:
        yield running


def test_an_origin_that_is_allowed_may_use_the_server(small: Any) -> None:
    with small.client() as client:
        asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST"}
        before = client.options("/v1/jobs", headers=asked)
        assert before.status_code == 200 and before.headers["access-control-allow-origin"] == FOREIGN
        other = client.options("/v1/jobs", headers={**asked, "Origin": "https://example.org"})
        assert "access-control-allow-origin" not in other.headers
        body = {"lyrics": "[verse] Home."}
        answer = client.post("/v1/lyrics/check", json=body, headers={"Origin": FOREIGN})
        assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == FOREIGN


def test_bodies_are_counted_while_they_arrive(small: Any) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for _ in range(200):
            yield b"x" * 65536

    with small.client() as client:
        announced = client.post("/v1/styles", files={"file": ("a.wav", b"x" * 500_000)})
        assert announced.status_code == 413
        json_body = client.post("/v1/jobs", content=b"[" + b" " * 2**21, headers={"Content-Type": "application/json"})
        assert json_body.status_code == 413
        with contextlib.suppress(httpx.WriteError, httpx.ReadError):
            # Without a length: the answer comes, or the connection is cut, before all of it was taken.
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            assert client.post("/v1/styles", content=endless(), headers=headers).status_code == 413


def test_a_full_queue_says_when_to_come_again(small: Any, generate: Ask) -> None:
    with small.client() as client:
        jobs = []
        refused = None
        body = {"type": "generate", "request": {"lyrics": "[verse] Home.", "duration": 30, "sampling": {"steps": 30}}}
        for _ in range(20):
            answer = client.post("/v1/jobs", json=body)
            if answer.status_code == 429:
                refused = answer
                break
            jobs.append(answer.json()["id"])
        assert refused is not None and refused.json()["type"] == "urn:songbloom:problem:queue-full"
        assert int(refused.headers["retry-after"]) >= 1
        for job in jobs:
            client.delete(f"/v1/jobs/{job}")


def test_more_requests_than_are_allowed_wait(small: Any) -> None:
    with small.client() as client:
        # On a slow machine some are allowed anew meanwhile.
        answers = (client.get("/v1/jobs") for _ in range(2000))
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["type"] == "urn:songbloom:problem:too-many-requests"
        assert int(refused.headers["retry-after"]) >= 1
        assert client.get("/healthz").status_code == 200


def test_logs_are_json_with_the_ids_of_requests(small: Any) -> None:
    with small.client() as client:
        client.get("/healthz", headers={"X-Request-ID": "find-me"})
    deadline = time.monotonic() + 300
    while "find-me" not in small.log.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    lines = [json.loads(line) for line in small.log.read_text(encoding="utf-8").splitlines()]
    (line,) = (line for line in lines if line.get("request_id") == "find-me")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/healthz", 200)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_streams_open_and_jobs_waiting(
    serve: Serve, tmp_path: Path, generate: Ask, number: signal.Signals
) -> None:
    with serve(tmp_path / "data", SONGBLOOM_JOBS_DRAIN_SECONDS="1") as running, running.client() as client:
        slow = {"duration": 40, "sampling": {"steps": 100}}
        first, second = generate(client, **slow), generate(client, **slow)
        begun, ended = threading.Semaphore(0), []

        def listen(path: str) -> None:
            with contextlib.suppress(httpx.HTTPError), client.stream("GET", path) as answer:
                begun.release()
                for _ in answer.iter_raw():
                    pass
            ended.append(path)

        paths = [f"/v1/jobs/{first['id']}/events", first["songs"][0]["stream"], second["songs"][0]["stream"]]
        listeners = [threading.Thread(target=listen, args=(path,)) for path in paths]
        for listener in listeners:
            listener.start()
        assert all(begun.acquire(timeout=300) for _ in paths)
        assert running.stop(number) == 0
        for listener in listeners:
            listener.join(300)
        assert sorted(ended) == sorted(paths)
        assert "Traceback" not in running.log.read_text(encoding="utf-8")
    with serve(tmp_path / "data") as again, again.client() as client:
        states = [client.get(f"/v1/jobs/{job['id']}").json()["state"] for job in (first, second)]
        assert set(states) <= {"queued", "running"}, states
