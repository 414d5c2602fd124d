"""What one does with songs: following the words, stretches, A/B, favourites, titles, search, deleting with undo."""

from __future__ import annotations

from typing import Any


def test_the_words_follow_and_the_waveform_leads(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    studio.choose(songs[0])
    page.wait_for_selector("sb-detail .wave-marks .verse")
    wave = page.locator("sb-detail .wave-area")
    box = wave.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.wait_for_function("songbloom.audio.currentTime > 3")
    page.wait_for_selector("sb-detail .words span.now, sb-detail .words span.sung")
    wave.focus()
    page.keyboard.press("Home")
    page.wait_for_function("songbloom.audio.currentTime < 2.5")
    assert 0 <= float(wave.get_attribute("aria-valuenow")) <= 6
    page.get_by_role("button", name="Spectrogram").click()
    page.wait_for_function("document.querySelector('sb-detail .spectrogram').naturalWidth > 100")


def test_favourite_title_search_and_delete_with_undo(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    row = page.locator(f"[data-song={songs[1]}]")
    row.get_by_role("button", name="Favourite: River").click()
    page.wait_for_selector(f"[data-song={songs[1]}] [aria-pressed=true]")
    row.get_by_role("button", name="More for River").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Title").fill("Lighthouse")
    page.keyboard.press("Enter")
    page.wait_for_function("songbloom.get('songs').some(song => song.title === 'Lighthouse')")
    page.get_by_label("Search songs").fill("lighthouse")
    page.wait_for_function("songbloom.get('songs').length === 1")
    page.get_by_label("Search songs").fill("")
    page.get_by_role("button", name="Favourites").click()
    page.wait_for_function("songbloom.get('songs').every(song => song.favourite)")
    row.get_by_role("button", name="More for Lighthouse").click()
    page.get_by_role("menuitem", name="Delete").click()
    row.wait_for(state="detached")
    assert songs[1] not in [song["id"] for song in studio.server.ask("/v1/songs")["songs"]]
    page.get_by_role("button", name="Undo").click()
    row.wait_for()
    assert songs[1] in [song["id"] for song in studio.server.ask("/v1/songs")["songs"]]
