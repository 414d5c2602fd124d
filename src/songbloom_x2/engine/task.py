"""What the engine is asked for, one song at a time, and how far a song may go."""

from __future__ import annotations

from dataclasses import dataclass

from songbloom_x2.engine.draws import Draws
from songbloom_x2.engine.state import SongState
from songbloom_x2.errors import ConfigError
from songbloom_x2.steps import SongCondition


@dataclass(frozen=True)
class SongTask:
    """One song to make: its condition and seed, limits in frames, and where it stands (none: at the start)."""

    condition: SongCondition
    seed: int = 0
    max_frames: int | None = None
    """None: what the sampling settings or else the model say."""
    min_frames: int = 0
    """EOS is held back until the song has this many frames."""
    state: SongState | None = None
    draws: Draws | None = None
    """Used instead of the seed: recorded noise, for example."""

    @property
    def prefix(self) -> int:
        """Rows in front of the sketch, of the longer branch."""
        return max(len(self.condition.prefix), len(self.condition.unconditional))


def most_blocks(max_frames: int, block_size: int) -> int:
    """How many blocks a song may have.

    As released: a block is dropped where the sequence before it, BOS and all blocks closed by their embedding, is
    longer than ``max_frames / block_size * (block_size + 1)``; so a song can be up to one block longer than asked.
    """
    if max_frames < 1:
        raise ConfigError(f"max_frames is {max_frames}: a song needs at least 1 frame (25 are a second)")
    longest = max_frames / block_size * (block_size + 1)
    blocks = 0
    while 1 + blocks * (block_size + 1) <= longest:
        blocks += 1
    return blocks
