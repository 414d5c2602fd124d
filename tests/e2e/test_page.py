"""The page itself: small and wide, by keyboard, for screen readers, in Chinese, behind a key; lyrics, styles."""

from __future__ import annotations

import math
import re
import struct
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.long

SERIOUS = "serious", "critical"


def _fits(page: Any) -> bool:
    fits: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return fits


def test_nothing_is_wider_than_a_small_phone(open_page: Callable[..., Any], server: Any, songs: list[str]) -> None:
    studio = open_page(server, width=360, height=740)
    page = studio.write(kept={"mode": "custom"}).page
    expect(page.locator(".btn.create")).to_be_visible()
    assert _fits(page)
    for tab in ("Words", "Library"):
        button = page.get_by_role("button", name=tab, exact=True)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert _fits(page)
    page.get_by_role("button", name="Songs", exact=True).click()
    expect(page.locator(f"[data-song={songs[0]}]")).to_be_visible()
    assert _fits(page)
    studio.choose(songs[0])
    page.click("sb-detail .play.big")
    page.wait_for_selector("sb-player:not([hidden])")
    assert _fits(page)
    page.get_by_role("button", name="Back to the songs").click()
    expect(page.locator(f"[data-song={songs[0]}]")).to_be_visible()


def test_everything_by_keyboard_alone(studio: Any, songs: list[str]) -> None:
    page = studio.write(long=True, kept={"along": False}).page
    _tab_to(page, "sb-lyrics textarea")
    page.keyboard.press("Control+Home")
    page.keyboard.type("[verse]\nSinging by the keys alone.\n\n")
    _tab_to(page, "sb-styles .style input")
    page.keyboard.press("ArrowDown")
    expect(page.locator("sb-styles [role=status]")).to_contain_text("Ballad · Hugo")
    _tab_to(page, ".btn.create")
    expect(page.locator(".btn.create")).to_have_css("outline-style", "solid")
    job = studio.created(lambda: page.keyboard.press("Enter"))
    _tab_to(page, f"[data-job={job}] .stop")
    page.keyboard.press("Enter")
    studio.until_job(job, "cancelled")
    _tab_to(page, "sb-library .song .open")
    page.keyboard.press("Enter")
    page.wait_for_selector("sb-detail[data-shown] .wave-area")
    _tab_to(page, "sb-library .song .menu button")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("document.activeElement.getAttribute('role') === 'menuitem'")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.getAttribute('aria-expanded') === 'false'")
    _tab_to(page, "sb-detail .play.big")
    page.keyboard.press("Space")
    page.wait_for_function("!songbloom.audio.paused && songbloom.audio.currentTime > 0.1")


def _tab_to(page: Any, selector: str) -> None:
    page.wait_for_selector(selector)
    for _ in range(200):
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by Tab")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(
    open_page: Callable[..., Any], server: Any, songs: list[str], axe: str, dark: bool
) -> None:
    studio = open_page(server, dark=dark)
    page = studio.write("[verse]\nWords with a § sign and [guitar solo].", kept={"mode": "custom"}).page
    page.wait_for_selector(".finding")
    studio.choose(songs[0])
    page.evaluate(axe)
    assert _findings(page) == []
    page.get_by_role("button", name="Words", exact=True).click()
    page.get_by_label("Describe the style").wait_for()
    assert _findings(page) == []
    page.click(".ready")
    page.wait_for_selector("dialog .model")
    assert _findings(page) == []
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.locator(f"[data-song={songs[0]}]").get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Compare A/B").click()
    page.wait_for_function("document.querySelector('dialog')?.pair?.sides.every(Boolean)")
    assert _findings(page) == []


