from __future__ import annotations

import torch

from songbloom_x2.conditioning.window import COLUMNS, empty_window, sung_pitch
from songbloom_x2.train.embedded import embedded_config

CONFIG = embedded_config().alignment
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
