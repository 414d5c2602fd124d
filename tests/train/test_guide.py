"""The commands of docs/training.md: all of them are understood, and those that need no hours are run in tiny form."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from songbloom_x2.audio.files import write_audio
from songbloom_x2.checkpoints.adapters import WEIGHTS_FILE
from songbloom_x2.cli.main import main
from songbloom_x2.cli.parser import build_parser
from songbloom_x2.evaluation.listener import load_listener
from songbloom_x2.train.corpus import mix
from songbloom_x2.train.corpus.record import write_shard
from songbloom_x2.train.corpus.song import Studio
from songbloom_x2.train.corpus.styles import style_named
from songbloom_x2.train.corpus.voices import voice_named
from songbloom_x2.types import Waveform

GUIDE = Path(__file__).parents[2] / "docs" / "training.md"


def commands() -> list[list[str]]:
    """The words behind ``songbloom`` of every command in the guide."""
    text = GUIDE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^    songbloom (.+)$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words[:3]))
def test_every_command_is_understood(words: list[str]) -> None:
    assert build_parser(words).parse_args(words).func


@pytest.fixture(scope="module")
def corpus(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short songs in two styles and two voices."""
    folder = tmp_path_factory.mktemp("corpus")
    kinds = (("pop", "alma"), ("rock", "glen"), ("pop", "glen"))
    songs = [
        studio.make(seed, style=style_named(kind), voice=voice_named(voice), seconds=12.0)
        for seed, (kind, voice) in enumerate(kinds, 3)
    ]
    write_shard(folder / "shard-00000", songs)
    for number, song in enumerate(songs[:2]):
        mixture, dry = (
            mix.mixture(song, voice_room=0.0),
            mix.upsampled(mix.voice_wave(song.voice, song.annotation.seed)),
        )
        write_audio(folder / f"song-{number}.flac", Waveform(0.5 * mixture.samples, 48000), format="flac")
        write_audio(folder / f"song-{number}-voice.flac", Waveform(0.5 * dry[None], 48000), format="flac")
        (folder / f"song-{number}.txt").write_text(song.annotation.lyrics)
    return folder


@pytest.mark.long
def test_recogniser_and_listener(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = ["--corpus", str(corpus), "--held-out", str(corpus)]
    words = ["train", "tokenizer", *both, "--out", str(tmp_path / "t"), "--batch", "1", "--steps", "2"]
    assert main([*words, "--until", "1"]) == 0
    assert main(words) == 0
    assert {"val_singing", "val_pitch"} <= set(json.loads(capsys.readouterr().out.splitlines()[-1]))
    tensors = load_file(tmp_path / "t" / "recogniser.safetensors")
    assert sum(tensor.numel() for tensor in tensors.values()) <= 420_000
    assert all(tensor.dtype == torch.float16 for tensor in tensors.values())
    assert main(["train", "listener", *both, "--out", str(tmp_path / "listener.safetensors")]) == 0
    assert json.loads(capsys.readouterr().out)["style_accuracy"] == 1.0
    assert load_listener(tmp_path / "listener.safetensors").voice.names == ("alma", "glen")


@pytest.mark.long
def test_an_adapter_is_trained_on_a_folder_of_songs_and_sings(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    for path in corpus.glob("song-*"):
        (folder / path.name).write_bytes(path.read_bytes())
    out = tmp_path / "lora"
    words = ["train", "lora", "--songs", str(folder), "--out", str(out), "--rank", "2", "--steps", "4", "--batch", "2"]
    assert main([*words, "--threads", "1"]) == 0
    told = capsys.readouterr()
    assert "held out" in told.err and "left out" not in told.err
    tensors = load_file(out / WEIGHTS_FILE)
    moved = [name for name, tensor in tensors.items() if "lora_B" in name and tensor.any()]
    assert {name.split(".")[2] for name in moved} == {"sketch", "dit", "prior"}
    song = tmp_path / "song.flac"
    lyrics = ["--lyrics", "[verse] Hello my friend.", "--duration", "3", "--preset", "draft", "--threads", "1"]
    assert main(["generate", *lyrics, "--lora", f"{out}:0.7", "--out", str(song)]) == 0
    assert json.loads(song.with_suffix(".json").read_text())["model"]["loras"][0]["scale"] == 0.7


def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "lora", "--out", str(tmp_path / "lora"), "--threads", "1", "--songs"]
    assert main([*words, str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 48000)).astype(np.float32)
    write_audio(tmp_path / "a.flac", Waveform(noise, 48000), format="flac")
    assert main([*words, str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "a.flac: left out: has no lyrics: write them to a.txt" in told and "at least two" in told
