"""``songbloom generate`` from end to end, on tiny models."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from songbloom_x2.audio.tags import read_tags
from songbloom_x2.cli import main

LYRICS = "[verse] City lights are calling me home. Dreams pass fast."
BLOCK_SECONDS = 0.32


def songbloom(*arguments: object) -> tuple[str, str]:
    """Run the command in this process, where torch is loaded already; what it printed on stdout and stderr."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main([str(argument) for argument in arguments])
    assert code == 0, stderr.getvalue()
    return stdout.getvalue(), stderr.getvalue()


@pytest.fixture(scope="module")
def takes(endless_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs of two seconds from one call, in a folder that did not exist."""
    folder = tmp_path_factory.mktemp("takes") / "new" / "folder"
    arguments = ["--lyrics", LYRICS, "--model", endless_model, "--duration", 2, "--seed", 5, "--n", 3, "--json"]
    stdout, stderr = songbloom("generate", *arguments, "--title", "Lights", "--out", folder / "{i}.flac")
    (folder / "stdout").write_text(stdout)
    (folder / "stderr").write_text(stderr)
    return folder


def test_the_songs_are_there(takes: Path) -> None:
    assert sorted(path.name for path in takes.iterdir() if path.suffix) == [
        f"{i}.{ending}" for i in (1, 2, 3) for ending in ("flac", "json", "state.safetensors")
    ]
    for take in (1, 2, 3):
        sound, rate = soundfile.read(takes / f"{take}.flac")
        assert rate == 48000 and sound.shape == (6 * 8 * 1920, 2)
        assert 0.01 < np.abs(sound).max() <= 1


def test_stdout_is_one_json_object(takes: Path) -> None:
    songs = json.loads((takes / "stdout").read_text())["songs"]
    assert [song["seed"] for song in songs] == [5, 6, 7]
    assert [Path(song["file"]).name for song in songs] == ["1.flac", "2.flac", "3.flac"]
    assert all(Path(song["manifest"]).is_file() and song["seconds"] == 6 * BLOCK_SECONDS for song in songs)
    assert len({song["samples_sha256"] for song in songs}) == 3


def test_progress_is_told_by_block_in_plain_lines(takes: Path) -> None:
    lines = (takes / "stderr").read_text().splitlines()
    told = [line for line in lines if re.match(r"song \d of 3: block \d+ of about \d+, .* real-time factor", line)]
    assert len(told) == 18
    assert "\r" not in (takes / "stderr").read_text()
    assert re.match(rf"{re.escape(str(takes))}/3.flac: 1.9 s, seed 7, made in ", lines[-1])


def test_the_manifest_says_how_to_make_it_again(takes: Path, endless_model: Path) -> None:
    manifest = json.loads((takes / "2.json").read_text())
    assert manifest["ai_generated"] is True
    assert manifest["request"] == {
        "lyrics": LYRICS, "style": None, "seed": 6, "duration": 2, "title": "Lights", "sampling": {},
        "preset": None, "style_start": None, "instrumental": False, "bpm": None, "key": None,
    }  # fmt: skip
    assert manifest["seed"] == 6
    assert re.fullmatch("[0-9a-f]{64}", manifest["model"]["sha256"])
    assert manifest["model"]["name"] == "prepend-flow"
    assert "academic" in manifest["model"]["licence"]
    assert manifest["plan"]["device"] == "cpu" and manifest["plan"]["dtype"] == "float32"
    assert all(choice["reason"] for choice in manifest["plan"]["choices"])
    assert manifest["sampling"]["steps"] == 10
    assert manifest["lyrics"]["symbols"].startswith("[verse] S IH1 T IY0")
    assert manifest["batch"] == {"size": 3, "index": 1, "takes": True}
    assert manifest["result"]["frames"] == 48 and manifest["result"]["ending"] == "length"
    assert manifest["result"]["samples"] == 6 * 8 * 1920
    assert {"songbloom-x2", "python", "torch", "numpy"} <= manifest["versions"].keys()
    assert all(manifest["timings"][name] >= 0 for name in ("load", "prepare", "first_audio", "making", "decoding"))
    assert manifest["file"]["name"] == "2.flac" and manifest["file"]["loudness"]["limited_by"]
    tags = read_tags(takes / "2.flac")
    assert tags.title == "Lights" and tags.lyrics == LYRICS and tags.ai_generated
    assert tags.manifest == manifest


def test_each_song_of_a_batch_is_the_song_alone(endless_model: Path, tmp_path: Path) -> None:
    arguments = ["--lyrics", LYRICS, "--model", endless_model, "--duration", 2, "--loudness", "off"]
    for out in ("alone.wav", "again.wav"):
        songbloom("generate", *arguments, "--seed", 6, "--out", tmp_path / out)
    songbloom("generate", *arguments, "--seed", 5, "--n", 3, "--out", tmp_path / "batch-{i}.wav")
    first, again = (json.loads((tmp_path / name).read_text()) for name in ("alone.json", "again.json"))
    assert first["result"]["samples_sha256"] == again["result"]["samples_sha256"]
    alone, _ = soundfile.read(tmp_path / "alone.wav")
    repeated, _ = soundfile.read(tmp_path / "again.wav")
    assert np.array_equal(alone, repeated)
    beside, _ = soundfile.read(tmp_path / "batch-2.wav")
    assert np.abs(beside - alone).max() < 2e-3


def test_lyrics_from_stdin_and_an_existing_file_is_replaced(
    endless_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "song.flac").write_bytes(b"an older song")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LYRICS.encode())))
    arguments = ["--lyrics", "@-", "--model", endless_model, "--duration", 0.32, "--explain", "--set", "steps=2"]
    stdout, stderr = songbloom("generate", *arguments)
    assert stdout == ""
    assert re.search("^device  .*", stderr, re.MULTILINE)
    assert soundfile.info(tmp_path / "song.flac").frames == 8 * 1920
    manifest = json.loads((tmp_path / "song.json").read_text())
    assert manifest["sampling"]["steps"] == 2 and manifest["request"]["sampling"] == {"steps": 2}
    assert manifest["request"]["lyrics"] == LYRICS


def test_a_style_file_changes_the_song(takes: Path, endless_model: Path, tmp_path: Path) -> None:
    time_axis = np.arange(3 * 44100) / 44100
    soundfile.write(tmp_path / "style.wav", 0.3 * np.sin(2 * np.pi * 220 * time_axis), 44100)
    arguments = ["--lyrics", LYRICS, "--model", endless_model, "--duration", 2, "--seed", 5]
    songbloom("generate", *arguments, "--style", tmp_path / "style.wav", "--out", tmp_path / "song.flac")
    manifest = json.loads((tmp_path / "song.json").read_text())
    digest = hashlib.sha256((tmp_path / "style.wav").read_bytes()).hexdigest()
    assert manifest["style"] == {
        "name": "style.wav", "tempo": None, "key": None, "tags": [], "frames": 50,
        "notes": ["resampled from 44100 to 48000 Hz", "0.0 to 2.0 s of 3.0 s taken"],
        "source": {"file": "style.wav", "sha256": digest, "start": 0.0, "seconds": 2.0},
    }  # fmt: skip
    other = json.loads((takes / "1.json").read_text())
    assert manifest["result"]["samples_sha256"] != other["result"]["samples_sha256"]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_stopped_in_mid_song_nothing_is_left(
    number: signal.Signals, environment: Mapping[str, str], endless_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "folder" / "song.flac"
    arguments = ["generate", "--lyrics", LYRICS, "--model", str(endless_model), "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "songbloom_x2", *arguments],
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a shell's background job; the command must listen all the same.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert process.stderr is not None
    assert "block 1 of" in process.stderr.readline()
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 130
    assert stdout == "" and stderr.splitlines()[-1] == "songbloom: stopped"
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []
