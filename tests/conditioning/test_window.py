from __future__ import annotations

import itertools
from dataclasses import replace

import torch

from songbloom_x2.conditioning.window import COLUMNS, empty_window, sung_pitch
from songbloom_x2.train.embedded import embedded_config

CONFIG = replace(embedded_config().alignment, vibrato_semitones=0.0)
PITCH = COLUMNS.index("pitch")


def melody(pitches: list[int]) -> torch.Tensor:
    """A sketch of single pitches (-1: rest) as rows of a window, any length."""
    rows = empty_window(1, CONFIG, "cpu")[:, :1].repeat(1, len(pitches), 1)
    none, lowest = CONFIG.layout.pitches, CONFIG.layout.lowest_pitch
    rows[0, :, PITCH] = torch.tensor([none if p < 0 else p - lowest for p in pitches])
    return rows


def test_held_notes_are_in_tune_and_glides_lie_between() -> None:
    sketch = melody([60] * 24 + [64] * 12 + [-1] * 4 + [62] * 8)
    found = sung_pitch(sketch, CONFIG, 16, 4)[0]  # frames 24 to 39
    assert torch.allclose(found[2:12], torch.full((10, 4), 64.0), atol=1e-5)
    assert torch.allclose(found[12:14], torch.full((2, 4), 64.0), atol=1e-5)  # a rest holds the note before it
    assert 60 < float(found[0, 0]) < float(found[0, 2]) < 64


def test_neighbouring_blocks_meet() -> None:
    generator = torch.Generator().manual_seed(1)
    sketch = melody(torch.randint(50, 70, (80,), generator=generator).tolist())
    whole = torch.cat([sung_pitch(sketch[:, at : at + 48], CONFIG, 16, 4) for at in (0, 16, 32)], 1)
    shifted = torch.cat([sung_pitch(sketch[:, at : at + 48], CONFIG, 16, 4) for at in (8, 24)], 1)
    assert torch.allclose(whole[:, 8:40], shifted, atol=1e-5)


def test_no_melody_is_no_nan() -> None:
    assert sung_pitch(empty_window(2, CONFIG, "cpu"), CONFIG, 16, 4).isfinite().all()


def vowels(pitches: list[int]) -> torch.Tensor:
    """Like ``melody``, each stretch of one pitch a phoneme of its own."""
    rows = melody(pitches)
    same = torch.tensor([0, *[int(a != b) for a, b in itertools.pairwise(pitches)]])
    rows[0, :, COLUMNS.index("current")] = 0
    rows[0, :, COLUMNS.index("pointer")] = 1 + same.cumsum(0)
    return rows


def test_vibrato_comes_late_on_held_notes_and_leaves_their_pitch() -> None:
    config = replace(CONFIG, vibrato_semitones=0.3)
    plain = replace(CONFIG, vibrato_semitones=0.0)
    sketch = vowels([60] * 20 + [64] * 24 + [62] * 4)
    frame = torch.tensor([48])
    found = sung_pitch(sketch, config, 16, 4, frame)[0].flatten()  # frames 24 to 39, the note's 4 to 19
    off = found - sung_pitch(sketch, plain, 16, 4, frame)[0].flatten()
    assert off[: 4 * 4].abs().max() == 0  # less than 0.32 s into the note
    assert 0.25 < float(off[4 * 11 :].max()) <= 0.3
    assert -0.3 <= float(off[4 * 11 :].min()) < -0.25
    assert abs(float(off[-40:-20].mean())) < 0.05  # a whole period


def test_short_notes_have_no_vibrato() -> None:
    config = replace(CONFIG, vibrato_semitones=0.3)
    sketch = vowels([60, 60, 60, 60, 60, 60, 60, 60, 62, 62, 62, 62, 62, 62, 62, 62] * 3)
    plain = sung_pitch(sketch, replace(CONFIG, vibrato_semitones=0.0), 16, 4)
    assert torch.equal(sung_pitch(sketch, config, 16, 4), plain)


def test_vibrato_goes_on_over_the_seams_of_blocks() -> None:
    config = replace(CONFIG, vibrato_semitones=0.3)
    sketch = vowels([60] * 20 + [64] * 40 + [57] * 20)
    ends = [(at, torch.tensor([1000 + at])) for at in (0, 16, 32)]
    whole = torch.cat([sung_pitch(sketch[:, at : at + 48], config, 16, 4, end) for at, end in ends], 1)
    ends = [(at, torch.tensor([1000 + at])) for at in (8, 24)]
    shifted = torch.cat([sung_pitch(sketch[:, at : at + 48], config, 16, 4, end) for at, end in ends], 1)
    assert torch.allclose(whole[:, 8:40], shifted, atol=1e-4)
