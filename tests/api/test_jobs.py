"""Asking for songs over HTTP, watching them, cancelling them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

LYRICS = "[verse] City lights are calling me home."
Ask = Callable[..., dict[str, Any]]


def test_a_song_is_asked_for_followed_and_fetched(client: httpx.Client, until_over: Ask) -> None:
    request = {"lyrics": LYRICS, "duration": 1.3, "seed": 2}
    asked = client.post("/v1/jobs", json={"type": "generate", "request": request})
    assert asked.status_code == 202
    job = asked.json()
    assert asked.headers["location"] == f"/v1/jobs/{job['id']}"
    assert job["state"] == "queued" and job["result"] == {"songs": []} and len(job["songs"]) == 1
    done = until_over(client, job["id"])
    assert done["state"] == "succeeded" and done["error"] is None
    assert [song["id"] for song in done["result"]["songs"]] == [song["id"] for song in job["songs"]]
    assert done["progress"]["blocks_done"] > 0 and done["queue_position"] is None
    sound = client.get(done["songs"][0]["audio"])
    assert sound.headers["content-type"] == "audio/flac"
    samples, rate = soundfile.read(io.BytesIO(sound.content))
    assert rate == 48000 and samples.shape[0] > rate / 2 and np.abs(samples).max() > 0


def test_a_seed_that_is_left_out_is_drawn_and_told(client: httpx.Client, generate: Ask) -> None:
    jobs = [generate(client, seed=None) for _ in range(2)]
    assert len({job["request"]["seed"] for job in jobs} - {None}) == 2


def test_an_idempotency_key_gives_the_same_job_again(client: httpx.Client) -> None:
    def ask(seed: int) -> httpx.Response:
        body = {"type": "generate", "request": {"lyrics": LYRICS, "duration": 0.64, "seed": seed}}
        return client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "key-of-a-test"})

    first, again, other = ask(3), ask(3), ask(4)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert other.status_code == 409
    assert other.json()["type"] == "urn:songbloom:problem:conflict"


def test_jobs_are_listed_newest_first_page_by_page(client: httpx.Client, generate: Ask, until_over: Ask) -> None:
    made = [generate(client, seed=seed)["id"] for seed in (11, 12, 13)]
    page = client.get("/v1/jobs", params={"limit": 2}).json()
    assert [job["id"] for job in page["jobs"]] == [made[2], made[1]]
    rest = client.get("/v1/jobs", params={"limit": 2, "before": page["next"]}).json()
    assert rest["jobs"][0]["id"] == made[0]
    until_over(client, made[2])
    done = client.get("/v1/jobs?state=succeeded").json()["jobs"]
    assert {job["state"] for job in done} == {"succeeded"} and made[2] in {job["id"] for job in done}


def test_a_running_and_a_waiting_job_are_cancelled(client: httpx.Client, generate: Ask, until_over: Ask) -> None:
    # Of another sampling: it cannot be made beside the first.
    long, waiting = generate(client, duration=40), generate(client, duration=40, sampling={"steps": 3})
    cancelled = client.delete(f"/v1/jobs/{waiting['id']}")
    assert cancelled.status_code == 200 and cancelled.json()["state"] == "cancelled"
    assert client.delete(f"/v1/jobs/{long['id']}").json()["cancel_requested"]
    assert until_over(client, long["id"])["state"] == "cancelled"
    done = until_over(client, generate(client)["id"])
    assert client.delete(f"/v1/jobs/{done['id']}").status_code == 409


def read_events(client: httpx.Client, job: str, **headers: str) -> list[tuple[int, str, dict[str, object]]]:
    """All events of a stream until it ends: id, kind, data."""
    found = []
    with client.stream("GET", f"/v1/jobs/{job}/events", headers=headers) as answer:
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
            elif "id" in event:
                found.append((int(event["id"]), event["event"], json.loads(event["data"])))
                event = {}
    return found


def test_events_come_while_the_song_is_made_and_resume_where_they_were_left(
    client: httpx.Client, generate: Ask
) -> None:
    job = generate(client, duration=2.0, seed=21)["id"]
    events = read_events(client, job)
    kinds = [kind for _, kind, _ in events]
    assert kinds[:2] == ["queued", "started"] and kinds[-1] == "succeeded" and "progress" in kinds and "song" in kinds
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert all(data["job"] == job for _, _, data in events)
    assert read_events(client, job, **{"Last-Event-ID": "2"}) == events[2:]
    assert client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(len(events))}).status_code == 204


def test_several_songs_of_a_job_have_seeds_that_count_up(client: httpx.Client, until_over: Ask) -> None:
    body = {"type": "generate", "samples": 2, "request": {"lyrics": LYRICS, "duration": 0.64, "seed": 30}}
    job = until_over(client, client.post("/v1/jobs", json=body).json()["id"])
    seeds = [client.get(f"/v1/songs/{song['id']}").json()["seed"] for song in job["result"]["songs"]]
    assert seeds == [30, 31]


def sound(seconds: float = 3.0, rate: int = 48000) -> bytes:
    """A WAV of a tone with a little noise."""
    count = round(seconds * rate)
    noise = np.random.default_rng(0).normal(size=count) * 0.05
    file = io.BytesIO()
    soundfile.write(file, noise + 0.3 * np.sin(np.arange(count) / 30), rate, format="WAV")
    return file.getvalue()


def test_a_form_brings_its_style_along(client: httpx.Client, until_over: Ask) -> None:
    body = {"type": "generate", "request": {"lyrics": LYRICS, "duration": 0.64, "seed": 40}}
    headers = {"Idempotency-Key": "a-form"}
    for _ in range(2):
        files = {"style": ("../../etc/my song.wav", sound(), "audio/wav")}
        answer = client.post("/v1/jobs", data={"job": json.dumps(body)}, files=files, headers=headers)
        assert answer.status_code == 202, answer.text
    style = answer.json()["request"]["style"]
    listed = {item["id"]: item for item in client.get("/v1/styles").json()["styles"]}
    assert listed[style]["source"] == "upload" and listed[style]["seconds"] == pytest.approx(3.0)
    assert until_over(client, answer.json()["id"])["state"] == "succeeded"


def test_a_form_brings_no_style_to_a_job_that_has_none(client: httpx.Client) -> None:
    kept = len(client.get("/v1/styles").json()["styles"])
    body = {"type": "interpolate", "request": {"lyrics": LYRICS, "first": "soul-x", "second": "rock-y"}}
    answer = client.post("/v1/jobs", data={"job": json.dumps(body)}, files={"style": ("a.wav", sound(), "audio/wav")})
    assert answer.status_code == 409, answer.text
    assert "interpolate" in answer.json()["detail"]
    assert len(client.get("/v1/styles").json()["styles"]) == kept


@pytest.mark.parametrize(
    ("body", "status", "kind", "told"),
    [
        ({"type": "generate", "request": {"lyrics": ""}}, 422, "lyrics", "empty"),
        ({"type": "generate", "request": {"lyrics": LYRICS, "tempo": 90}}, 422, "invalid", "body.request.tempo"),
        ({"type": "generate", "request": {"lyrics": LYRICS, "duration": -1}}, 422, "invalid", "body.request.duration"),
        ({"type": "generate", "request": {"lyrics": LYRICS, "duration": 1e6}}, 422, "invalid", "duration"),
        ({"type": "generate", "request": {"lyrics": LYRICS, "seed": 2**63}}, 422, "invalid", "body.request.seed"),
        ({"type": "generate", "request": {"lyrics": LYRICS, "style": "/etc/passwd"}}, 422, "style", "paths"),
        ({"type": "generate", "request": {"lyrics": LYRICS, "sampling": {"step": 3}}}, 422, "invalid", "sampling.step"),
        ({"type": "generate", "request": {"lyrics": LYRICS, "sampling": {"steps": 999}}}, 422, "invalid", "steps"),
        ({"type": "generate", "request": {"lyrics": LYRICS, "model": "../x"}}, 404, "not-found", "model"),
        ({"type": "generate", "samples": 1000, "request": {"lyrics": LYRICS}}, 422, "invalid", "samples"),
        ({"type": "dance", "request": {"lyrics": LYRICS}}, 422, "invalid", "type"),
        ({"request": {"lyrics": LYRICS}}, 422, "invalid", "type"),
        ([], 422, "invalid", "body"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_problem(
    client: httpx.Client, body: object, status: int, kind: str, told: str
) -> None:
    answer = client.post("/v1/jobs", json=body)
    problem = answer.json()
    assert answer.status_code == status == problem["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"urn:songbloom:problem:{kind}" and told in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_other_content_is_not_taken(client: httpx.Client) -> None:
    def post(content: bytes, kind: str) -> int:
        return client.post("/v1/jobs", content=content, headers={"Content-Type": kind}).status_code

    assert post(b"<song/>", "application/xml") == 415
    assert post(b"{", "application/json") == 400
    assert post(b"[" * 100_000, "application/json") == 400
    assert post(b"--x\r\n", "multipart/form-data") == 400


def test_a_song_goes_on_and_is_repainted(client: httpx.Client, song: str, until_over: Ask) -> None:
    before = client.get(f"/v1/songs/{song}").json()
    for kind, request in (
        ("extend", {"song": song, "lyrics": "[verse] Every road.", "duration": 1.3, "seed": 4}),
        ("repaint", {"song": song, "lyrics": "[verse] Home.", "start": 0, "end": before["seconds"], "candidates": 1}),
    ):
        answer = client.post("/v1/jobs", json={"type": kind, "request": request})
        assert answer.status_code == 202, answer.text
        job = until_over(client, answer.json()["id"])
        assert job["state"] == "succeeded", job["error"]
        made = client.get(f"/v1/songs/{job['result']['songs'][0]['id']}").json()
        assert made["parents"] == [song] and made["type"] == kind
        assert (made["seconds"] > before["seconds"]) == (kind == "extend")
    missing = {"type": "extend", "request": {"song": f"song-{'0' * 32}"}}
    assert client.post("/v1/jobs", json=missing).status_code == 404


def test_songs_are_varied_mixed_and_made_between_styles(client: httpx.Client, song: str, until_over: Ask) -> None:
    plain = {"lyrics": LYRICS, "duration": 0.64, "seed": 6}
    shares = [{"style": "rock-glen", "weight": 0.7}, {"style": "soul female", "weight": 0.3}]
    for kind, request, count in (
        ("variations", {"song": song, "seed": 9}, 2),
        ("mix", {**plain, "styles": shares, "bpm": 90, "key": "A minor"}, 1),
        ("interpolate", {**plain, "first": "rock-glen", "second": "soul-edie", "steps": 3, "spherical": True}, 3),
        ("generate", {**plain, "style": "rock-glen:0.7 soul female:0.3"}, 1),
    ):
        body = {"type": kind, "request": request} | ({"samples": count} if kind == "variations" else {})
        answer = client.post("/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
        job = until_over(client, answer.json()["id"])
        assert job["state"] == "succeeded", job["error"]
        made = [client.get(f"/v1/songs/{each['id']}").json() for each in job["result"]["songs"]]
        assert len(made) == count and {each["type"] for each in made} == {kind}
        assert [each["parents"] for each in made] == [[song] if kind == "variations" else []] * count
    style = client.get(f"/v1/songs/{made[0]['id']}/manifest").json()["style"]
    assert [(part["name"], part["weight"]) for part in style["parts"]] == [("rock-glen", 0.7), ("soul-edie", 0.3)]


@pytest.mark.parametrize(
    ("kind", "request_", "told"),
    [
        ("mix", {"lyrics": LYRICS, "styles": []}, "request.styles"),
        ("mix", {"lyrics": LYRICS, "styles": [{"style": "a:1", "weight": 1}] * 2}, "without a colon"),
        ("mix", {"lyrics": LYRICS, "styles": [{"style": "rock", "weight": 1}] * 3, "spherical": True}, "two styles"),
        ("interpolate", {"lyrics": LYRICS, "first": "rock", "second": "soul", "steps": 99}, "steps 99"),
        ("interpolate", {"lyrics": LYRICS, "first": "rock"}, "request.second"),
        ("variations", {"song": "song-x", "keep_sketch": True, "keep_blocks": 2}, "one or the other"),
        ("generate", {"lyrics": LYRICS, "style": "rock:0.5"}, "a mix like"),
        ("generate", {"lyrics": LYRICS, "key": "H major"}, "request.key"),
    ],
)
def test_what_cannot_be_mixed_or_varied(client: httpx.Client, kind: str, request_: object, told: str) -> None:
    answer = client.post("/v1/jobs", json={"type": kind, "request": request_})
    assert answer.status_code == 422 and told in answer.json()["detail"], answer.text
