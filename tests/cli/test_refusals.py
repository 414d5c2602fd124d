"""What cannot be done is said in one line, with exit code 2, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from songbloom_x2.cli import main
from songbloom_x2.cli.outputs import OutputPlan
from songbloom_x2.errors import AudioError

LYRICS = "[verse] City lights are calling me home."


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that ``songbloom`` refuses these arguments with."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        code = stopped.code  # type: ignore[assignment]  # argparse exits with a number
    printed = capsys.readouterr()
    assert code == 2, printed.err
    assert printed.out == ""
    assert printed.err.endswith("\n") and printed.err.count("\n") == 1, printed.err
    assert printed.err.startswith("songbloom")
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["sing"], "sing"),
        (["generate"], "--lyrics"),
        (["generate", "--lyrics", LYRICS, "--seed", "one"], "--seed"),
        (["generate", "--lyrics", LYRICS, "--seed", "-1"], "--seed -1"),
        (["generate", "--lyrics", LYRICS, "--seed", str(2**63)], "--seed"),
        (["generate", "--lyrics", LYRICS, "--seed", str(2**63 - 1), "--n", "2"], "--seed"),
        (["generate", "--lyrics", LYRICS, "--n", "0"], "--n 0"),
        (["generate", "--lyrics", LYRICS, "--n", "1001"], "--n 1001"),
        (["generate", "--lyrics", LYRICS, "--format", "aac"], "--format"),
        (["generate", "--lyrics", LYRICS, "--out", "song.txt"], ".txt"),
        (["generate", "--lyrics", LYRICS, "--out", "song.wav", "--format", "flac"], "song.wav"),
        (["generate", "--lyrics", LYRICS, "--set", "steps"], "NAME=VALUE"),
        (["generate", "--lyrics", LYRICS, "--loudness", "9"], "--loudness"),
        (["generate", "--lyrics", LYRICS, "--device", "tpu"], "--device"),
        (["generate", "--lyrics", "@no-such-words.txt"], "no-such-words.txt"),
        (["generate", "--lyrics", "@."], "'.'"),
        (["generate", "--lyrics", LYRICS, "--model", "no-such-model"], "no-such-model"),
        (["new"], "songbloom generate"),
    ],
)
def test_arguments(
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--duration", "0"], "duration"),
        (["--duration", "-3"], "duration"),
        (["--duration", "nan"], "duration"),
        (["--duration", "inf"], "duration"),
        (["--duration", "81"], "80 s"),
        (["--set", "stps=9"], "did you mean 'steps'?"),
        (["--set", "steps=0"], "steps"),
        (["--set", "steps=many"], "steps"),
        (["--set", "dit_guidance=q"], "dit_guidance"),
        (["--style", "no-such-style"], "no-such-style"),
        (["--style", "."], "style"),
        (["--threads", "0"], "threads"),
        (["--batch-size", "0"], "batch size"),
    ],
)
def test_what_the_model_cannot_do(
    options: list[str], said: str, endless_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "folder" / "song.flac"
    arguments = ["generate", "--lyrics", LYRICS, "--model", endless_model, "--out", out, *options]
    assert said in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lyrics", ["", "   ", "\n\n"])
def test_empty_lyrics(lyrics: str, endless_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "song.flac"
    assert "empty" in refused(capsys, "generate", "--lyrics", lyrics, "--model", endless_model, "--out", out)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"\xff\xfe\x00words", b"a" * 1_000_001], ids=["not UTF-8", "too long"])
def test_lyrics_files_that_are_none(data: bytes, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(data)
    assert "words.txt" in refused(capsys, "generate", "--lyrics", f"@{tmp_path / 'words.txt'}")


def test_a_style_that_is_no_sound(endless_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    style = tmp_path / "style.wav"
    style.write_text("not a sound")
    arguments = ["generate", "--lyrics", LYRICS, "--model", endless_model, "--out", tmp_path / "song.flac"]
    assert "style.wav" in refused(capsys, *arguments, "--style", style)
    assert list(tmp_path.iterdir()) == [style]


def test_a_file_in_place_of_the_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "song.flac"
    assert str(tmp_path / "file") in refused(capsys, "generate", "--lyrics", LYRICS, "--out", out)


def test_out_is_a_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "folder" in refused(capsys, "generate", "--lyrics", LYRICS, "--out", tmp_path)


def test_folders_made_for_nothing_are_taken_away(tmp_path: Path) -> None:
    plan = OutputPlan(tmp_path / "a" / "b" / "song.flac", None, 1)
    with pytest.raises(AudioError), plan:
        assert (tmp_path / "a" / "b").is_dir()
        raise AudioError("the work failed")
    assert list(tmp_path.iterdir()) == []


def test_folders_that_hold_a_song_stay(tmp_path: Path) -> None:
    with pytest.raises(AudioError), OutputPlan(tmp_path / "a" / "{i}.wav", "wav", 2) as plan:
        plan.paths[0].write_bytes(b"a song")
        raise AudioError("the second one failed")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["1.wav"]


@pytest.mark.parametrize(
    ("out", "format", "n", "names", "decided"),
    [
        ("song", None, 1, ["song.flac"], "flac"),
        ("song", "wav", 1, ["song.wav"], "wav"),
        ("song.WAV", None, 2, ["song-1.WAV", "song-2.WAV"], "wav"),
        ("take {i}.mp3", "mp3", 2, ["take 1.mp3", "take 2.mp3"], "mp3"),
        ("{i}/song.flac", None, 2, ["1/song.flac", "2/song.flac"], "flac"),
    ],
)
def test_names(out: str, format: str | None, n: int, names: list[str], decided: str, tmp_path: Path) -> None:
    plan = OutputPlan(tmp_path / out, format, n)
    assert [path.relative_to(tmp_path).as_posix() for path in plan.paths] == names
    assert plan.format == decided
    with plan:
        assert all(path.parent.is_dir() for path in plan.paths)


def test_no_traceback_from_the_real_command(environment: Mapping[str, str], tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "songbloom_x2", "generate", "--lyrics", LYRICS, "--model", str(tmp_path)],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert made.returncode == 2
    assert made.stdout == ""
    assert made.stderr.count("\n") == 1 and made.stderr.startswith("songbloom: ")
