"""Uploaded sound: kept where it is sound, refused in bounded memory where it is a bomb, and never a path."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

TONE = (Path(__file__).parent / "tone.wav").read_bytes()
Ask = Callable[..., dict[str, Any]]


def upload(client: httpx.Client, data: bytes, filename: str = "a.wav", **fields: str) -> httpx.Response:
    return client.post("/v1/styles", files={"file": (filename, data)}, data=fields)


def test_a_style_is_kept_listed_used_and_deleted(client: httpx.Client, generate: Ask, until_over: Ask) -> None:
    kept = upload(client, TONE, name="my tone")
    assert kept.status_code == 201
    style = kept.json()
    assert (style["name"], style["source"], style["seconds"]) == ("my tone", "upload", 1.5)
    listed = client.get("/v1/styles").json()["styles"]
    assert listed[0]["id"] == style["id"] and {"country-kit", "rock-glen"} <= {item["id"] for item in listed}
    assert until_over(client, generate(client, style=style["id"])["id"])["state"] == "succeeded"
    assert client.delete(f"/v1/styles/{style['id']}").status_code == 204
    assert client.delete(f"/v1/styles/{style['id']}").status_code == 404
    body = {"type": "generate", "request": {"lyrics": "[verse] Home.", "style": style["id"]}}
    assert client.post("/v1/jobs", json=body).status_code == 404


@pytest.mark.parametrize("format", ["FLAC", "MP3", "OGG", "AIFF"])
def test_every_usual_format_is_read(client: httpx.Client, format: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(44100) / 20) * 0.4, 44100, format=format)
    assert upload(client, file.getvalue()).status_code == 201


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "..\\..\\a.wav", "/etc/shadow", "a\x01b.wav", "x" * 300, "\u202e.wav"]
)
def test_a_file_name_never_becomes_a_path(client: httpx.Client, server: Any, name: str) -> None:
    before = set((server.data / "styles").iterdir())
    kept = upload(client, TONE, name)
    assert kept.status_code == 201
    (new,) = set((server.data / "styles").iterdir()) - before
    assert re.fullmatch(r"style-[0-9a-f]{32}\.flac", new.name)


def flac_of_silence(hours: float, *, told: bool) -> bytes:
    """A small FLAC file that unpacks to hours; without its count of samples where ``told`` is false."""
    file, block = io.BytesIO(), np.zeros(8000 * 600, np.float32)
    with soundfile.SoundFile(file, "w", 8000, 1, format="FLAC", subtype="PCM_16") as sound:
        for _ in range(int(hours * 6)):
            sound.write(block)
    data = bytearray(file.getvalue())
    if not told:
        data[21] &= 0xF0
        data[22:26] = bytes(4)
    return bytes(data)


@pytest.mark.parametrize("told", [True, False])
def test_a_megabyte_that_unpacks_to_ten_hours_is_refused(client: httpx.Client, server: Any, told: bool) -> None:
    bomb = flac_of_silence(10, told=told)
    assert len(bomb) < 2**20
    before = set((server.data / "styles").iterdir())
    answer = upload(client, bomb, "bomb.flac")
    assert answer.status_code == 422
    assert "longer" in answer.json()["detail"]
    assert set((server.data / "styles").iterdir()) - before == set()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"\0" * 4096,
        b"fLaC" + b"\xff" * 500,
        TONE[:40],
        TONE.replace(b"WAVE", b"AVI "),
        b"ID3" + bytes(300),
    ],
)
def test_what_is_no_sound_is_refused(client: httpx.Client, server: Any, data: bytes) -> None:
    answer = upload(client, data)
    assert answer.status_code == 422 and answer.json()["type"] == "urn:songbloom:problem:style"
    assert str(server.data) not in answer.text and "/tmp" not in answer.text


def test_a_form_is_refused_where_it_is_not_as_documented(client: httpx.Client) -> None:
    assert client.post("/v1/styles", json={"file": "x"}).status_code == 415
    assert client.post("/v1/styles", files={"sound": ("a.wav", TONE)}).status_code == 422
    assert client.post("/v1/styles", files={"file": (None, "text")}).status_code == 422
    twice = [("file", ("a.wav", TONE)), ("name", (None, "a")), ("name", (None, "b"))]
    assert client.post("/v1/styles", files=twice).status_code in (400, 422)
    assert upload(client, TONE, name="n" * 121).status_code == 422
    wrong = {"Content-Type": "multipart/form-data; boundary=x; charset=base64"}
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc\r\n--x--\r\n'
    assert client.post("/v1/styles", content=part, headers=wrong).status_code in (400, 422)
