"""Every part of the song model against the golden files, which the public implementation computed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.conditioning.lyric_table import EMPTY_LYRICS, lyric_table
from songbloom_x2.diffusion.guidance import RenderCondition, render_block
from songbloom_x2.errors import ConfigError
from songbloom_x2.song_model import SongModel
from songbloom_x2.types import Style

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("prepend-flow", "adaln-v", "edges")


@dataclass(frozen=True)
class Golden:
    model: SongModel
    tensors: Mapping[str, Tensor]
    described: Mapping[str, Any]


@pytest.fixture(scope="module", params=NAMES)
def golden(request: pytest.FixtureRequest) -> Golden:
    folder = GOLDEN / request.param
    model = load_official(folder).model.requires_grad_(False)
    tensors = load_file(folder / f"{request.param}.golden.safetensors")
    return Golden(model, tensors, json.loads((folder / f"{request.param}.golden.json").read_text()))


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_lyrics_rows(golden: Golden) -> None:
    ids = golden.described["token_ids"]
    close(golden.model.lyrics([ids]), golden.tensors["lyrics.embedding"])
    close(golden.model.lyrics([ids, EMPTY_LYRICS]), golden.tensors["cond.lyrics"])
    used = golden.tensors["lyrics.mask"].sum()
    assert len(lyric_table(ids, golden.model.config.lyrics)) == used


def test_prefix_has_the_prompt_first(golden: Golden) -> None:
    expected = golden.tensors["lm.fused"]
    recorded = golden.tensors["cond.prompt_wav"]
    prompt = torch.linalg.lstsq(golden.model.prompt.project.weight, recorded[0].T).solution
    prefix = golden.model.prefix([golden.described["token_ids"], EMPTY_LYRICS], [prompt, None])
    close(prefix, expected[:, : prefix.shape[1]])
    close(golden.model.prompt([None])[0], recorded[1])


def test_condition_is_the_pair_of_prefixes(golden: Golden) -> None:
    latents = golden.tensors["codec.latent"][0]
    ids = golden.described["token_ids"]
    condition = golden.model.condition(ids, Style("golden", latents))
    rows = golden.model.prefix([ids, EMPTY_LYRICS], [latents, None])
    assert torch.equal(condition.prefix, rows[0])
    assert torch.equal(condition.unconditional, rows[1])
    close(condition.unconditional[golden.model.config.prompt.max_len :], golden.tensors["cond.lyrics"][1])


def test_language_model(golden: Golden) -> None:
    length = golden.tensors["lm.in"].shape[1]
    hidden = golden.model.sketch(golden.tensors["lm.fused"])[:, -length:]
    close(hidden, golden.tensors["lm.out"])
    close(golden.model.sketch.logits(hidden), golden.tensors["lm.logits"])


def test_language_model_with_a_cache_row_by_row(golden: Golden) -> None:
    rows, length = golden.tensors["lm.fused"], golden.tensors["lm.in"].shape[1]
    total = rows.shape[1]
    cache = golden.model.sketch.new_cache(len(rows), total + 7)
    golden.model.sketch(rows[:, : total - length], cache, total)
    hidden = [golden.model.sketch(rows[:, at : at + 1], cache, total) for at in range(total - length, total)]
    close(torch.cat(hidden, dim=1), golden.tensors["lm.out"])
    assert cache.position.tolist() == [total] * len(rows)


def dit_inputs(golden: Golden) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    x, t, h, s, previous = (golden.tensors[f"dit.{name}"] for name in ("x", "t", "h", "s", "prev"))
    return x, t, h, s, previous


def test_velocity(golden: Golden) -> None:
    x, t, h, s, previous = dit_inputs(golden)
    velocity = golden.model.dit(x, t, h, s, previous)
    close(velocity, golden.tensors["dit.v"])
    silent = golden.model.dit(x, t, torch.zeros_like(h), torch.zeros_like(s), previous)
    close(silent + 1.5 * (velocity - silent), golden.tensors["dit.v_cfg"])


class OneStep:
    """A solver that gives the velocity itself."""

    times = (0.5,)

    def solve(self, velocity: Any, noise: Tensor) -> Tensor:
        found: Tensor = velocity(noise, 0)
        return found


def test_guided_velocity_through_the_renderer(golden: Golden) -> None:
    x, t, h, s, previous = dit_inputs(golden)
    for song in range(len(x)):
        one = slice(song, song + 1)
        times = golden.model.dit.embed_time(t[one])
        condition = RenderCondition(h[one], s[one])
        velocity = golden.model.dit.velocity
        found = render_block(velocity, OneStep(), times, x[one], previous[one], condition, "h", 1.5)
        close(found, golden.tensors["dit.v_cfg"][one])
        found = render_block(velocity, OneStep(), times, x[one], previous[one], condition, "none", 1.5)
        close(found, golden.tensors["dit.v"][one])


def test_block_embedding(golden: Golden) -> None:
    close(golden.model.embed_block(golden.tensors["dit.x"]), golden.tensors["block.emb"][:, 0])


def test_parts_that_do_not_fit_are_refused(golden: Golden) -> None:
    config = golden.model.config
    with pytest.raises(ConfigError, match="cannot be split into 5 heads"):
        SongModel(replace(config, num_heads=5), codec=None)
    with pytest.raises(ConfigError, match="needs alignment"):
        SongModel(replace(config, diff_dim=2 * config.dim), codec=None)


def test_half_precision_runs_and_stays_near(golden: Golden) -> None:
    x, t, h, s, previous = dit_inputs(golden)
    model = SongModel(golden.model.config, codec=None)
    model.load_state_dict(golden.model.state_dict(), strict=False)
    model = model.to(torch.bfloat16)
    velocity = model.dit(x, t, h.bfloat16(), s.bfloat16(), previous)
    assert velocity.dtype == torch.float32
    assert (velocity - golden.tensors["dit.v"]).norm() < 0.05 * golden.tensors["dit.v"].norm()
    hidden = model.sketch(golden.tensors["lm.fused"].bfloat16())[:, -golden.tensors["lm.in"].shape[1] :]
    assert (hidden.float() - golden.tensors["lm.out"]).norm() < 0.05 * golden.tensors["lm.out"].norm()
