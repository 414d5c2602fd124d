"""Songs with adapters: chosen by flag, written down, and made again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from songbloom_x2.checkpoints.adapters import AdapterHeader, save_adapter
from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.cli.lora_flag import lora_choices
from songbloom_x2.cli.main import main
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.train.lora import adapted
from songbloom_x2.types import LoraChoice


def test_a_scale_stands_behind_the_last_colon() -> None:
    given = ["a.safetensors", "b:0.7", "c:-1", "d:e:0.25", "C:\\adapters"]
    assert lora_choices(given) == (
        LoraChoice("a.safetensors"),
        LoraChoice("b", 0.7),
        LoraChoice("c", -1.0),
        LoraChoice("d:e", 0.25),
        LoraChoice("C:\\adapters"),
    )
    for wrong in ("a:5", "a:nan"):
        with pytest.raises(ConfigError, match="scale"):
            lora_choices([wrong])


@pytest.fixture(scope="module")
def adapter(aligned_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loud one, for the sketch and the renderer."""
    loaded = load_model(aligned_model, resolve(RuntimeConfig(device="cpu", optimisation="minimal", threads=1)))
    layers = adapted(loaded.model.float(), ["sketch", "dit", "prior"], 2, 2.0, seed=0)
    generator = torch.Generator().manual_seed(1)
    for layer in layers.values():
        nn.init.normal_(layer.lora_B, std=0.3, generator=generator)
    folder = tmp_path_factory.mktemp("adapter")
    save_adapter(folder, layers, AdapterHeader(loaded.hash, "aligned", 2, 2.0))
    return folder


def generate(model: Path, out: Path, *more: str) -> dict[str, object]:
    words = ["generate", "--lyrics", "[verse] Hello my friend.", "--style", "rock-glen", "--duration", "4"]
    assert main([*words, "--model", str(model), "--threads", "1", "--out", str(out), *more]) == 0
    manifest: dict[str, object] = json.loads(out.with_suffix(".json").read_text())
    return manifest


def samples(manifest: dict[str, object]) -> object:
    return manifest["result"]["samples_sha256"]  # type: ignore[index]  # plain JSON


@pytest.mark.long
def test_a_song_with_adapters_is_written_down_and_made_again(
    aligned_model: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = generate(aligned_model, tmp_path / "plain.flac")
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in adapter.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    several = generate(aligned_model, tmp_path / "song.flac", "--lora", f"{moved}:0.5", "--lora", f"{moved}:0.25")
    none = generate(aligned_model, tmp_path / "none.flac", "--lora", f"{adapter}:0")
    assert samples(plain) == samples(none) != samples(several)
    assert plain["model"]["loras"] == []  # type: ignore[index]
    recorded = several["model"]["loras"]  # type: ignore[index]
    assert [(entry["file"], entry["scale"]) for entry in recorded] == [(str(moved), 0.5), (str(moved), 0.25)]
    song, model = str(tmp_path / "song.flac"), ["--model", str(aligned_model)]
    capsys.readouterr()
    assert main(["replay", song, *model]) == 0
    assert "identical" in capsys.readouterr().out
    assert main(["replay", song, *model, "--lora", str(adapter)]) == 1
    assert "model loras" in capsys.readouterr().out
    weights = moved / "adapter_model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-4] + b"\0\0\0\0")
    assert main(["replay", song, *model]) == 2
    assert "is another one" in capsys.readouterr().err
    weights.unlink()
    assert main(["replay", song, *model]) == 2
    assert "say where it is with --lora" in capsys.readouterr().err


def test_an_adapter_of_another_model_is_refused(
    adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "--lyrics", "[verse] Hello.", "--lora", str(adapter), "--out", str(tmp_path / "a.flac")]
    assert main(words) == 2
    assert "was trained on the model 'aligned'" in capsys.readouterr().err
    assert not (tmp_path / "a.flac").exists()
