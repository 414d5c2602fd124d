"""The range of a song's tune is that of the voice in its prompt."""

from __future__ import annotations

import pytest
import torch

from songbloom_x2.codec.two_stem import pitch_latents
from songbloom_x2.conditioning.prior import prompt_statistics
from songbloom_x2.conditioning.vocal_range import vocal_range
from songbloom_x2.config import SketchLayout, TwoStemConfig

CODEC, LAYOUT = TwoStemConfig(), SketchLayout(phonemes=("AA", "B"))


def statistics(midi: list[float], *, voiced: bool = True) -> list[float]:
    """Of a prompt that sings these pitches, a frame each."""
    latents = torch.zeros(CODEC.latent_dim, len(midi))
    first = CODEC.voice_components
    latents[first : first + CODEC.sub_frames] = 1.0 if voiced else -1.0
    latents[first + CODEC.sub_frames : CODEC.voice_dim] = pitch_latents(torch.tensor(midi))
    return prompt_statistics(latents, CODEC.voice_dim, slice(first, first + CODEC.sub_frames)).tolist()


@pytest.mark.parametrize(
    ("midi", "lowest", "highest"),
    [([60.0] * 8, 54, 66), ([54.0, 66.0] * 4, 52, 68), ([57.0, 63.0] * 50, 54, 66), ([44.0] * 4, 40, 50)],
)
def test_the_range_surrounds_what_the_prompt_sings(midi: list[float], lowest: int, highest: int) -> None:
    assert vocal_range(statistics(midi), CODEC, LAYOUT) == (lowest - 40, highest - 40)


def test_without_a_voice_every_pitch_is_allowed() -> None:
    assert vocal_range(statistics([60.0] * 8, voiced=False), CODEC, LAYOUT) == (0, 39)


def test_a_voice_beyond_the_layout_does_not_forbid_every_pitch() -> None:
    assert vocal_range(statistics([20.0] * 8), CODEC, LAYOUT) == (0, 39)
