"""From words to a song, as somebody makes it: creating, hearing it grow, cancelling, and nothing lost on the way."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.long


def test_a_first_song(studio: Any) -> None:
    page = studio.open().page
    page.click("text=Examples")
    page.get_by_role("menuitem", name="Goodnight, harbour").click()
    page.get_by_label("Title", exact=True).fill("Harbour")
    page.get_by_text("Bossa · Glen", exact=True).click()
    page.get_by_role("spinbutton", name="Longest, seconds").fill("4")
    page.wait_for_function("document.querySelector('sb-create .told').textContent.includes('of song')")
    job = studio.create()
    studio.until_job(job, "succeeded")
    song = page.evaluate("id => songbloom.get('jobs').find(job => job.id === id).songs[0]", job)
    page.wait_for_selector(f"sb-library [data-song={song}]")
    studio.choose(song)
    expect(page.locator("sb-detail .name")).to_have_text("Harbour")
    expect(page.locator("sb-detail .detail-head")).to_contain_text("Bossa · Glen")
    page.wait_for_selector("sb-detail .wave-marks .verse")
    page.click("sb-detail .recipe summary")
    expect(page.get_by_text("SHA-256", exact=True)).to_be_visible()
    page.click("sb-detail .menu button")
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="FLAC lossless").click()
    assert download.value.suggested_filename.endswith(".flac")
    assert download.value.path().read_bytes()[:4] == b"fLaC"


def test_it_is_heard_while_it_is_made_and_can_be_cancelled(studio: Any) -> None:
    page = studio.write(long=True).page
    job = studio.create()
    page.wait_for_function(
        """id => songbloom.audio.currentTime > 0.2 && songbloom.audio.src.endsWith('/stream')
              && songbloom.get('jobs').find(job => job.id === id).state === 'running'""",
        arg=job,
    )
    row = page.locator(f"[data-job={job}]")
    expect(row).to_contain_text("Block")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"^\d\d?$"))
    row.get_by_role("button", name="Cancel").click()
    studio.until_job(job, "cancelled")
    row.get_by_role("button", name="Put away").click()
    row.wait_for(state="detached")


def test_who_listens_goes_on_with_the_finished_song(studio: Any) -> None:
    page = studio.write(duration=6).page
    job = studio.create()
    studio.until_job(job, "succeeded")
    page.wait_for_function("songbloom.audio.src.includes('/audio') && songbloom.audio.currentTime > 0.1")
    page.wait_for_function("document.querySelector('sb-player .name').textContent.endsWith('Song')")


def test_a_reload_in_mid_song_loses_nothing(studio: Any) -> None:
    page = studio.write(duration=10, samples=2).page
    job = studio.create()
    studio.until_job(job, "running")
    page.reload()
    studio.ready()
    expect(page.get_by_label("Lyrics", exact=True)).to_have_value(re.compile("Morning light"))
    page.wait_for_selector(f"[data-job={job}]")
    studio.until_job(job, "succeeded")
    page.wait_for_function("id => songbloom.get('songs').filter(song => song.job === id).length === 2", arg=job)


def test_a_killed_server_loses_nothing(open_page: Callable[..., Any], start_server: Callable[..., Any]) -> None:
    server = start_server()
    studio = open_page(server)
    # While the server is gone the browser itself reports that nothing answers.
    studio.watch.allowed.append("net::ERR_")
    page = studio.write(duration=10).page
    job = studio.create()
    studio.until_job(job, "running")
    server.kill()
    page.wait_for_selector("text=No connection")
    page.get_by_label("Lyrics", exact=True).press_sequentially(" More")
    server.start()
    page.wait_for_selector("text=No connection", state="detached")
    studio.until_job(job, "succeeded")
    page.wait_for_function("id => songbloom.get('songs').some(song => song.job === id)", arg=job)
    expect(page.get_by_label("Lyrics", exact=True)).to_have_value(re.compile("More"))
    song = studio.song_of(job)
    page.wait_for_selector(f"sb-library [data-song={song}]")
    with urllib.request.urlopen(f"{server.address}/v1/songs/{song}/audio", timeout=600) as answer:
        assert answer.read(4) == b"fLaC"


def test_again_with_this_seed_is_the_same_song(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    first = studio.server.ask(f"/v1/songs/{songs[0]}/manifest")
    page.locator(f"[data-song={songs[0]}]").get_by_role("button", name="More for River").click()
    page.get_by_role("menuitem", name="Again with this seed").click()
    expect(page.get_by_label("Lyrics", exact=True)).to_have_value(re.compile("Morning light"))
    expect(page.locator("sb-options")).to_contain_text("Seed: 7")
    job = studio.create()
    studio.until_job(job, "succeeded")
    again = page.evaluate("id => songbloom.get('jobs').find(job => job.id === id).songs[0]", job)
    assert again not in songs
    made = studio.server.ask(f"/v1/songs/{again}/manifest")
    assert made["result"]["samples_sha256"] == first["result"]["samples_sha256"]


def test_what_cannot_be_made_is_said_beside_the_button(studio: Any) -> None:
    page = studio.open(lyrics="").page
    before = page.evaluate("songbloom.get('jobs').length")
    page.click(".btn.create")
    wrong = page.locator("sb-create [role=alert]")
    expect(wrong).to_contain_text("no words yet")
    expect(page.get_by_label("Lyrics", exact=True)).to_be_focused()
    page.get_by_label("Lyrics", exact=True).fill("[verse]")
    page.click(".btn.create")
    expect(wrong).to_contain_text("only tags")
    page.get_by_label("Lyrics", exact=True).fill("[foo] Hello")
    page.click(".btn.create")
    expect(wrong).to_contain_text("line 1")
    assert page.evaluate("songbloom.get('jobs').length") == before
