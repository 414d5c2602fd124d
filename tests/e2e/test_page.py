"""The page itself: small and wide, by keyboard, for screen readers, in Chinese, behind a key; lyrics, styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SERIOUS = "serious", "critical"
PATIENCE = 120_000
"""Milliseconds that something may take on a busy machine."""


def _overflow(page: Any) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return width


def test_nothing_is_wider_than_a_small_phone(open_page: Callable[..., Any], server: Any, songs: list[str]) -> None:
    studio = open_page(server, width=360, height=740)
    page = studio.write().page
    page.evaluate("localStorage.setItem('sb.mode', '\"custom\"')")
    page.reload()
    studio.ready()
    assert _overflow(page) <= 0
    assert page.locator(".btn.create").is_visible()
    for tab in ("Words", "Library"):
        page.get_by_role("button", name=tab, exact=True).click()
        assert _overflow(page) <= 0
    page.get_by_role("button", name="Songs", exact=True).click()
    assert _overflow(page) <= 0
    studio.choose(songs[0])
    page.click("sb-detail .play.big")
    page.wait_for_selector("sb-player:not([hidden])")
    assert _overflow(page) <= 0
    page.get_by_role("button", name="Back to the songs").click()
    assert page.locator(f"[data-song={songs[0]}]").is_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(
    open_page: Callable[..., Any], server: Any, songs: list[str], axe: str, dark: bool
) -> None:
    studio = open_page(server, dark=dark)
    page = studio.write("[verse]\nWords with a § sign and [guitar solo].").page
    page.evaluate("localStorage.setItem('sb.mode', '\"custom\"')")
    page.reload()
    studio.ready()
    page.wait_for_selector(".finding")
    studio.choose(songs[0])
    page.evaluate(axe)
    assert _findings(page) == []
    page.get_by_role("button", name="Words", exact=True).click()
    assert _findings(page) == []
    page.click(".ready")
    page.wait_for_selector("dialog .model")
    assert _findings(page) == []
    page.keyboard.press("Escape")
    page.locator(f"[data-song={songs[0]}] .menu button").click()
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
    assert page.get_by_role("button", name="创作", exact=True).is_visible()
    page.get_by_role("button", name="示例").click()
    page.get_by_role("menuitem", name="纸灯笼").click()
    page.wait_for_function("document.querySelectorAll('sb-lyrics .shape .part').length === 3")
    assert "主歌" in page.locator("sb-lyrics .shape").inner_text()
    assert not page.evaluate(
        "/[a-z]+\\.[a-z]+/.test([...document.querySelectorAll('label, legend')].map(e => e.textContent).join(' '))"
    )
    page.reload()
    studio.ready()
    assert page.locator("sb-lyrics h2").inner_text() == "歌词"


def test_a_browser_in_chinese_is_greeted_in_chinese(open_page: Callable[..., Any], server: Any) -> None:
    page = open_page(server, language="zh-CN").open().page
    assert page.locator("sb-lyrics h2").inner_text() == "歌词"


def test_lyrics_are_checked_as_one_types(studio: Any) -> None:
    page = studio.open(lyrics="").page
    page.get_by_role("button", name="Insert section: Verse").click()
    page.keyboard.type("Stars are out tonight.")
    page.get_by_role("button", name="Insert section: Solo").click()
    text = page.get_by_label("Lyrics", exact=True)
    assert text.input_value() == "[verse]\nStars are out tonight.\n\n[inst]\n"
    page.wait_for_function("document.querySelectorAll('sb-lyrics .shape .part').length === 2")
    text.fill("# My song\n(Verse 1)\nStars are out tonight 🎸\n[Am] I am singing to the moon")
    page.wait_for_selector("sb-lyrics .finding")
    page.get_by_role("button", name="Clean up").click()
    box = page.get_by_role("dialog")
    assert box.locator(".gone").count() > 0
    assert box.locator(".new").count() > 0
    box.get_by_role("button", name="Use the clean text").click()
    assert "🎸" not in text.input_value()
    assert "[verse]" in text.input_value()
    page.get_by_role("button", name="Undo").click()
    assert "🎸" in text.input_value()


def test_a_recording_becomes_a_style(studio: Any) -> None:
    page = studio.open().page
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2500)
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
    assert "Licence" in box.inner_text()
    assert "Apache-2.0" in box.inner_text()
