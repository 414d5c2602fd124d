"""The embedded model over HTTP, and a browser's own player on its sound while it is made."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.long

Ask = Callable[..., dict[str, Any]]
Serve = Callable[..., "contextlib.AbstractContextManager[Any]"]


@pytest.fixture(scope="module")
def embedded(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data = tmp_path_factory.mktemp("embedded") / "data"
    with serve(data, "--model", "embedded") as server, server.client() as client:
        yield client


def test_a_song_of_the_embedded_model(embedded: httpx.Client, generate: Ask, until_over: Ask) -> None:
    asked = generate(embedded, duration=3, seed=4, style="country female", sampling={"steps": 2})
    job = until_over(embedded, asked["id"])
    assert job["state"] == "succeeded", job["error"]
    song = embedded.get(f"/v1/songs/{job['result']['songs'][0]['id']}").json()
    samples, rate = soundfile.read(io.BytesIO(embedded.get(song["audio"]).content))
    assert rate == 48000 and len(samples) / rate == pytest.approx(song["seconds"]) and np.abs(samples).max() > 0.05
    assert song["model"] == "embedded" and "country" in song["style"]
    manifest = embedded.get(f"/v1/songs/{song['id']}/manifest").json()
    assert manifest["seed"] == 4 and len(manifest["model"]["sha256"]) == 64


def test_a_browser_plays_a_song_while_it_is_made(
    embedded: httpx.Client, generate: Ask, chromium_flags: tuple[str, ...]
) -> None:
    chromium = shutil.which("chromium")
    assert chromium is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[*chromium_flags, "--autoplay-policy=no-user-gesture-required"]
        )
        page = browser.new_page()
        # A page of the server's own origin, so that its rules hold.
        page.goto(f"{embedded.base_url}/healthz")
        # Long enough to be still under way when a slow browser plays it.
        lyrics = "[verse] " + "City lights are calling me home. " * 12
        job = generate(embedded, lyrics=lyrics, duration=60, seed=5, sampling={"steps": 32})
        page.evaluate(
            """path => {
              const audio = document.createElement("audio");
              audio.id = "player";
              audio.autoplay = true;
              audio.src = path;
              document.body.append(audio);
            }""",
            job["songs"][0]["stream"],
        )
        page.wait_for_function("document.querySelector('#player').currentTime > 0.4", timeout=600_000)
        assert embedded.get(f"/v1/jobs/{job['id']}").json()["state"] == "running", "it began when the song was done"
        before = page.evaluate("document.querySelector('#player').currentTime")
        page.wait_for_function(f"document.querySelector('#player').currentTime > {before + 0.4}", timeout=600_000)
        assert page.evaluate("document.querySelector('#player').error") is None
        browser.close()
    embedded.delete(f"/v1/jobs/{job['id']}")
