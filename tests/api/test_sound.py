"""A song's sound: as a file in parts and conditions, and while it is made, with the players that people use."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from songbloom_x2.audio.streamed import STREAM_FORMATS

Ask = Callable[..., dict[str, Any]]


def test_a_file_is_sent_whole_with_what_its_record_says(client: httpx.Client, song: str) -> None:
    record = client.get(f"/v1/songs/{song}").json()
    answer = client.get(f"/v1/songs/{song}/audio")
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == record["sha256"]
    assert answer.headers["accept-ranges"] == "bytes"
    assert (record["title"], record["seed"], record["type"]) == ("First", 5, "generate")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-", 0, None), ("bytes=10-19", 10, 19), ("bytes=-7", -7, None), ("bytes=5-999999999", 5, None)],
)
def test_a_stretch_is_sent_alone(client: httpx.Client, song: str, asked: str, first: int, last: int | None) -> None:
    whole = client.get(f"/v1/songs/{song}/audio").content
    part = client.get(f"/v1/songs/{song}/audio", headers={"Range": asked})
    wanted = whole[first:] if last is None else whole[first : last + 1]
    assert (part.status_code, part.content) == (206, wanted)
    start = len(whole) - len(wanted) if last is None else first
    assert part.headers["content-range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=9-3", "bytes=0-1,5-9", "words=1-2", "bytes=", "bytes=a-b", "bytes=--5"])
def test_ranges_that_cannot_be_served_are_answered_with_the_whole(client: httpx.Client, song: str, asked: str) -> None:
    assert client.get(f"/v1/songs/{song}/audio", headers={"Range": asked}).status_code == 200


def test_a_range_behind_the_end_is_refused(client: httpx.Client, song: str) -> None:
    answer = client.get(f"/v1/songs/{song}/audio", headers={"Range": "bytes=99999999-"})
    size = client.head(f"/v1/songs/{song}/audio").headers["content-length"]
    assert answer.status_code == 416 and answer.headers["content-range"] == f"bytes */{size}"
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_the_client_has_is_not_sent_again(client: httpx.Client, song: str) -> None:
    path = f"/v1/songs/{song}/audio"
    head = client.head(path)
    tag = head.headers["etag"]
    assert head.status_code == 200 and head.content == b"" and int(head.headers["content-length"]) > 1000
    for given in (tag, f'"other", W/{tag}', "*"):
        again = client.get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"") and again.headers["etag"] == tag
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get(path, headers={"Range": "bytes=0-3", "If-Range": tag}).status_code == 206
    assert client.get(path, headers={"Range": "bytes=0-3", "If-Range": '"other"'}).status_code == 200
    assert client.get(f"{path}?format=wav").headers["etag"] != tag


@pytest.mark.parametrize(("format", "media"), [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("opus", "audio/ogg")])
def test_other_formats_hold_the_same_song(client: httpx.Client, song: str, format: str, media: str) -> None:
    original, rate = soundfile.read(io.BytesIO(client.get(f"/v1/songs/{song}/audio").content))
    answer = client.get(f"/v1/songs/{song}/audio", params={"format": format})
    assert answer.headers["content-type"] == media
    sound, same_rate = soundfile.read(io.BytesIO(answer.content))
    assert same_rate == rate and abs(len(sound) - len(original)) < 0.1 * rate
    assert client.get(f"/v1/songs/{song}/audio?format=aac").status_code == 422


def test_what_can_be_shown_of_a_song(client: httpx.Client, song: str) -> None:
    peaks = client.get(f"/v1/songs/{song}/peaks").json()
    assert len(peaks["low"]) == len(peaks["high"]) > 100 and peaks["seconds"] > 0.5
    assert client.get(f"/v1/songs/{song}/manifest").json()["seed"] == 5
    picture = client.get(f"/v1/songs/{song}/spectrogram.png")
    assert picture.headers["content-type"] == "image/png" and picture.content.startswith(b"\x89PNG")
    tag = {"If-None-Match": picture.headers["etag"]}
    assert client.get(f"/v1/songs/{song}/spectrogram.png", headers=tag).status_code == 304


def test_a_song_is_renamed_marked_deleted_and_brought_back(
    client: httpx.Client, generate: Ask, until_over: Ask
) -> None:
    made = until_over(client, generate(client, seed=77)["id"])["result"]["songs"][0]["id"]
    path = f"/v1/songs/{made}"
    changed = client.patch(path, json={"title": "Home again", "favourite": True}).json()
    assert (changed["title"], changed["favourite"]) == ("Home again", True)
    assert made in {song["id"] for song in client.get("/v1/songs?search=home+again&favourite=true").json()["songs"]}
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.get(f"{path}/audio").status_code == 404
    assert made in {song["id"] for song in client.get("/v1/songs?deleted=true").json()["songs"]}
    assert client.patch(path, json={"deleted": False}).json()["deleted_at"] is None
    assert client.get(f"{path}/audio").status_code == 200


def test_songs_are_listed_page_by_page(client: httpx.Client, generate: Ask, until_over: Ask) -> None:
    for seed in (81, 82):
        until_over(client, generate(client, seed=seed)["id"])
    first = client.get("/v1/songs?limit=1").json()
    second = client.get("/v1/songs", params={"limit": 1, "before": first["next"]}).json()
    assert [page["songs"][0]["seed"] for page in (first, second)] == [82, 81]


def test_ffmpeg_plays_a_song_while_it_is_made(client: httpx.Client, generate: Ask, until_over: Ask) -> None:
    job = generate(client, duration=20, seed=90, sampling={"steps": 10})
    address = f"{client.base_url}{job['songs'][0]['stream']}"
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg is not None
    playing = subprocess.Popen([ffmpeg, "-v", "error", "-i", address, "-f", "s16le", "-"], stdout=subprocess.PIPE)
    assert playing.stdout is not None
    heard = playing.stdout.read(48_000)
    state = client.get(f"/v1/jobs/{job['id']}").json()["state"]
    heard += playing.stdout.read()
    assert playing.wait(300) == 0
    assert state == "running", "the sound came only when the song was done"
    made = until_over(client, job["id"])["result"]["songs"][0]["id"]
    seconds = client.get(f"/v1/songs/{made}").json()["seconds"]
    assert len(heard) == pytest.approx(seconds * 48_000 * 4, rel=0.02)


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus"])
def test_a_stream_is_the_whole_song_in_every_format(client: httpx.Client, song: str, format: str) -> None:
    with client.stream("GET", f"/v1/songs/{song}/stream", params={"format": format}) as answer:
        assert answer.status_code == 200 and "content-length" not in answer.headers
        data = b"".join(answer.iter_bytes())
    seconds = client.get(f"/v1/songs/{song}").json()["seconds"]
    probe = ["ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-"]
    plain = subprocess.run(probe, input=data, capture_output=True, check=True).stdout
    assert len(plain) / (48_000 * 4) == pytest.approx(seconds, abs=0.1)


def test_listening_to_a_song_that_will_not_come_ends(client: httpx.Client, generate: Ask) -> None:
    # Of another sampling: it cannot be made beside the first.
    slow = {"steps": 100}
    first, second = generate(client, duration=40, sampling=slow), generate(client, duration=30, sampling={"steps": 3})
    with client.stream("GET", second["songs"][0]["stream"]) as answer:
        pieces = answer.iter_raw()
        assert next(pieces).startswith(b"RIFF")
        client.delete(f"/v1/jobs/{second['id']}")
        assert b"".join(pieces) == b""
    client.delete(f"/v1/jobs/{first['id']}")
    assert client.get(second["songs"][0]["stream"]).status_code == 404


def test_the_speech_form_works_with_the_openai_package(client: httpx.Client, until_over: Ask) -> None:
    import openai

    with openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="none", max_retries=0) as service:
        with service.audio.speech.with_streaming_response.create(
            model="aligned0",
            voice="soul-edie",
            input="[verse] City lights are calling me home.",
            response_format="wav",
            extra_body={"duration": 2.0, "seed": 3},
        ) as answer:
            job = answer.headers["x-job-id"]
            data = b"".join(answer.iter_bytes())
        song = until_over(client, job)
        assert song["state"] == "succeeded" and song["request"]["style"] == "soul-edie"
        assert data.startswith(b"RIFF") and len(data) > 48_000
        whole = service.audio.speech.create(
            model="aligned0", voice="any", input="[verse] Home.", extra_body={"duration": 0.64}
        )
        assert soundfile.info(io.BytesIO(whole.content)).format == "MP3"
        with pytest.raises(openai.NotFoundError) as refused:
            service.audio.speech.create(model="tts-1", voice="alloy", input="[verse] Home.")
        assert refused.value.body == json.loads(refused.value.response.text)
        with pytest.raises(openai.UnprocessableEntityError):
            service.audio.speech.create(model="aligned0", voice="any", input="[verse] Home.", speed=2)


def test_a_song_whose_listener_leaves_is_cancelled(client: httpx.Client, until_over: Ask) -> None:
    body = {"model": "aligned0", "voice": "any", "input": "[verse] Home.", "response_format": "wav", "duration": 40}
    with client.stream("POST", "/v1/audio/speech", json=body) as answer:
        next(answer.iter_raw())
        job = answer.headers["x-job-id"]
    assert until_over(client, job)["state"] == "cancelled"


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_speech_is_sent_in_every_format(client: httpx.Client, format: str) -> None:
    body = {"model": "aligned0", "voice": "any", "input": "[verse] Home.", "duration": 0.64, "seed": 1}
    answer = client.post("/v1/audio/speech", json={**body, "response_format": format})
    assert answer.status_code == 200, answer.text
    plain = ["-f", "s16le", "-ar", "24000", "-ac", "1"] if format == "pcm" else []
    command = ["ffmpeg", "-v", "error", *plain, "-i", "-", "-f", "f32le", "-ac", "1", "-ar", "24000", "-"]
    made = subprocess.run(command, input=answer.content, capture_output=True, check=True).stdout
    sound = np.frombuffer(made, np.float32)
    assert len(sound) > 2400 and np.abs(sound).max() > 0.001
