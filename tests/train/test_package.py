"""What describes the named styles of a packaged model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from songbloom_x2.errors import CheckpointError
from songbloom_x2.train.embedded import embedded_config
from songbloom_x2.train.package import library, style_tags
from songbloom_x2.train.parts import fresh_model, part_of, save_part, start_from


def test_tags_say_style_voice_and_sex() -> None:
    songs: Any = SimpleNamespace(songs=[SimpleNamespace(style="folk", voice=voice) for voice in ("alma", "hugo")])
    assert style_tags(songs, {"folk-alma": 0, "folk-hugo": 1}) == {
        "folk-alma": ("folk", "alma", "female"),
        "folk-hugo": ("folk", "hugo", "male"),
    }


def test_a_part_starts_from_another_file(tmp_path: Path) -> None:
    config = embedded_config()
    first, second = (part_of(fresh_model(config, seed), "render") for seed in (1, 2))
    save_part(first, tmp_path / "render.safetensors")
    start_from(second, tmp_path / "render.safetensors")
    assert all(torch.equal(second.state_dict()[name], tensor) for name, tensor in first.state_dict().items())


def test_starting_from_another_part_is_refused(tmp_path: Path) -> None:
    model = fresh_model(embedded_config(), 1)
    save_part(part_of(model, "render"), tmp_path / "render.safetensors")
    with pytest.raises(CheckpointError, match=r"render\.safetensors lacks"):
        start_from(part_of(model, "sketch"), tmp_path / "render.safetensors")


def test_starting_from_another_shape_is_refused(tmp_path: Path) -> None:
    config = embedded_config()
    save_part(part_of(fresh_model(config, 1), "render"), tmp_path / "render.safetensors")
    wider = part_of(fresh_model(replace(config, diff_dim=320), 1), "render")
    with pytest.raises(CheckpointError, match="made for another shape"):
        start_from(wider, tmp_path / "render.safetensors")


def test_the_library_has_every_style_before_a_second_of_any_and_no_name_twice() -> None:
    def song(style: str, voice: str, rows: int = 99) -> SimpleNamespace:
        return SimpleNamespace(style=style, voice=voice, sketch=SimpleNamespace(ids=[0] * rows))

    made = [
        song("folk", "alma"),
        song("folk", "alma"),
        song("folk", "hugo"),
        song("pop", "alma"),
        song("rock", "kit", 3),
    ]
    songs: Any = SimpleNamespace(songs=made)
    assert set(library(songs, 2)) in ({"folk-alma", "pop-alma"}, {"folk-hugo", "pop-alma"})
    assert set(library(songs, 9)) == {"folk-alma", "folk-hugo", "pop-alma"}
