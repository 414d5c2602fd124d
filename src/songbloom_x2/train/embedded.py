"""The shape of the model that ships inside the package, and its recipe's sizes."""

from __future__ import annotations

from songbloom_x2.config import (
    AlignmentConfig,
    LyricPace,
    LyricsConfig,
    PromptConfig,
    SamplingConfig,
    SketchLayout,
    SongConfig,
    TwoStemConfig,
)
from songbloom_x2.text.vocabulary import SUNG_PHONEMES, sung_vocabulary

PACE = LyricPace(syllable=0.29, sentence=0.65, section=0.0, song=2.7, close=0.9, sentence_bars=0.5)
"""Fitted to what the sketch LM sings (docs/embedded-model.md)."""


def embedded_config() -> SongConfig:
    """Return the configuration of the embedded model."""
    layout = SketchLayout(phonemes=SUNG_PHONEMES)
    codec = TwoStemConfig(voice_level_db=2.0)
    return SongConfig(
        name="embedded",
        licence="Apache-2.0",
        lyrics=LyricsConfig(vocabulary=sung_vocabulary(), max_len=1600, folding="sung", pad=False, pace=PACE),
        prompt=PromptConfig(max_len=75, window=250),
        codec=codec,
        alignment=AlignmentConfig(layout=layout, voice_from_prior=0.75, vibrato_semitones=0.25),
        latent_dim=codec.latent_dim,
        num_pitch=layout.size,
        sketch_fusion="add",
        block_size=16,
        dim=192,
        num_heads=3,
        hidden_scale=2.75,
        lm_layers=5,
        diff_dim=256,
        diff_heads=4,
        diff_layers=6,
        rope_base_lm=10000,
        rope_base_dit=10000,
        max_frames=180 * 25,
        instrumental_seconds=2.0,
        sampling=SamplingConfig(
            cfg_lm=1.0,
            cfg_diff=1.75,
            dit_guidance="h",
            steps=12,
            temperature=1.0,
            diff_temperature=1.0,
            top_k=0,
            penalty_repeat=False,
        ),
    )
