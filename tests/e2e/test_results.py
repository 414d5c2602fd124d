"""What one does with songs: following the words, stretches, A/B, favourites, titles, search, deleting with undo."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.long

AT_START, AT_END = (f"document.querySelector('sb-detail .wave-edge.{end}').ariaValueNow * 1" for end in ("from", "to"))
"""JavaScript: seconds at which the chosen stretch begins and ends."""


def test_the_words_follow_and_the_waveform_leads(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    studio.choose(songs[0])
    page.wait_for_selector("sb-detail .wave-marks .verse")
    wave = page.locator("sb-detail .wave-area")
    wave.click()
    page.wait_for_function("songbloom.audio.currentTime > 3")
    page.wait_for_selector("sb-detail .words span.now, sb-detail .words span.sung")
    wave.focus()
    page.keyboard.press("Home")
    page.wait_for_function("songbloom.audio.currentTime < 2.5")
    expect(wave).to_have_attribute("aria-valuenow", re.compile(r"^[0-2]\.\d$"))
    page.get_by_role("button", name="Spectrogram").click()
    page.wait_for_function("document.querySelector('sb-detail .spectrogram').naturalWidth > 100")


def test_a_stretch_is_chosen_by_dragging_and_by_keys_and_loops(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    studio.choose(songs[0])
    start, end = studio.drag(0.25, 0.5)
    before = float(start.get_attribute("aria-valuenow"))
    assert 1.5 < before < 2.5
    start.press("ArrowRight")
    page.wait_for_function(f"before => {AT_START} > before && {AT_START} < before + 0.25", arg=before)
    end.press("PageDown")
    # The ends never cross: the later one stops just behind the other.
    page.wait_for_function(f"{AT_END} > {AT_START} && {AT_END} < {AT_START} + 0.6")
    page.get_by_role("button", name="Loop").click()
    _goes_round(page, before)
    page.keyboard.press("Escape")
    start.wait_for(state="hidden")


def test_a_loop_up_to_the_end_goes_round(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    studio.choose(songs[0])
    start, _ = studio.drag(0.8, 0.995)
    page.get_by_role("slider", name="End of the selection").press("PageUp")
    page.get_by_role("button", name="Loop").click()
    _goes_round(page, float(start.get_attribute("aria-valuenow")))


def _goes_round(page: Any, start: float) -> None:
    """The sound comes twice to the beginning of the stretch from further on."""
    page.wait_for_function(
        """start => {
             const at = songbloom.audio.currentTime, seen = (window.seen ??= { before: 0, rounds: 0 });
             if (at < seen.before && Math.abs(at - start) < 0.4) seen.rounds += 1;
             seen.before = at;
             return seen.rounds >= 2; }""",
        arg=start,
    )


def test_a_and_b_are_equally_loud_and_in_step(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    page.locator(f"[data-song={songs[0]}]").get_by_role("button", name="More for River").click()
    page.get_by_role("menuitem", name="Compare A/B").click()
    page.get_by_label("B", exact=True).select_option(songs[1])
    page.wait_for_function(
        """id => { const {sides} = document.querySelector('dialog').pair;
                   return sides[0] && sides[1]?.song.id === id; }""",
        arg=songs[1],
    )
    sides = page.evaluate(
        "document.querySelector('dialog').pair.sides.map(side => [side.song.id, side.loudness, side.factor])"
    )
    assert {song for song, _, _ in sides} == set(songs)
    heard = [page.evaluate("([l, f]) => l + 20 * Math.log10(f)", [loudness, factor]) for _, loudness, factor in sides]
    assert abs(heard[0] - heard[1]) < 0.01
    assert max(factor for _, _, factor in sides) == 1
    page.get_by_role("button", name="Play A / B").click()
    page.wait_for_function("document.querySelector('dialog').pair.position > 0.3")
    for key, which in (("b", 1), ("x", 0)):
        page.keyboard.press(key)
        page.wait_for_function(
            """which => { const {sides, heard} = document.querySelector('dialog').pair;
                return heard === which && sides[1 - which].gain.gain.value < 0.01
                    && Math.abs(sides[which].gain.gain.value - sides[which].factor) < 0.01; }""",
            arg=which,
        )
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_favourite_title_search_and_delete_with_undo(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    row = page.locator(f"[data-song={songs[1]}]")
    row.get_by_role("button", name="Favourite: River").click()
    page.wait_for_selector(f"[data-song={songs[1]}] [aria-pressed=true]")
    row.get_by_role("button", name="More for River").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Title").fill("Lighthouse")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Lighthouse")
    page.get_by_label("Search songs").fill("lighthouse")
    rows = page.locator("sb-library .song")
    expect(rows).to_have_count(1)
    page.get_by_label("Search songs").fill("")
    expect(rows).not_to_have_count(1)
    page.get_by_role("button", name="Favourites").click()
    expect(rows).to_have_count(1)
    row.get_by_role("button", name="More for Lighthouse").click()
    page.get_by_role("menuitem", name="Delete").click()
    row.wait_for(state="detached")
    assert songs[1] not in [song["id"] for song in studio.server.ask("/v1/songs")["songs"]]
    page.get_by_role("button", name="Undo").click()
    row.wait_for()
    assert songs[1] in [song["id"] for song in studio.server.ask("/v1/songs")["songs"]]


def test_an_open_menu_outlives_a_refresh_of_the_list(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    row = page.locator(f"[data-song={songs[0]}]")
    before = row.element_handle()
    row.get_by_role("button", name="More for River").click()
    entry = page.get_by_role("menuitem", name="Rename")
    entry.wait_for()
    # A song that is made elsewhere comes to the list: its row would push the menu away from the pointer.
    request = {"lyrics": "[verse]\nMorning light.", "title": "Newcomer", "duration": 3, "sampling": {"steps": 2}}
    new = studio.server.song_of(studio.server.ask("/v1/jobs", {"type": "generate", "request": request})["id"])
    page.wait_for_function("id => songbloom.get('songs').some(song => song.id === id)", arg=new)
    expect(page.locator(f"[data-song={new}]")).to_have_count(0)
    entry.click()
    page.get_by_role("dialog").get_by_label("Title").wait_for()
    # It comes when the menu is closed, and the other rows stay the elements that they were.
    expect(page.locator(f"[data-song={new}]")).to_contain_text("Newcomer")
    assert page.evaluate("([row, id]) => row === document.querySelector(`[data-song=${id}]`)", [before, songs[0]])
