"""Downloads through huggingface_hub itself, from a hub of a few lines on this machine."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from songbloom_x2.checkpoints.describe import describe
from songbloom_x2.checkpoints.download_record import read_record
from songbloom_x2.checkpoints.hub import Hub, download
from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.checkpoints.registry import KnownFile, KnownModel
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import CheckpointError, ConfigError, MissingExtraError
from songbloom_x2.runtime.plan import resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GOLDEN = Path(__file__).parents[1] / "golden" / "edges"
FILES = ("edges.yaml", "edges.pt", "stable_audio_1920_vae.json", "autoencoder_music_dsp1920.ckpt", "vocab_g2p.yaml")
MODEL = KnownModel("edges", "tiny", "for tests", "some/where", "gone/now", tuple(KnownFile(name) for name in FILES))


class TinyHub:
    """Serves the files of one folder as a hub serves a repository; keeps what was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                outer.answer(self, with_body=False)

            def do_GET(self) -> None:
                outer.answer(self, with_body=True)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        name = request.path.rsplit("/", 1)[-1]
        self.asked.append((request.command, name, request.headers.get("Range")))
        path = self.folder / name
        if "/some/where/resolve/" not in request.path or not path.is_file():
            missing = "EntryNotFound" if "/some/where/" in request.path else "RepoNotFound"
            request.send_response(404)
            request.send_header("X-Error-Code", missing)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        data = path.read_bytes()
        start = int((request.headers.get("Range") or "bytes=0-")[len("bytes=") :].split("-")[0])
        request.send_response(206 if start else 200)
        # Large files carry their SHA-256 as ETag, small ones another hash.
        sha = hashlib.sha256(data) if name.endswith((".pt", ".ckpt")) else hashlib.sha1(data)
        request.send_header("ETag", f'"{sha.hexdigest()}"')
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("Accept-Ranges", "bytes")
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        if with_body:
            request.wfile.write(data[start:])


@pytest.fixture
def tiny_hub(tmp_path: Path) -> Iterator[TinyHub]:
    folder = tmp_path / "remote"
    folder.mkdir()
    for name in FILES:
        shutil.copy(GOLDEN / name, folder / name)
    hub = TinyHub(folder)
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def fetch(hub: TinyHub, folder: Path, model: KnownModel = MODEL) -> list[str]:
    told: list[str] = []
    at = Hub("some/where", "main", endpoint=hub.endpoint)
    download(model, folder, at, repository="some/where", told=told.append)
    return told


def test_a_download_is_recorded_loads_and_is_not_fetched_twice(tiny_hub: TinyHub, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "edges"
    fetch(tiny_hub, folder)
    assert {name: recorded.sha256 for name, recorded in read_record(folder).items()} == {
        name: hashlib.sha256((GOLDEN / name).read_bytes()).hexdigest() for name in FILES
    }
    about = json.loads((folder / "download.json").read_text())
    assert about["repository"] == "some/where" and about["commit"] == COMMIT
    plan = resolve(RuntimeConfig(device="cpu"))
    loaded = load_model("edges", plan, models_dir=tmp_path / "models")
    assert loaded.hash == load_model(GOLDEN, plan).hash == describe(folder)["sha256"]

    tiny_hub.asked.clear()
    told = fetch(tiny_hub, folder)
    assert all("there already" in line for line in told) and len(told) == len(FILES)
    assert {command for command, _, _ in tiny_hub.asked} == {"HEAD"}


def test_a_stopped_download_goes_on(tiny_hub: TinyHub, tmp_path: Path) -> None:
    folder = tmp_path / "edges"
    fetch(tiny_hub, folder)
    (folder / "edges.pt").unlink()
    tiny_hub.asked.clear()
    fetch(tiny_hub, folder)
    assert [name for command, name, _ in tiny_hub.asked if command == "GET"] == ["edges.pt"]
    assert (folder / "edges.pt").read_bytes() == (GOLDEN / "edges.pt").read_bytes()


def test_a_file_that_changed_at_its_source_is_refused(tiny_hub: TinyHub, tmp_path: Path) -> None:
    folder = tmp_path / "edges"
    fetch(tiny_hub, folder)
    (tiny_hub.folder / "edges.pt").write_bytes(b"another model")
    with pytest.raises(CheckpointError, match=r"edges\.pt: the hub's file is not the one that was recorded"):
        fetch(tiny_hub, folder)
    assert (folder / "edges.pt").read_bytes() == (GOLDEN / "edges.pt").read_bytes()
    (tiny_hub.folder / "edges.pt").write_bytes((GOLDEN / "edges.pt").read_bytes())
    (tiny_hub.folder / "vocab_g2p.yaml").write_text("- other\n")
    (folder / "vocab_g2p.yaml").unlink()
    with pytest.raises(CheckpointError, match=r"vocab_g2p\.yaml: its SHA-256 is"):
        fetch(tiny_hub, folder)


def test_a_checksum_of_the_registry_is_kept_to(tiny_hub: TinyHub, tmp_path: Path) -> None:
    files = (KnownFile("edges.yaml", sha256="0" * 64),)
    with pytest.raises(CheckpointError, match=f"not {'0' * 64}"):
        fetch(tiny_hub, tmp_path / "edges", KnownModel("edges", "", "", "some/where", None, files))


def test_a_damaged_download_does_not_load(tiny_hub: TinyHub, tmp_path: Path) -> None:
    folder = tmp_path / "edges"
    fetch(tiny_hub, folder)
    with (folder / "edges.yaml").open("a") as file:
        file.write("# changed\n")
    with pytest.raises(CheckpointError, match=r"edges\.yaml: its checksum is not that of the download"):
        load_model(folder, resolve(RuntimeConfig(device="cpu")))


def test_what_the_hub_has_not(tiny_hub: TinyHub, tmp_path: Path) -> None:
    (tiny_hub.folder / "edges.pt").unlink()
    with pytest.raises(CheckpointError, match=r"edges\.pt: not downloaded: the repository has no such file"):
        fetch(tiny_hub, tmp_path / "edges")
    with pytest.raises(CheckpointError, match="no such repository"):
        Hub("no/where", "main", endpoint=tiny_hub.endpoint).describe("edges.pt")
    with pytest.raises(ConfigError, match="owner/name"):
        Hub("a/b/c", "main", endpoint=tiny_hub.endpoint).describe("edges.pt")
    assert not (tmp_path / "edges").exists()


def test_without_a_network(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(CheckpointError, match="the hub cannot be reached") as refused:
            Hub("some/where", "main", endpoint=endpoint).describe("edges.pt")
    assert "\n" not in str(refused.value)


def test_offline_and_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE"):
        Hub("some/where", "main")
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"songbloom-x2\[hub\]"):
        Hub("some/where", "main")
