"""Where songs stand between two blocks: frozen snapshots that can be stored and gone on from.

Knows nothing of models: tokens, latents, the random generator's bytes, and whatever the guide remembers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from songbloom_x2.errors import CheckpointError

Ending = Literal["", "end", "length"]
"""Why a song is over: it is not, the model ended it (EOS), or it was as long as it may be."""


@dataclass(frozen=True)
class SongState:
    """One song after some whole blocks; all tensors on the CPU.

    ``tokens`` int64 ``[T]``, ``latents`` float32 ``[D, T]``, ``generator`` uint8 (the state of the song's own random
    generator, empty: start from the seed), ``guide`` the guide's state before the next frame, ``trail`` the recorded
    fields of its states before frames 0 to T, ``[T + 1, ...]``.
    """

    tokens: Tensor
    latents: Tensor
    generator: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.uint8))
    guide: Mapping[str, Tensor] = field(default_factory=dict)
    trail: Mapping[str, Tensor] = field(default_factory=dict)
    ending: Ending = ""

    @property
    def frames(self) -> int:
        """Latent frames made."""
        return int(self.tokens.shape[0])


_ENDINGS: tuple[Ending, ...] = ("", "end", "length")


@dataclass(frozen=True)
class GenerationState:
    """A batch of songs, in the order in which they were asked for."""

    songs: tuple[SongState, ...]

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything as named tensors, for a file of tensors."""
        out: dict[str, Tensor] = {}
        for index, song in enumerate(self.songs):
            out[f"{index}.tokens"] = song.tokens
            out[f"{index}.latents"] = song.latents
            out[f"{index}.generator"] = song.generator
            out[f"{index}.ending"] = torch.tensor(_ENDINGS.index(song.ending))
            out |= {f"{index}.guide.{name}": value for name, value in song.guide.items()}
            out |= {f"{index}.trail.{name}": value for name, value in song.trail.items()}
        return out

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> GenerationState:
        """The inverse of ``to_tensors``. Raises ``CheckpointError`` where tensors are missing or do not fit."""
        songs: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            number, _, name = key.partition(".")
            if not number.isdecimal():
                raise CheckpointError(f"generation state: unknown tensor '{key}': not a state of this program")
            songs.setdefault(int(number), {})[name] = value
        return cls(tuple(_song(index, songs[index]) for index in sorted(songs)))


def _song(index: int, named: Mapping[str, Tensor]) -> SongState:
    def group(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}

    missing = {"tokens", "latents", "generator", "ending"} - named.keys()
    if missing:
        raise CheckpointError(f"generation state: song {index} lacks {', '.join(sorted(missing))}: damaged file")
    tokens, latents, ending = named["tokens"], named["latents"], int(named["ending"])
    if tokens.dim() != 1 or latents.dim() != 2 or latents.shape[1] != tokens.shape[0] or not 0 <= ending < 3:
        raise CheckpointError(f"generation state: song {index} has tokens and latents that do not fit: damaged file")
    return SongState(tokens, latents, named["generator"], group("guide."), group("trail."), _ENDINGS[ending])
