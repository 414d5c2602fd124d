"""API keys: made once, kept as hashes, asked of everybody from the first one on; nobody sees what is another's."""

from __future__ import annotations

import base64
import contextlib
import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

Ask = Callable[..., dict[str, Any]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Serve = Callable[..., "contextlib.AbstractContextManager[Any]"]


def make(songbloom: Run, data: Path, name: str, *flags: object) -> dict[str, Any]:
    made = songbloom("keys", "create", name, "--data-dir", data, "--json", *flags)
    assert made.returncode == 0, made.stderr
    key: dict[str, Any] = json.loads(made.stdout)
    return key


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keyed") / "data"


@pytest.fixture(scope="module")
def keys(songbloom: Run, data: Path) -> dict[str, dict[str, Any]]:
    return {
        "ada": make(songbloom, data, "ada", "--max-songs-per-day", 50),
        "ben": make(songbloom, data, "ben"),
        "watcher": make(songbloom, data, "watcher", "--scopes", "metrics"),
        "reader": make(songbloom, data, "reader", "--scopes", "read"),
        "admin": make(songbloom, data, "admin", "--scopes", "admin"),
    }


@pytest.fixture(scope="module")
def keyed(serve: Serve, data: Path, keys: dict[str, dict[str, Any]]) -> Iterator[Any]:
    with serve(data, "--host", "0.0.0.0") as running:
        yield running


def of(keyed: Any, key: dict[str, Any] | None) -> httpx.Client:
    client: httpx.Client = keyed.client(None if key is None else key["key"])
    client.base_url = httpx.URL(keyed.url.replace("0.0.0.0", "127.0.0.1"))
    return client


def test_without_a_key_nothing_is_open_but_what_watches_the_server(keyed: Any) -> None:
    with of(keyed, None) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/v1/jobs", "/v1/songs", "/v1/styles", "/v1/models", "/metrics", "/v1/nothing", "/"):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert "www-authenticate" in answer.headers
        assert client.post("/v1/jobs", content=b"{").status_code == 401


@pytest.mark.parametrize("wrong", ["", "Bearer", "Bearer x", "Basic !!!", "Digest x", "Bearer sbx_0_0", "Bearer é"])
def test_a_wrong_key_opens_nothing(keyed: Any, wrong: str) -> None:
    with of(keyed, None) as client:
        assert client.get("/v1/jobs", headers={"Authorization": wrong.encode()}).status_code == 401


def test_the_secret_alone_decides(keyed: Any, keys: dict[str, dict[str, Any]]) -> None:
    ada, ben = keys["ada"]["key"], keys["ben"]["key"]
    with of(keyed, None) as client:
        crossed = ada[: len("sbx_") + 16] + ben[len("sbx_") + 16 :]
        assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {crossed}"}).status_code == 401
        assert client.get("/v1/jobs", headers={"Authorization": f"bearer {ada}"}).status_code == 200
        basic = base64.b64encode(f"anybody:{ada}".encode()).decode()
        assert client.get("/v1/jobs", headers={"Authorization": f"Basic {basic}"}).status_code == 200


def test_scopes_bound_what_a_key_may_do(keyed: Any, keys: dict[str, dict[str, Any]], generate: Ask) -> None:
    with of(keyed, keys["watcher"]) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/v1/songs").status_code == 403
    with of(keyed, keys["reader"]) as client:
        assert client.get("/v1/songs").status_code == 200
        body = {"type": "generate", "request": {"lyrics": "[verse] Home."}}
        assert client.post("/v1/jobs", json=body).status_code == 403
        assert client.get("/metrics").status_code == 403
        assert client.post("/v1/models/embedded/load").status_code == 403


def test_one_key_never_sees_what_belongs_to_another(
    keyed: Any, keys: dict[str, dict[str, Any]], generate: Ask, until_over: Ask
) -> None:
    with of(keyed, keys["ada"]) as ada, of(keyed, keys["ben"]) as ben, of(keyed, keys["admin"]) as admin:
        job = until_over(ada, generate(ada, title="only mine")["id"])
        song = job["result"]["songs"][0]["id"]
        tone = (Path(__file__).parent / "tone.wav").read_bytes()
        style = ada.post("/v1/styles", files={"file": ("a.wav", tone)}).json()["id"]
        here = f"/v1/songs/{song}"
        for path in (
            f"/v1/jobs/{job['id']}",
            f"/v1/jobs/{job['id']}/events",
            *(here + rest for rest in ("", "/audio", "/stream", "/manifest", "/peaks", "/spectrogram.png")),
        ):
            assert ada.get(path).status_code == 200, path
            assert ben.get(path).status_code == 404, path
            assert admin.get(path).status_code == 200, path
        assert ben.delete(f"/v1/jobs/{job['id']}").status_code == 404
        assert ben.delete(here).status_code == ben.patch(here, json={"title": "mine"}).status_code == 404
        assert ben.delete(f"/v1/styles/{style}").status_code == 404
        body = {"type": "generate", "request": {"lyrics": "[verse] Home.", "style": style}}
        assert ben.post("/v1/jobs", json=body).status_code == 404
        assert ben.get("/v1/jobs").json()["jobs"] == ben.get("/v1/songs").json()["songs"] == []
        assert style not in {item["id"] for item in ben.get("/v1/styles").json()["styles"]}
        assert ben.get("/v1/jobs", params={"before": job["id"]}).status_code == 404
        assert ada.get(here).json()["title"] == "only mine"


def test_a_revoked_key_opens_nothing_from_then_on(keyed: Any, songbloom: Run, data: Path) -> None:
    key = make(songbloom, data, "for a while")
    with of(keyed, key) as client:
        assert client.get("/v1/jobs").status_code == 200
        assert songbloom("keys", "revoke", key["id"], "--data-dir", data).returncode == 0
        assert client.get("/v1/jobs").status_code == 401


def test_a_quota_is_told_with_the_time_to_wait(keyed: Any, songbloom: Run, data: Path, generate: Ask) -> None:
    with of(keyed, make(songbloom, data, "little", "--max-songs-per-day", 1)) as client:
        generate(client)
        body = {"type": "generate", "request": {"lyrics": "[verse] Home."}}
        answer = client.post("/v1/jobs", json=body)
        assert answer.status_code == 429 and answer.json()["type"] == "urn:songbloom:problem:quota"
        assert int(answer.headers["retry-after"]) > 0


def test_another_key_of_the_same_owner_opens_the_same_songs(
    keyed: Any, songbloom: Run, data: Path, keys: dict[str, dict[str, Any]], generate: Ask
) -> None:
    second = make(songbloom, data, "ada's phone", "--owner", keys["ada"]["owner"])
    with of(keyed, keys["ada"]) as first, of(keyed, second) as other:
        job = generate(first)["id"]
        assert other.get(f"/v1/jobs/{job}").status_code == 200


def test_only_hashes_are_kept_and_nothing_is_logged(keyed: Any, data: Path, keys: dict[str, dict[str, Any]]) -> None:
    secret = keys["ada"]["key"].rsplit("_", 1)[-1][:20]
    with contextlib.closing(sqlite3.connect(data / "songs.db")) as database:
        dump = "\n".join(database.iterdump())
    assert keys["ada"]["id"] in dump and secret not in dump
    assert secret not in keyed.log.read_text(encoding="utf-8")


def test_keys_are_listed_without_their_secrets(songbloom: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "no keys" in songbloom("keys", "list", "--data-dir", data).stderr
    made = songbloom("keys", "create", "a phone", "--data-dir", data)
    assert made.stdout.startswith("sbx_") and made.stdout.count("\n") == 1
    listed = songbloom("keys", "list", "--data-dir", data).stdout
    assert "a phone" in listed and "read,make" in listed and made.stdout.strip() not in listed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "x", "--scopes", "sing"), "scopes 'sing': must be one or more of read"),
        (("create", ""), "a key's name"),
        (("create", "x", "--owner", "nobody"), "no key has it"),
        (("create", "x", "--max-running", "0"), "must be 1 or more"),
        (("revoke", "0123"), "there is none"),
    ],
)
def test_what_is_wrong_with_a_key_is_told_in_a_line(
    songbloom: Run, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    made = songbloom("keys", *arguments, "--data-dir", tmp_path / "data")
    assert made.returncode == 2 and made.stderr.count("\n") == 1 and told in made.stderr
