"""A whole evaluation of a tiny model, with a listener that hears what it is told to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.cli.evaluate import _part
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.evaluate.recognition import STYLE_WIDTH, VOICE_WIDTH, Recogniser, fit_recogniser
from songbloom_x2.evaluation.figures import FIGURES, summarise
from songbloom_x2.evaluation.listener import Listener
from songbloom_x2.evaluation.measure import Figures
from songbloom_x2.evaluation.run import Evaluation, EvaluationPlan, LyricsLine, plan_id, read_lyrics_lines
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.types import FloatArray

LINES = (
    LyricsLine("a", "en", "[verse] Hello my friend. , [chorus] Sing with me. , [chorus] Sing with me."),
    LyricsLine("b", "en", "[verse] Good night."),
)
PLAN = EvaluationPlan(LINES, songs=2, duration=6)


class Deaf:
    """Hears the same words in everything, and counts how often it was asked."""

    def __init__(self, words: str = "hello my friend") -> None:
        self.words, self.asked = words, 0

    def __call__(self, samples: FloatArray, language: str = "en") -> str:
        self.asked += 1
        return self.words


@pytest.fixture(scope="module")
def listener() -> Listener:
    rng = np.random.default_rng(0)

    def fitted(width: int, names: list[str]) -> Recogniser:
        rows = rng.normal(size=(12, width)).astype(np.float32)
        return fit_recogniser(rows, [names[i % len(names)] for i in range(12)])

    return Listener(
        fitted(STYLE_WIDTH, ["country", "rock", "soul"]), fitted(VOICE_WIDTH, ["kit", "glen", "edie"]), "random"
    )


@pytest.fixture(scope="module")
def pipeline(aligned_model: Path) -> SongPipeline:
    return SongPipeline.from_pretrained(aligned_model, RuntimeConfig(device="cpu", threads=1))


@pytest.fixture(scope="module")
def evaluated(
    pipeline: SongPipeline, listener: Listener, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Figures]]:
    folder = tmp_path_factory.mktemp("evaluation")
    songs = Evaluation(pipeline, PLAN, folder, Deaf(), listener).run(lambda *told: None)
    return folder, songs


def test_every_song_is_measured_and_kept(evaluated: tuple[Path, list[Figures]]) -> None:
    folder, songs = evaluated
    assert [song["idx"] for song in songs] == ["a", "b"]
    assert songs[0]["wer_mix"] == songs[0]["wer_voice"] == pytest.approx(6 / 9, abs=1e-3)
    assert songs[1]["wer_voice"] == pytest.approx(3 / 2)
    assert songs[0]["sections_in_order"] == pytest.approx(1 / 3, abs=1e-3)
    assert {song["style"] for song in songs} == {"country-kit", "rock-glen"}
    assert songs[0]["style_heard"] in ("country", "rock", "soul")
    assert songs[0]["ends_by_itself"] in (0.0, 1.0) and songs[0]["prompt_nearest"] in (0.0, 1.0)
    assert all(song["true_peak"] <= 0 for song in songs)
    for name in ("000.flac", "000-voice.flac", "000.npz", "000.json", "settings.json"):
        assert (folder / name).exists(), name


def test_a_second_run_makes_and_hears_nothing_again(
    pipeline: SongPipeline, listener: Listener, evaluated: tuple[Path, list[Figures]]
) -> None:
    folder, songs = evaluated
    deaf, told = Deaf(), []
    again = Evaluation(pipeline, PLAN, folder, deaf, listener).run(lambda *line: told.append(line[2]))
    assert again == songs and deaf.asked == 0 and told == [True, True]


def test_another_listener_judges_the_kept_songs(
    pipeline: SongPipeline, evaluated: tuple[Path, list[Figures]], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(evaluated[0], folder)
    rows = np.random.default_rng(1).normal(size=(12, STYLE_WIDTH)).astype(np.float32)
    other = fit_recogniser(rows, [("polka", "tango")[i % 2] for i in range(12)])
    voices = fit_recogniser(rows[:, :VOICE_WIDTH], [("ann", "bob")[i % 2] for i in range(12)])
    deaf = Deaf()
    songs = Evaluation(pipeline, PLAN, folder, deaf, Listener(other, voices, "other")).run(lambda *told: None)
    assert all(song["style_heard"] in ("polka", "tango") and song["voice_heard"] in ("ann", "bob") for song in songs)
    assert deaf.asked == 0 and json.loads((folder / "000.json").read_text()) == songs[0]


def test_features_of_another_version_are_refused(
    pipeline: SongPipeline, listener: Listener, evaluated: tuple[Path, list[Figures]], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(evaluated[0], folder)
    np.savez(folder / "000.npz", band=np.zeros(110, np.float32), voice=np.zeros(VOICE_WIDTH, np.float32))
    with pytest.raises(ConfigError, match="another version"):
        Evaluation(pipeline, PLAN, folder, Deaf(), listener).run(lambda *told: None)


def test_a_part_makes_its_own_songs_only(pipeline: SongPipeline, tmp_path: Path) -> None:
    songs = Evaluation(pipeline, PLAN, tmp_path, Deaf(), None).run(lambda *told: None, _part("2/2", 2))
    assert [song["idx"] for song in songs] == ["b"] and not (tmp_path / "000.json").exists()
    assert list(_part("1/3", 7)) == [0, 3, 6] and list(_part(None, 3)) == [0, 1, 2]
    for text in ("0/2", "3/2", "1", "a/b"):
        with pytest.raises(ConfigError, match="--part"):
            _part(text, 5)


def test_another_plan_does_not_mix_with_what_is_there(
    pipeline: SongPipeline, evaluated: tuple[Path, list[Figures]]
) -> None:
    other = EvaluationPlan(LINES, songs=2, seed=5)
    with pytest.raises(ConfigError, match="other settings"):
        Evaluation(pipeline, other, evaluated[0], Deaf(), None)
    assert plan_id(PLAN, "m") != plan_id(other, "m") != plan_id(other, "n")


def test_the_summary_has_every_figure_and_says_why_one_is_missing(evaluated: tuple[Path, list[Figures]]) -> None:
    summary = summarise(evaluated[1])
    assert {figure.name for figure in FIGURES} <= set(summary)
    # Errors of nine and of two words: all words count the same.
    assert summary["wer_voice"] == {
        "mean": pytest.approx((6 + 3) / 11, abs=1e-3),
        "ci95": summary["wer_voice"]["ci95"],
        "n": 2,
    }
    assert summary["drift_90s"] == {"mean": None, "ci95": None, "n": 0}
    assert "drift_90s" in summary["not_measured"] and "wer_mix" not in summary["not_measured"]
    json.dumps(summary, allow_nan=False)


def test_lyrics_files_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "lyrics.jsonl"
    path.write_text('{"idx": 3, "lyrics": "[verse] a"}\n\n{"lyrics": "[verse] b", "lang": "zh"}\n')
    assert read_lyrics_lines(path) == (LyricsLine("3", "en", "[verse] a"), LyricsLine("3", "zh", "[verse] b"))
    for text, message in (('{"lyrics": "a"}\n{', "line 2"), ('{"text": "a"}', "line 1"), ("", "holds no lyrics")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            read_lyrics_lines(path)
