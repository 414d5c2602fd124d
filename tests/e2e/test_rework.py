"""Songs made of songs and of several styles: mixing with weights, the way between two styles, vary, repaint, extend."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.long


def test_a_mix_with_weights_is_kept_and_sung(studio: Any) -> None:
    page = studio.write(duration=4).page
    page.get_by_role("button", name="Mix", exact=True).click()
    page.get_by_label("Style 1 of the mix").select_option("soul-cora")
    page.get_by_label("Style 2 of the mix").select_option("pop-edie")
    page.get_by_role("slider", name="Share of Soul · Cora").fill("0.7")
    expect(page.get_by_role("slider", name="Share of Pop · Edie")).to_have_value("0.3")
    expect(page.locator("sb-styles [role=status]")).to_contain_text("Soul · Cora 70 % + Pop · Edie 30 %")
    page.get_by_role("button", name="Keep this mix").click()
    expect(page.locator(".saved-mix")).to_have_count(1)
    page.reload()
    studio.ready()
    expect(page.locator(".saved-mix")).to_have_count(1)
    job = studio.create()
    studio.until_job(job, "succeeded")
    song = studio.song_of(job)
    assert studio.server.ask(f"/v1/songs/{song}")["style"] == "soul-cora:0.7 pop-edie:0.3"
    studio.choose(song)
    expect(page.locator("sb-detail .detail-head")).to_contain_text("Soul · Cora 70 % + Pop · Edie 30 %")
    page.get_by_role("button", name="Forget the mix Soul · Cora 70 % + Pop · Edie 30 %").click()
    page.wait_for_selector(".saved-mix", state="detached")


def test_songs_on_the_way_from_one_style_to_another(studio: Any) -> None:
    page = studio.write(duration=3).page
    page.get_by_role("button", name="Mix", exact=True).click()
    page.get_by_role("button", name="From one to the other").click()
    page.get_by_label("Style 1 of the mix").select_option("rock-dawn")
    page.get_by_label("Style 2 of the mix").select_option("lofi-alma")
    page.get_by_role("slider", name="Songs").fill("2")
    job = studio.create()
    studio.until_job(job, "succeeded")
    ids = [song["id"] for song in studio.server.ask(f"/v1/jobs/{job}")["result"]["songs"]]
    made = [studio.server.ask(f"/v1/songs/{id}") for id in ids]
    assert [song["style"] for song in made] == ["rock-dawn", "lofi-alma"]
    assert len({song["seed"] for song in made}) == 1


def test_a_song_is_varied_with_its_melody_kept(studio: Any, songs: list[str]) -> None:
    page = studio.open(along=False).page
    studio.choose(songs[0])
    page.get_by_role("button", name="Vary", exact=True).click()
    box = page.get_by_role("dialog")
    box.get_by_label("Seed").select_option("own")
    # Neither words nor seed nor settings would differ.
    expect(box.get_by_text("the same song again")).to_be_visible()
    box.get_by_label("What stays").select_option("sketch")
    expect(box.get_by_role("slider", name="Temperature")).to_be_hidden()
    box.get_by_role("slider", name="How much of the style").fill("1.5")
    expect(box.get_by_text("the same song again")).to_be_hidden()
    job = _made(studio, lambda: box.get_by_role("button", name="Create").click())
    request = studio.server.ask(f"/v1/jobs/{job}")["request"]
    assert (request["keep_sketch"], request["style_strength"], request["seed"]) == (True, 1.5, 7)
    song = studio.song_of(job)
    assert studio.server.ask(f"/v1/songs/{song}")["parents"] == [songs[0]]
    studio.choose(song)
    page.get_by_role("button", name="this song").click()
    page.wait_for_selector(f"[data-song={songs[0]}].selected")


def test_a_stretch_is_repainted_and_a_song_goes_on(studio: Any, songs: list[str]) -> None:
    page = studio.open(along=False).page
    studio.choose(songs[0])
    studio.drag(0.3, 0.5)
    page.get_by_role("button", name="Repaint this").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Other words").fill("Stars are out tonight.")
    form.get_by_role("slider", name="Tries").fill("1")
    repainted = _made(studio, lambda: form.get_by_role("button", name="Create").click())
    request = studio.server.ask(f"/v1/jobs/{repainted}")["request"]
    assert 2 < request["start"] < request["end"] < 4.5
    page.locator("sb-detail .rework").get_by_role("button", name="Extend", exact=True).click()
    form.get_by_label("Seconds to add").fill("2")
    extended = _made(studio, lambda: form.get_by_role("button", name="Create").click())
    before = studio.server.ask(f"/v1/songs/{songs[0]}")["seconds"]
    assert studio.server.ask(f"/v1/songs/{studio.song_of(extended)}")["seconds"] > before + 1
    assert abs(studio.server.ask(f"/v1/songs/{studio.song_of(repainted)}")["seconds"] - before) < 0.1


def test_settings_of_the_machine_reach_the_model(studio: Any) -> None:
    page = studio.write(duration=3).page
    page.get_by_role("button", name="Custom").click()
    page.get_by_label("Optimisation", exact=True).select_option("standard")
    expect(page.locator("sb-options [role=status]")).to_contain_text("Optimisation: Standard")
    job = studio.create()
    studio.until_job(job, "succeeded")
    plan = studio.server.ask(f"/v1/songs/{studio.song_of(job)}/manifest")["plan"]
    assert plan["packing"] is True
    page.reload()
    studio.ready()
    expect(page.get_by_label("Optimisation", exact=True)).to_have_value("standard")


def _made(studio: Any, ask: Any) -> str:
    """The job that ``ask`` brings about, once it has succeeded."""
    job: str = studio.created(ask)
    studio.until_job(job, "succeeded")
    return job
