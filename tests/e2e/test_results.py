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


def test_a_stretch_is_chosen_by_dragging_and_by_keys_and_loops(studio: Any, songs: list[str]) -> None:
    page = studio.open().page
    studio.choose(songs[0])
    wave = page.locator("sb-detail .wave-area")
    box = wave.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40, steps=5)
    page.mouse.up()
    start = page.get_by_role("slider", name="Beginning of the selection")
    end = page.get_by_role("slider", name="End of the selection")
    before = float(start.get_attribute("aria-valuenow"))
    assert 1.5 < before < 2.5
    start.focus()
    page.keyboard.press("ArrowRight")
    assert abs(float(start.get_attribute("aria-valuenow")) - before - 0.1) < 0.06
    end.focus()
    page.keyboard.press("PageDown")
    # The ends never cross.
    assert float(end.get_attribute("aria-valuenow")) > float(start.get_attribute("aria-valuenow"))
    page.get_by_role("button", name="Loop").click()
    page.wait_for_function("!songbloom.audio.paused")
    high = float(end.get_attribute("aria-valuenow"))
    page.wait_for_timeout(1500)
    assert page.evaluate("songbloom.audio.currentTime") <= high + 0.5
    page.keyboard.press("Escape")
    start.wait_for(state="hidden")


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
