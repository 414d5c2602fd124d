"""The commands that change songs: what they write and say, and what they refuse in one line."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile

from songbloom_x2.cli import main

ROOT = Path(__file__).parents[2]
LYRICS = "[verse] City lights are calling me home."


def run(*arguments: object) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return code, stdout.getvalue(), stderr.getvalue()


@pytest.fixture(scope="module")
def song(aligned_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("edits") / "song.flac"
    arguments = ["--style", "rock-glen", "--model", aligned_model, "--duration", 4, "--seed", 1, "--out", out]
    assert run("generate", "--lyrics", LYRICS, *arguments)[0] == 0
    return out


def test_each_command_says_what_it_did(song: Path, aligned_model: Path, tmp_path: Path) -> None:
    model = ["--model", aligned_model, "--json"]

    def made(*arguments: object) -> tuple[dict[str, Any], str]:
        code, out, err = run(*arguments, *model)
        assert code == 0, err
        return json.loads(out), err

    told, err = made("extend", song, "--lyrics", "[verse] Stay", "--duration", "2s", "--out", tmp_path / "longer.flac")
    assert told["edit"]["way"] == "memory" and "gone on from the song's own memory" in err
    assert "140 beats a minute (heard: " in err and "A minor (heard: " in err
    assert told["music"]["tempo"]["told"] == 140.0
    told, err = made("repaint", song, "--from", "1s", "--to", "0:02", "--candidates", 2, "--out", tmp_path / "new.flac")
    assert "1 to 2 s made anew, version" in err and "of 2 taken" in err
    told, err = made("vary", song, "--seed", 8, "--n", 2, "--out", tmp_path / "take-{i}.flac")
    assert [Path(take["file"]).name for take in told["songs"]] == ["take-1.flac", "take-2.flac"]
    styles = ["--styles", "rock-glen", "soul-edie", "--steps", 2, "--duration", 1.3]
    told, err = made("interpolate", "--lyrics", LYRICS, *styles, "--out", tmp_path / "step-{i}.flac")
    assert len(told["songs"]) == 2
    soundfile.write(tmp_path / "record.wav", soundfile.read(song)[0], 48000)
    out = tmp_path / "on.wav"
    told, err = made("extend", tmp_path / "record.wav", "--lyrics", "[verse] Stay", "--duration", 1, "--out", out)
    assert told["edit"]["way"] == "style and crossfade" and "a recording from elsewhere" in err


def test_join(song: Path, tmp_path: Path) -> None:
    code, out, err = run("join", song, song, "--fade", "0.5s", "--out", tmp_path / "both.flac")
    assert code == 0 and out == "" and "comes in at" in err
    first, both = soundfile.read(song)[0], soundfile.read(tmp_path / "both.flac")[0]
    assert len(first) < len(both) < 2 * len(first)


def test_what_a_song_is_made_of_stays(song: Path, aligned_model: Path, tmp_path: Path) -> None:
    for file in song.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    mine = tmp_path / "song.flac"
    (tmp_path / "folder").symlink_to(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    assert set(before) == {"song.flac", "song.json", "song.state.safetensors"}
    commands = (["extend", mine, "--duration", "2s"], ["repaint", mine, "--from", "1", "--to", "2"], ["vary", mine])
    # The second would leave the song without its own manifest and memory.
    for out in (mine, mine.with_suffix(".wav"), tmp_path / "folder" / "song.flac"):
        for command in commands:
            code, _, err = run(*command, "--model", aligned_model, "--out", out)
            assert code == 2 and "would take the place of" in err and len(err.splitlines()) == 1
    code, _, err = run("join", mine, mine, "--out", mine)
    assert code == 2 and "would take the place of" in err
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["extend", "SONG", "--from", "9s", "--duration", "1s"], "the song lasts 3."),
        (["extend", "SONG", "--duration", "0s"], "more than 0"),
        (["extend", "SONG", "--duration", "-1s"], "--duration"),
        (["extend", "SONG", "--duration", "ten"], "is no time: write 45s"),
        (["extend", "no-such-song.flac", "--duration", "1s"], "no-such-song.flac"),
        (["extend", "ALONE", "--duration", "1s"], "is not beside it"),
        (["repaint", "SONG", "--from", "2s", "--to", "1s"], "must end after it begins"),
        (["repaint", "SONG", "--from", "2s", "--to", "2s"], "must end after it begins"),
        (["repaint", "SONG", "--from", "2s", "--to", "99s"], "choose a stretch inside it"),
        (["repaint", "SONG", "--from", "2s"], "--to"),
        (["repaint", "SONG", "--from=nan", "--to", "2s"], "'nan' is no time"),
        (["repaint", "SONG", "--from=-1", "--to", "2s"], "'-1' is no time"),
        (["repaint", "SONG", "--from", "0:01", "--to", "0:75"], "'0:75' is no time"),
        (["vary", "SONG", "--keep-blocks", "99"], "the song has"),
        (["vary", "SONG", "--n", "2"], "--seed"),
        (["vary", "SONG", "--n", "65", "--seed", "1"], "--n 65"),
        (["interpolate", "--lyrics", LYRICS, "--styles", "rock-glen", "nothing.wav"], "nothing.wav"),
        (["interpolate", "--lyrics", LYRICS, "--styles", "rock-glen", "soul-edie", "--steps", "1"], "steps 1"),
        (["interpolate", "--lyrics", LYRICS, "--styles", "rock-glen", "soul-edie:1 rock-glen:2"], "is a mix itself"),
        (["generate", "--lyrics", LYRICS, "--best-of", "1"], "best of 1"),
        (["generate", "--lyrics", LYRICS, "--style", "rock-glen:0.7 soul-edie:-1"], "must be more than 0"),
        (["generate", "--lyrics", LYRICS, "--style", "rock-glen:nan soul-edie:1"], "must be more than 0"),
    ],
)
def test_refusals(arguments: list[str], said: str, song: Path, aligned_model: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.flac"
    shutil.copy(song, alone)
    given = [{"SONG": str(song), "ALONE": str(alone)}.get(argument, argument) for argument in arguments]
    code, out, err = run(*given, "--model", aligned_model, "--out", tmp_path / "new.flac")
    lines = [line for line in err.splitlines() if not line.startswith("style: ")]
    assert code == 2 and out == "" and len(lines) == 1 and said in lines[0], err
    assert list(tmp_path.iterdir()) == [alone]


def test_the_changelogs_names_lead_to_the_same_commands(
    song: Path, aligned_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "advanced_features.py"))
    for name, command in script["COMMANDS"].items():
        with pytest.raises(SystemExit) as stopped:
            script["main"]([name, "--help"])
        assert stopped.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: songbloom {' '.join(command)}")
    model = ["--model", str(aligned_model)]
    made = {name: str(tmp_path / name) for name in ("mine.style.safetensors", "take.flac", "longer.flac", "{i}.flac")}
    styles = ["--styles", "rock-glen", made["mine.style.safetensors"]]
    given = {
        "mix": ["rock-glen:0.7", "soul-edie:0.3", "--out", made["mine.style.safetensors"]],
        "variations": [str(song), "--seed", "8", "--out", made["take.flac"]],
        "extend": [str(song), "--lyrics", "[verse] Stay", "--duration", "1", "--out", made["longer.flac"]],
        "interpolate": ["--lyrics", LYRICS, *styles, "--steps", "2", "--duration", "1", "--out", made["{i}.flac"]],
    }
    assert set(given) == set(script["COMMANDS"])
    for name, arguments in given.items():
        assert script["main"]([name, *arguments, *model]) == 0
    capsys.readouterr()
    found = {file.name for file in tmp_path.iterdir()}
    assert {"mine.style.safetensors", "take.flac", "longer.flac", "1.flac", "2.flac"} <= found
    assert script["main"](["colour"]) == 2 and "'colour' asked for" in capsys.readouterr().err
