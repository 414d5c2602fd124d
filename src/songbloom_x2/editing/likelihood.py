"""How likely the model finds a stretch of a sketch, given all that is before it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from songbloom_x2.conditioning.alignment import DECISIONS, NEXT, REST, STAY, AlignmentConditioner, AlignmentState
from songbloom_x2.conditioning.guide import AlignedGuide
from songbloom_x2.config import SamplingConfig
from songbloom_x2.engine import SongState, SongTask
from songbloom_x2.engine.prefill import added_rows, made_rows
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import SongCondition

_FIELDS = tuple(AlignmentState.__dataclass_fields__)


@torch.no_grad()
def log_likelihood(
    model: SongModel,
    condition: SongCondition,
    sampling: SamplingConfig,
    songs: Sequence[SongState],
    first: int,
    until: int,
) -> Tensor:
    """Natural logarithm of the probability of frames ``first`` to before ``until`` of each song, ``[N]`` float64.

    The songs have whole blocks beyond ``until``. Teacher-forced in one pass a song, without guidance and at
    temperature 1; minus infinity where the words do not go on.
    """
    return torch.stack([_of_one(model, condition, sampling, song, first, until) for song in songs])


def _of_one(
    model: SongModel, condition: SongCondition, sampling: SamplingConfig, song: SongState, first: int, until: int
) -> Tensor:
    steps = model.steps()
    guide = model.guide([condition], sampling)
    tasks = [SongTask(condition, state=song)]
    rows = made_rows(steps, song)[:-1]
    extra = added_rows(steps, tasks, guide)[0]
    if extra is not None:
        rows = rows + extra
    prefix = condition.prefix.to(rows)
    hidden = model.sketch(torch.cat((prefix, rows))[None])[0]
    frame = torch.arange(first, until, device=hidden.device)
    # The row that predicts a frame: see ``engine.prefill``.
    hidden = hidden[len(prefix) + frame + frame // steps.block_size]
    if isinstance(guide, AlignedGuide) and model.alignment is not None:
        return _aligned(model.alignment, guide, song, hidden, first, until)
    logits = model.sketch.logits(hidden).double()
    tokens = song.tokens[first:until].to(logits.device)
    return torch.log_softmax(logits, -1).gather(1, tokens[:, None]).sum().cpu()


def _aligned(
    alignment: AlignmentConditioner, guide: AlignedGuide, song: SongState, hidden: Tensor, first: int, until: int
) -> Tensor:
    """Decision, pitch where something is sung, and chord where one is decided."""
    place = hidden.device
    before = AlignmentState(**{name: song.trail[name][None, first:until].to(place) for name in _FIELDS})
    after = AlignmentState(**{name: song.trail[name][None, first + 1 : until + 1].to(place) for name in _FIELDS})
    decision_logits, pitch_logits, chord_logits = (part.double() for part in alignment.split(hidden))
    none = len(alignment.config.layout.phonemes)
    moved, sung = after.pointer > before.pointer, after.current < none
    decision = torch.where(moved, NEXT, torch.where(sung, STAY, REST))[0]
    legal = alignment.legal(before, guide.score)[0]
    assert legal.shape[1] == DECISIONS
    chances = torch.log_softmax(decision_logits.masked_fill(~legal, -torch.inf), -1)
    total = chances.gather(1, decision[:, None])[:, 0].sum()
    # A phoneme that sounds on must be the one that sounded.
    broken = (~moved & sung & (before.current != after.current)).any()
    pitch = torch.log_softmax(pitch_logits, -1).gather(1, after.pitch[0].clamp(max=pitch_logits.shape[1] - 1)[:, None])
    total = total + torch.where(sung[0], pitch[:, 0], 0.0).sum()
    chord = torch.log_softmax(chord_logits, -1).gather(1, after.lead[0].clamp(max=chord_logits.shape[1] - 1)[:, None])
    total = total + torch.where(alignment.decides_chord(before, guide.tempo)[0], chord[:, 0], 0.0).sum()
    return torch.where(broken, -torch.inf, total).cpu()