def _findings(page: Any) -> list[str]:
    # The frame around our elements is Gradio's.
    found = page.evaluate("axe.run({ include: ['#studio, dialog'] }, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def test_in_chinese(studio: Any) -> None:
    page = studio.open().page
    page.get_by_role("button", name="Language:").click()
    page.get_by_role("menuitem", name="中文").click()
    page.wait_for_selector("html[lang=zh-Hans] body[data-ready]")
    expect(page.get_by_role("button", name="创作", exact=True)).to_be_visible()
    page.get_by_role("button", name="示例").click()
    page.get_by_role("menuitem", name="纸灯笼").click()
    page.wait_for_function("document.querySelectorAll('sb-lyrics .shape .part').length === 3")
    expect(page.locator("sb-lyrics .shape")).to_contain_text("主歌")
    assert not page.evaluate(
        "/[a-z]+\\.[a-z]+/.test([...document.querySelectorAll('label, legend')].map(e => e.textContent).join(' '))"
    )
    page.reload()
    studio.ready()
    expect(page.locator("sb-lyrics h2")).to_have_text("歌词")


def test_a_browser_in_chinese_is_greeted_in_chinese(open_page: Callable[..., Any], server: Any) -> None:
    page = open_page(server, language="zh-CN").open().page
    expect(page.locator("sb-lyrics h2")).to_have_text("歌词")


def test_behind_a_key(open_page: Callable[..., Any], start_server: Callable[..., Any], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "songbloom_x2", "keys", "create", "singer", f"--data-dir={tmp_path}"]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    key = next(word for word in made.stdout.split() if len(word) > 30)
    server = start_server(folder=tmp_path)
    studio = open_page(server)
    studio.watch.allowed.append("401")
    page = studio.page
    page.goto(server.address)
    page.get_by_label("API key").fill("sb_not_this_one")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    page.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")
    studio.ready()
    studio.write()
    job = studio.create()
    page.wait_for_function("songbloom.audio.currentTime > 0.1")
    studio.until_job(job, "succeeded")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_selector("input[name=key]")
    assert page.evaluate("fetch('/v1/songs').then(reply => reply.status)") == 401


def test_lyrics_are_checked_as_one_types(studio: Any) -> None:
    page = studio.open(lyrics="").page
    page.get_by_role("button", name="Insert section: Verse").click()
    page.keyboard.type("Stars are out tonight.")
    page.get_by_role("button", name="Insert section: Solo").click()
    text = page.get_by_label("Lyrics", exact=True)
    expect(text).to_have_value("[verse]\nStars are out tonight.\n\n[inst]\n")
    expect(page.locator("sb-lyrics .shape .part")).to_have_count(2)
    text.fill("# My song\n(Verse 1)\nStars are out tonight 🎸\n[Am] I am singing to the moon")
    page.wait_for_selector("sb-lyrics .finding")
    page.get_by_role("button", name="Clean up").click()
    box = page.get_by_role("dialog")
    expect(box.locator(".gone")).not_to_have_count(0)
    expect(box.locator(".new")).not_to_have_count(0)
    box.get_by_role("button", name="Use the clean text").click()
    expect(text).to_have_value(re.compile(r"^[^🎸]*\[verse\][^🎸]*$"))
    page.get_by_role("button", name="Undo").click()
    expect(text).to_have_value(re.compile("🎸"))


def test_cleaning_up_keeps_what_is_written_meanwhile(studio: Any) -> None:
    page = studio.open(lyrics="[verse]\nStars are out tonight 🎸").page
    text = page.get_by_label("Lyrics", exact=True)
    # The first answer comes after more was written; a second press asks for nothing more.
    asked = []

    def slowly(route: Any) -> None:
        asked.append(1)
        if len(asked) == 1:
            text.fill("[verse]\nStars are out tonight 🎸\nAnd the moon is rising.")
        route.continue_()

    page.route(lambda address: True, lambda route: slowly(route) if _cleans(route.request) else route.fallback())
    page.get_by_role("button", name="Clean up").evaluate("button => { button.click(); button.click(); }")
    page.get_by_role("dialog").get_by_role("button", name="Use the clean text").click()
    page.wait_for_selector("dialog", state="detached")
    expect(text).to_have_value(re.compile(r"^[^🎸]*And the moon is rising"))
    assert len(asked) == 2


def _cleans(request: Any) -> bool:
    return "clean_lyrics" in (request.post_data or "")


def test_options_that_differ_are_seen_and_put_back(studio: Any) -> None:
    page = studio.open().page
    page.get_by_role("button", name="Custom").click()
    steps = page.get_by_role("slider", name="Steps")
    usual = steps.input_value()
    page.get_by_label("Speed or quality", exact=True).select_option("draft")
    expect(steps).to_have_value("5")
    page.get_by_label("Speed or quality", exact=True).select_option("")
    expect(steps).to_have_value(usual)
    steps.fill("3")
    box = page.locator(".option", has=steps)
    expect(box).to_contain_class("differs")
    expect(page.locator("sb-options [role=status]")).to_contain_text("Steps: 3")
    page.get_by_role("button", name="Put Steps back to its default").click()
    expect(steps).to_have_value(usual)
    expect(box).not_to_contain_class("differs")


def test_a_style_of_ones_own_and_bad_uploads(studio: Any, tmp_path: Path) -> None:
    sound = tmp_path / "tune.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        notes = (220, 277, 330, 440)
        for n in range(24000 * 6):
            pitch = notes[n // 6000 % 4]
            file.writeframesraw(struct.pack("<h", int(9000 * math.sin(2 * math.pi * pitch * n / 24000))))
    bad = tmp_path / "bad.wav"
    bad.write_text("these are words, not a sound")
    studio.watch.allowed.append("status of 422")
    page = studio.open().page
    page.get_by_role("button", name="Upload a sound").click()
    page.get_by_label("Sound file").set_input_files(bad)
    page.get_by_role("button", name="Save style").click()
    expect(page.locator("dialog [role=alert]")).to_contain_text(re.compile(r"\w"))
    expect(page.locator("dialog")).not_to_contain_text("Traceback")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.get_by_role("button", name="Upload a sound").click()
    page.get_by_label("Sound file").set_input_files(sound)
    page.get_by_role("slider", name="End of the selection").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("dialog")).to_contain_text("0.0 to 5.0 s")
    page.get_by_label("Name").fill("My tune")
    page.get_by_role("button", name="Save style").click()
    page.wait_for_selector("sb-styles :text('Chosen: My tune')")
    style = next(one for one in studio.server.ask("/v1/styles")["styles"] if one["name"] == "My tune")
    assert abs(style["seconds"] - 5) < 0.05
    page.get_by_role("button", name="Hear My tune").click()
    page.wait_for_function("!songbloom.audio.paused && songbloom.audio.currentTime > 0.1")
    page.get_by_role("button", name="Delete style My tune").click()
    page.get_by_role("button", name="Hear My tune").wait_for(state="detached")
    page.wait_for_function("songbloom.audio.paused")


def test_a_style_that_comes_with_the_model_is_heard(studio: Any) -> None:
    page = studio.open().page
    page.get_by_role("button", name="Hear Soul · Cora").click()
    page.wait_for_function("!songbloom.audio.paused && songbloom.audio.currentTime > 0.1")


def test_a_recording_becomes_a_style(studio: Any) -> None:
    page = studio.open().page
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_function("document.querySelector('dialog [role=timer]')?.textContent >= '0:03'")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("dialog .wave-area")
    page.get_by_label("Name").fill("Beeps")
    page.get_by_role("button", name="Save style").click()
    page.wait_for_selector("sb-styles :text('Chosen: Beeps')")


def test_the_models_are_told_about(studio: Any) -> None:
    page = studio.open().page
    page.click(".ready")
    box = page.get_by_role("dialog")
    box.locator(".model", has_text="embedded").wait_for()
    expect(box).to_contain_text("Licence")
    expect(box).to_contain_text("Apache-2.0")
