"""``songbloom replay``: the same song again, or what is not the same."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from songbloom_x2.checkpoints import native
from songbloom_x2.cli import main

LYRICS = "[verse] City lights are calling me home."


def run(*arguments: object) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main([str(argument) for argument in arguments])
    return code, stdout.getvalue(), stderr.getvalue()


@pytest.fixture(scope="module")
def songs(aligned_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two takes made side by side, in styles that their seeds turn to."""
    folder = tmp_path_factory.mktemp("songs")
    arguments = ["--lyrics", LYRICS, "--model", aligned_model, "--duration", 1.3, "--seed", 4, "--n", 2]
    assert run("generate", *arguments, "--preset", "draft", "--out", folder / "{i}.flac")[0] == 0
    return folder


@pytest.mark.parametrize("name", ["1.flac", "2.flac", "2.json"])
def test_the_same_machine_makes_the_same_song(songs: Path, aligned_model: Path, name: str) -> None:
    code, out, _ = run("replay", songs / name, "--model", aligned_model)
    assert code == 0 and out.startswith(f"identical: {songs / name}, samples sha256 ")
    assert json.loads((songs / name).with_suffix(".json").read_text())["result"]["samples_sha256"] in out


def test_from_the_tags_alone_and_written_again(songs: Path, aligned_model: Path, tmp_path: Path) -> None:
    shutil.copy(songs / "2.flac", tmp_path / "sent.flac")
    out = tmp_path / "again.flac"
    assert run("replay", tmp_path / "sent.flac", "--model", aligned_model, "--out", out)[0] == 0
    again, once = soundfile.read(out)[0], soundfile.read(songs / "2.flac")[0]
    assert np.array_equal(again, once)
    assert out.with_suffix(".json").is_file()


def test_another_model_is_told(songs: Path, aligned_model: Path, tmp_path: Path) -> None:
    loaded = native.load(aligned_model)
    with torch.no_grad():
        loaded.model.dit.latent_out.bias.add_(0.5)
    native.save(tmp_path, loaded.model, extra=loaded.extra, style_tags=loaded.style_tags)
    code, out, _ = run("replay", songs / "1.flac", "--model", tmp_path)
    lines = out.splitlines()
    assert code == 1 and lines[0].startswith("different: ")
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["model sha256"]


def test_a_style_file_that_moved(aligned_model: Path, tmp_path: Path) -> None:
    style, moved = tmp_path / "style.wav", tmp_path / "moved.wav"
    soundfile.write(style, 0.3 * np.sin(np.arange(3 * 48000) / 20) * np.linspace(0.2, 1, 3 * 48000), 48000)
    arguments = ["--lyrics", LYRICS, "--model", aligned_model, "--duration", 0.7, "--out", tmp_path / "a.wav"]
    assert run("generate", *arguments, "--style", style)[0] == 0
    style.rename(moved)
    code, _, err = run("replay", tmp_path / "a.wav", "--model", aligned_model)
    assert code == 2 and "--style" in err and err.count("\n") == 1
    assert run("replay", tmp_path / "a.wav", "--model", aligned_model, "--style", moved)[0] == 0
    soundfile.write(moved, 0.3 * np.sin(np.arange(3 * 48000) / 30), 48000)
    code, out, _ = run("replay", tmp_path / "a.wav", "--model", aligned_model, "--style", moved)
    assert code == 1 and "style's file sha256" in out


def test_a_model_that_no_name_stands_for(songs: Path) -> None:
    code, _, err = run("replay", songs / "1.flac")
    assert code == 2 and "model 'aligned'" in err and "--model DIR" in err


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{}", '{"format": 1}', '{"format": 99}', "[" * 100_000, '{"format": 1, "request": 5, "model": 1}'],
    ids=["empty", "list", "nothing", "little", "later", "deep", "wrong"],
)
def test_what_is_no_manifest(manifest: str, tmp_path: Path, aligned_model: Path) -> None:
    (tmp_path / "song.json").write_text(manifest)
    code, out, err = run("replay", tmp_path / "song.json", "--model", aligned_model)
    assert code == 2 and out == "" and err.count("\n") == 1 and "song.json" in err


def test_a_sound_without_a_manifest(tmp_path: Path, aligned_model: Path) -> None:
    soundfile.write(tmp_path / "mine.wav", np.zeros(4800), 48000)
    (tmp_path / "mine.json").write_text('{"file": {"name": "other.wav"}}')
    code, _, err = run("replay", tmp_path / "mine.wav", "--model", aligned_model)
    assert code == 2 and "no manifest" in err
    assert "no such file" in run("replay", tmp_path / "nowhere.wav")[2]
