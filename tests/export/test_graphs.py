"""What is exported computes what the model computes; windows of the codec joined are the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from songbloom_x2.checkpoints.load import LoadedModel, load_model
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.conditioning.prior import prompt_statistics
from songbloom_x2.config import RuntimeConfig, SamplingConfig, TwoStemConfig
from songbloom_x2.diffusion.solver import DdimSolver, EulerSolver
from songbloom_x2.export.lm_graph import LmGraph
from songbloom_x2.export.two_stem_graph import TwoStemDecode, TwoStemEncode, decoder_context
from songbloom_x2.onnx_runtime import solver
from songbloom_x2.onnx_runtime.guides import prompt_statistics as numpy_statistics
from songbloom_x2.onnx_runtime.tokens import draw_token, penalised
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.sketch import sampling as torch_sampling


@pytest.fixture(scope="module")
def embedded() -> LoadedModel:
    return load_model("embedded", resolve(RuntimeConfig(device="cpu", optimisation="minimal")))


def test_the_lm_with_its_cache_outside_is_the_lm(embedded: LoadedModel) -> None:
    lm = embedded.model.sketch
    rows = torch.randn(2, 9, lm.dim, generator=torch.Generator().manual_seed(0))
    wanted = lm(rows)
    graph = LmGraph(lm)
    keys = torch.zeros(len(lm.layers), 2, lm.heads, 16, lm.head_dim)
    values = torch.full_like(keys, 7.0)
    first, new_keys, new_values = graph(rows[:, :6], keys, values, torch.zeros(2, dtype=torch.int64))
    keys[:, :, :, :6], values[:, :, :, :6] = new_keys, new_values
    second, _, _ = graph(rows[:, 6:], keys, values, torch.full((2,), 6))
    torch.testing.assert_close(torch.cat([first, second], dim=1), wanted, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_the_codec_in_real_numbers_is_the_codec(embedded: LoadedModel) -> None:
    codec = embedded.model.codec
    assert isinstance(codec, TwoStemCodec)
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(2, codec.latent_dim, 32, generator=generator)
    latents[:, 48:52] = latents[:, 48:52].sign()
    wanted = codec.decode(latents)
    decode = TwoStemDecode(codec)
    nothing = torch.zeros(2, dtype=torch.float64)
    whole, phases = decode(latents, torch.zeros(1, dtype=torch.int64), nothing)
    assert (whole - wanted).abs().max() < 2e-5
    left, right = decoder_context(codec)
    # A window from frame 5 on, cut 3 frames before the end: exact behind its left context and before its right one.
    later, _ = decode(latents[:, :, 5:], torch.tensor([5]), phases[:, 20])
    start = (5 + left) * codec.samples_per_frame
    assert (later[:, :, left * codec.samples_per_frame :] - wanted[:, :, start:]).abs().max() < 2e-5
    cut, _ = decode(latents[:, :, :29], torch.zeros(1, dtype=torch.int64), nothing)
    end = (29 - right) * codec.samples_per_frame
    assert (cut[:, :, :end] - wanted[:, :, :end]).abs().max() < 2e-5
    audio = 0.1 * torch.randn(1, 2, codec.samples_per_frame * 12, generator=generator)
    assert (TwoStemEncode(codec)(audio) - codec.encode(audio)).abs().max() < 1e-4


def test_the_times_of_the_solvers_are_those_of_torch() -> None:
    for steps in (*range(1, 101), 999, 1000):
        assert tuple(float(t) for t in solver.line(steps)[:-1]) == EulerSolver(steps).times


@pytest.mark.parametrize(("objective", "temperature"), [("rectified_flow", 1.0), ("rectified_flow", 0.95), ("v", 1.0)])
def test_the_solvers_are_those_of_torch(objective: str, temperature: float) -> None:
    noise = np.random.default_rng(0).standard_normal((1, 4, 3)).astype(np.float32)
    theirs = DdimSolver(6) if objective == "v" else EulerSolver(6, temperature)
    wanted = theirs.solve(lambda x, index: torch.sin(x) * theirs.times[index], torch.from_numpy(noise))
    got = solver.solve(lambda x, t: np.sin(x) * np.float32(t), noise, objective, 6, temperature)  # type: ignore[arg-type]
    assert_allclose(got, wanted.numpy(), atol=2e-6)


@pytest.mark.parametrize(
    "sampling",
    [
        SamplingConfig(top_k=5),
        SamplingConfig(top_k=0),
        SamplingConfig(top_p=0.6),
        SamplingConfig(temperature=0.0),
        SamplingConfig(use_sampling=False),
    ],
)
def test_tokens_are_drawn_as_torch_draws_them(sampling: SamplingConfig) -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        logits, uniform = rng.standard_normal(40).astype(np.float32) * 3, float(rng.random())
        wanted = torch_sampling.draw_tokens(
            torch.from_numpy(logits)[None], torch.tensor([uniform], dtype=torch.float64), sampling
        )
        assert draw_token(logits, uniform, sampling) == int(wanted)
        recent = rng.integers(0, 40, 8)
        told = torch_sampling.penalised(
            torch.from_numpy(logits)[None], torch.from_numpy(recent)[None], torch.tensor([True]), 1.1
        )
        assert_allclose(penalised(logits, recent, 1.1), told[0].numpy(), rtol=1e-6)


@pytest.mark.parametrize("voiced", [0, 1, 7])
def test_prompt_statistics_are_those_of_torch(voiced: int) -> None:
    config = TwoStemConfig()
    latents = torch.randn(config.latent_dim, 20, generator=torch.Generator().manual_seed(voiced))
    first = config.voice_components
    latents[first : first + config.sub_frames] = -1
    latents[first : first + config.sub_frames, :voiced] = 1
    wanted = prompt_statistics(latents, config.voice_dim, slice(first, first + config.sub_frames))
    assert_allclose(numpy_statistics(latents.numpy(), config), wanted.numpy(), atol=1e-6)
