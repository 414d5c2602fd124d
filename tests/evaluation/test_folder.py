from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from songbloom_x2.errors import ConfigError
from songbloom_x2.evaluation.figures import summarise
from songbloom_x2.evaluation.folder import evaluate_folder, song_files
from songbloom_x2.evaluation.measure import Figures
from songbloom_x2.evaluation.page import page
from songbloom_x2.evaluation.run import LyricsLine
from songbloom_x2.types import FloatArray

RATE = 16000


def hear(samples: FloatArray, language: str = "en") -> str:
    return "hello world"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    time = np.arange(3 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 220 * time)
    for name in ("one.wav", "one-voice.wav", "two.wav", "solo-voice.wav"):
        soundfile.write(folder / name, np.stack([tone, 0.5 * tone], axis=1), RATE)
    (folder / "broken.flac").write_bytes(b"not a sound")
    return folder


def test_stems_belong_to_their_song(folder: Path) -> None:
    assert [path.name for path in song_files(folder)] == ["broken.flac", "one.wav", "solo-voice.wav", "two.wav"]
    with pytest.raises(ConfigError, match="no such folder"):
        song_files(folder / "nowhere")


@pytest.fixture(scope="module")
def songs(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Figures]:
    lines = {"one": LyricsLine("one", "en", "[verse] Hello big world")}
    out = tmp_path_factory.mktemp("figures")
    first = evaluate_folder(folder, out, hear, None, lines, lambda *told: None)
    told: list[bool] = []
    assert evaluate_folder(folder, out, hear, None, lines, lambda *line: told.append(line[2])) == first
    assert told == [True] * 4
    return first


def test_what_can_be_known_is_measured_and_the_rest_is_explained(songs: list[Figures]) -> None:
    broken, one, _, two = songs
    assert "failed" in broken
    assert one["wer_mix"] == one["wer_voice"] == pytest.approx(1 / 3, abs=1e-3)
    assert "wer_mix" not in two and two["stereo_width"] == pytest.approx((0.5 / 1.5) ** 2, abs=0.01)
    summary = summarise([song for song in songs if "failed" not in song])
    assert summary["wer_mix"]["n"] == 1 and summary["seconds"]["n"] == 3
    assert summary["not_measured"]["pitch_within_50c"] == "there is no sketch to compare with"
    assert summary["not_measured"]["real_time_factor"] == "the songs were not made here"


class Tags(HTMLParser):
    """Collects what a page would fetch, and checks that tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br", "line", "circle", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass


def test_the_page_is_one_file_that_fetches_only_the_songs(songs: list[Figures]) -> None:
    summary = summarise([song for song in songs if "failed" not in song])
    audio = [None, Path("one & two.wav"), None, None]
    text = page("<b>Songs</b>", summary, [{**songs[0], "idx": "<script>"}, *songs[1:]], audio)
    tags = Tags()
    tags.feed(text)
    assert tags.fetched == ["one & two.wav"], tags.fetched
    assert "<script>" not in text and "<b>Songs" not in text
    assert text.count("<svg") == 2  # word errors of the one song whose lyrics are known
    assert "there is no sketch to compare with" in text
