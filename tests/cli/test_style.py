"""``songbloom style``, and the sounds that are no style."""

from __future__ import annotations

import contextlib
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from songbloom_x2.audio.tags import read_tags
from songbloom_x2.cli import main

LYRICS = "[verse] City lights."


def run(*arguments: object) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main([str(argument) for argument in arguments])
    return code, stdout.getvalue(), stderr.getvalue()


def test_list(aligned_model: Path) -> None:
    code, out, _ = run("style", "list", "--model", aligned_model)
    assert code == 0
    assert out.splitlines()[0] == "country-kit   80/min  country, kit, female, slow, C major"
    code, out, _ = run("style", "list", "--model", aligned_model, "--json")
    listed = json.loads(out)
    assert code == 0 and listed["model"] == "aligned"
    assert listed["styles"][1] == {
        "name": "rock-glen", "tags": ["rock", "glen", "male", "fast", "A minor"],
        "tempo": 140.0, "key": 19, "seconds": 2.0,
    }  # fmt: skip


def test_a_model_without_styles(endless_model: Path) -> None:
    code, out, err = run("style", "list", "--model", endless_model)
    assert (code, out) == (0, "") and "without styles" in err


def test_play(aligned_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "rock.flac"
    code, out, err = run("style", "play", "male rock", "--out", file, "--model", aligned_model)
    assert code == 0 and out == "" and "style: rock-glen (rock, glen, male, fast, A minor" in err
    sound, rate = soundfile.read(file)
    assert rate == 48000 and sound.shape == (50 * 1920, 2) and np.abs(sound).max() > 0.01
    assert read_tags(file).title == "style rock-glen"


def test_a_style_chosen_by_the_seed_is_told(aligned_model: Path, tmp_path: Path) -> None:
    arguments = ["--lyrics", LYRICS, "--model", aligned_model, "--duration", 0.64, "--seed", 1]
    code, _, err = run("generate", *arguments, "--out", tmp_path / "a.wav")
    assert code == 0 and "style: rock-glen (rock, glen, male, fast, A minor, 140 beats a minute)\n" in err


def silence(path: Path) -> None:
    soundfile.write(path, np.zeros(96000), 48000)


def noise(path: Path) -> None:
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (96000, 2)), 48000)


def too_short(path: Path) -> None:
    soundfile.write(path, np.sin(np.arange(20000) / 20), 48000)


def not_numbers(path: Path) -> None:
    samples = np.sin(np.arange(96000) / 20)
    samples[5000] = np.nan
    soundfile.write(path, samples, 48000, subtype="FLOAT")


def three_hours(path: Path) -> None:
    soundfile.write(path, np.zeros(3 * 3600 * 1000, np.float32), 1000, subtype="PCM_U8")


def video(path: Path) -> None:
    path.write_bytes(struct.pack(">I", 24) + b"ftypisom\0\0\2\0isommp41" + b"\0\0\1\0mdat" + bytes(2000))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (silence, "silent"),
        (noise, "noise"),
        (too_short, "at least 1 s"),
        (not_numbers, "not finite"),
        (three_hours, "10800.0 s"),
        (video, "not audio"),
        (lambda path: path.write_bytes(b""), "not audio"),
        (lambda path: path.write_text("la la la " * 99), "not audio"),
        (lambda path: path.write_bytes(np.random.default_rng(1).bytes(5000)), "not audio"),
    ],
    ids=["silence", "noise", "short", "NaN", "3 h", "video", "empty", "text", "random"],
)
def test_sounds_that_are_no_style(make: object, said: str, endless_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "style.wav"
    make(path)  # type: ignore[operator]  # one of the functions above
    out = tmp_path / "out" / "song.flac"
    code, printed, err = run("generate", "--lyrics", LYRICS, "--model", endless_model, "--style", path, "--out", out)
    assert code == 2 and printed == "" and said in err
    assert err.count("\n") == 1 and err.startswith("songbloom: ")
    assert list(tmp_path.iterdir()) == [path]


def test_a_start_beyond_the_end(endless_model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "style.wav", np.sin(np.arange(3 * 48000) / 20), 48000)
    arguments = ["--model", endless_model, "--style", tmp_path / "style.wav", "--out", tmp_path / "song.flac"]
    code, _, err = run("generate", "--lyrics", LYRICS, *arguments, "--style-start", 9)
    assert code == 2 and "cannot start at 9 s of 3.0 s" in err


@pytest.mark.parametrize("flag", ["--lrc", "--midi"])
def test_no_score_of_a_model_whose_tokens_mean_nothing(flag: str, endless_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "song.flac"
    code, _, err = run("generate", "--lyrics", LYRICS, flag, "--model", endless_model, "--out", out)
    assert code == 2 and err.startswith(f"songbloom: {flag}: the tokens of model 'prepend-flow'")
    assert list(tmp_path.iterdir()) == []


def test_timed_lyrics_and_melody_lie_beside_the_song(aligned_model: Path, tmp_path: Path) -> None:
    arguments = ["--lyrics", LYRICS, "--model", aligned_model, "--style", "rock", "--duration", 4, "--title", "Lights"]
    beside = ["--lrc", "words", "--midi", "--preset", "draft"]
    assert run("generate", *arguments, *beside, "--out", tmp_path / "a.wav")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("a.json", "a.lrc", "a.mid", "a.state.safetensors", "a.wav")
    ]
    lines = (tmp_path / "a.lrc").read_text().splitlines()
    assert lines[0] == "[ti:Lights]" and "> City <" in lines[3]
    assert (tmp_path / "a.mid").read_bytes().startswith(b"MThd")
    manifest = json.loads((tmp_path / "a.json").read_text())
    assert manifest["request"]["preset"] == "draft" and manifest["sampling"]["steps"] == 5


def test_lyrics_or_an_instrumental(aligned_model: Path, tmp_path: Path) -> None:
    arguments = ["--model", aligned_model, "--instrumental", "--duration", 0.64, "--out", tmp_path / "a.wav"]
    code, _, err = run("generate", *arguments, "--lyrics", LYRICS)
    assert code == 2 and "no lyrics" in err and list(tmp_path.iterdir()) == []
    assert run("generate", *arguments)[0] == 0
