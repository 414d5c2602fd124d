"""Training the released kind: the command, its songs, its resumption, and several processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from songbloom_x2.cli.main import main
from songbloom_x2.errors import ConfigError
from songbloom_x2.song_model import SongModel
from songbloom_x2.train.released import RandomSongs, ReleasedObjective, read_token_songs, released_config

TINY = ["train", "model", "--config", "released-tiny", "--random", "3", "--frames", "64", "--validate-every", "2"]


def test_a_tenth_is_a_tenth() -> None:
    with torch.device("meta"):
        model = SongModel(released_config("released-tenth"), codec=None)
    count = sum(parameter.numel() for parameter in model.parameters())
    # The released 2 B model has about 1.9 G parameters in LM and DiT.
    assert 150e6 < count < 230e6
    with pytest.raises(ConfigError, match="known are released-tenth"):
        released_config("half")


def test_a_run_that_was_interrupted_ends_in_the_same_bits(tmp_path: Path) -> None:
    more = ["--steps", "4", "--gradient-checkpointing"]
    assert main([*TINY, *more, "--out", str(tmp_path / "whole")]) == 0
    assert main([*TINY, *more, "--out", str(tmp_path / "parts"), "--until", "1"]) == 0
    assert main([*TINY, *more, "--out", str(tmp_path / "parts")]) == 0
    first, second = (load_file(tmp_path / name / "released-tiny.safetensors") for name in ("whole", "parts"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert {"loss", "sketch", "flow", "val_sketch", "val_flow"} <= set(lines[-1])


@pytest.mark.long
def test_two_processes_follow_the_mean_of_their_gradients(tmp_path: Path) -> None:
    """Two processes with a song each take the step of one process with both songs, within rounding."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "OMP_NUM_THREADS": "1"}
    words = [*TINY, "--float32", "--steps", "2", "--until", "1", "--devices", "2", "--out", str(tmp_path / "two")]
    done = subprocess.run(
        [sys.executable, "-m", "songbloom_x2", *words], env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    assert "on 2 x cpu" in done.stderr
    assert len((tmp_path / "two" / "log.jsonl").read_text().splitlines()) == 1, "only one process writes"
    state = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    config = released_config("released-tiny")
    torch.manual_seed(0)
    model = SongModel(config, codec=None)
    songs = RandomSongs(config, 3, 64, 0)
    objective = ReleasedObjective(model, songs, songs, 1, 0, False)
    from songbloom_x2.train.loop import step_generator

    for draw in (0, 1):
        loss, _ = objective.loss(draw, step_generator(0, draw))
        (loss / 2).backward()  # type: ignore[no-untyped-call]
    parameters = {name: p for name, p in model.named_parameters() if p.grad is not None}
    norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), 1.0)
    line = json.loads((tmp_path / "two" / "log.jsonl").read_text())
    assert line["gradient_norm"] == pytest.approx(float(norm), rel=1e-3)
    moments = state["optimiser"]["state"]
    assert len(moments) > 20


def test_songs_are_read_and_refused(tmp_path: Path) -> None:
    config = released_config("released-tiny")
    good = {"tokens": torch.arange(40), "latents": torch.zeros(40, 64), "lyrics": torch.tensor([1, 2])}
    save_file(good, tmp_path / "a.safetensors")
    song = read_token_songs(tmp_path, config)[0]
    assert (len(song.tokens), tuple(song.latents.shape), song.lyrics) == (32, (32, 64), (1, 2))
    for wrong, message in (
        ({"latents": torch.zeros(40, 63)}, "latents"),
        ({"tokens": torch.full((40,), 512)}, "beyond"),
        ({"lyrics": torch.tensor([10**6])}, "beyond"),
        ({"tokens": torch.arange(3), "latents": torch.zeros(3, 64)}, "at least one block"),
    ):
        save_file({**good, **wrong}, tmp_path / "a.safetensors")
        with pytest.raises(ConfigError, match=message):
            read_token_songs(tmp_path, config)
    with pytest.raises(ConfigError, match="holds no"):
        read_token_songs(tmp_path / "nowhere", config)


def test_either_a_part_or_a_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "model", "--out", str(tmp_path)]) == 2
    assert "either --part" in capsys.readouterr().err
    assert main(["train", "model", "--part", "render", "--out", str(tmp_path)]) == 2
    assert "needs --corpus" in capsys.readouterr().err
    assert main(["train", "model", "--config", "released-tiny", "--out", str(tmp_path)]) == 2
    assert "either --songs DIR or --random N" in capsys.readouterr().err
