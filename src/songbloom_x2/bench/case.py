"""What one process of the benchmark is asked for and what it answers: plain values that travel as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from songbloom_x2.bench.sizes import Size


@dataclass(frozen=True)
class Case:
    """One configuration to be measured. ``runtime`` and ``sampling`` are overrides by field name."""

    name: str
    size: Size
    seconds: float
    runtime: Mapping[str, Any] = field(default_factory=dict)
    sampling: Mapping[str, Any] = field(default_factory=dict)
    runs: int = 1
    songs: int = 1
    """Songs side by side."""
    weights: str | None = None
    """File of random weights; none for the embedded model."""
    trace: str | None = None
    """Where the profiler's trace of one block goes."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Measured:
    """What was found. Times in seconds, medians over the runs; sizes in bytes."""

    name: str
    rtf: float
    """Seconds of LM and DiT for one second of song."""
    rtf_spread: float
    """Largest less smallest of the runs."""
    first_audio_s: float
    """Until the first block's latents are there; with the codec, until the first sound that can be played."""
    block_s: float
    """Median of a block after the first."""
    tokens_per_second: float
    codec_rtf: float | None
    """The codec's seconds for one second of song, where it ran."""
    peak_memory_bytes: int
    """Most memory while songs were made, less that of the process before a model was in it (on a GPU: the GPU's)."""
    process_peak_bytes: int
    """The same with the process itself."""
    estimated_bytes: int
    """What ``runtime.memory`` expected, to be compared with the line above (on a GPU: with ``peak_memory_bytes``)."""
    weights_bytes: int
    state_bytes: int
    """Key-value cache at the end of the song."""
    load_s: float
    """Loading and preparing the model; with compilation, the first song's extra time is ``compile_s``."""
    compile_s: float
    plan: Mapping[str, Any]
    price: Mapping[str, float]
    """See ``price.priced``."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)
