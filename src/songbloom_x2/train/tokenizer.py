"""Trains the recogniser on corpus songs: the sound as a listener has it in, the exact sketch out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from songbloom_x2.audio.atomic import write_atomically
from songbloom_x2.audio.resample import resample
from songbloom_x2.conditioning import clock
from songbloom_x2.config import FRAME_RATE, SketchLayout, SongConfig
from songbloom_x2.errors import ConfigError
from songbloom_x2.recognise.features import MELS, RATE, SUB_FRAMES, features
from songbloom_x2.recognise.network import RecogniserNetwork
from songbloom_x2.train.aligned import align
from songbloom_x2.train.corpus import mix
from songbloom_x2.train.corpus.record import BAND_RATE, SongRecord, read_shard, shard_stems
from songbloom_x2.types import FloatArray, Waveform

WEIGHTS = {"phoneme": 1.0, "pitch": 1.0, "chord": 0.5, "beat": 0.5}
CROP = 320
"""Frames (12.8 s) of a training example."""
_LEVELS = (-4.0, 5.0)
"""Range in dB of the voice's level against the corpus's own: other people mix otherwise."""


@dataclass(frozen=True)
class HeardSong:
    """Feature rows float16 ``[V, T, SIZE]`` of ``V`` mixes of one song, and targets int16 ``[T]`` by head."""

    rows: Tensor
    targets: Mapping[str, Tensor]


def targets_of(record: SongRecord, frames: int, config: SongConfig) -> dict[str, Tensor]:
    """What the recogniser is to hear, int64 ``[frames]`` by head. Raises ``ValueError`` (see ``align``)."""
    assert config.alignment is not None
    sketch = align(record.annotation, frames, config.alignment, config.lyrics, config.instrumental_seconds)
    beat = clock.beat(torch.arange(frames), torch.tensor(sketch.tempo))
    return {
        "phoneme": torch.from_numpy(sketch.current),
        "pitch": torch.from_numpy(sketch.pitch),
        "chord": torch.from_numpy(sketch.chord),
        "beat": beat,
    }


def hear_song(record: SongRecord, config: SongConfig, mixes: int) -> HeardSong | None:
    """Mix a song ``mixes`` times, the voice at another level each time; none where it cannot be aligned."""
    if record.band is None:
        return None
    frames = len(record.voice.f0) * FRAME_RATE // 100
    try:
        targets = targets_of(record, frames, config)
    except ValueError:
        return None
    rng = np.random.default_rng([record.annotation.seed, 8])
    voice = mix.voice_wave(record.voice, record.annotation.seed)
    mono = (record.band.astype(np.float32) / 32767).mean(0, keepdims=True)
    band = resample(Waveform(np.asarray(mono, np.float32), BAND_RATE), RATE).samples[0]
    rows = []
    for number in range(mixes):
        gain = 0.0 if number == 0 else rng.uniform(*_LEVELS)
        rows.append(features(torch.from_numpy(_mixed(voice, band, gain)))[:frames].half())
    return HeardSong(torch.stack(rows), {name: value.to(torch.int16) for name, value in targets.items()})


def _mixed(voice: FloatArray, band: FloatArray, gain_db: float) -> FloatArray:
    length = min(len(voice), len(band))
    return np.asarray(band[:length] + 10 ** (gain_db / 20) * voice[:length], np.float32)


def hear_corpus(
    corpus: Path, cache: Path, config: SongConfig, *, songs: int | None = None, mixes: int = 2
) -> list[HeardSong]:
    """The songs of a corpus that keep their band, up to the shard that makes them at least ``songs``.

    What was heard is kept in ``cache``, a file a shard. Raises ``ConfigError`` where there are none.
    """
    cache.mkdir(parents=True, exist_ok=True)
    heard: list[HeardSong] = []
    for stem in shard_stems(corpus):
        if songs is not None and len(heard) >= songs:
            break
        path = cache / f"{stem.name}-{mixes}.safetensors"
        if not path.exists():
            made = (hear_song(record, config, mixes) for record in read_shard(stem))
            _store([song for song in made if song is not None], path)
        heard += _read(path)
    if not heard:
        raise ConfigError(f"{corpus}: holds no songs with their band kept: make them with songbloom train corpus")
    return heard


def _store(songs: Sequence[HeardSong], path: Path) -> None:
    tensors: dict[str, Tensor] = {}
    for number, song in enumerate(songs):
        tensors |= {f"{number}/{name}": value for name, value in {"rows": song.rows, **song.targets}.items()}
    write_atomically(path, save(tensors, metadata={"songs": str(len(songs))}))


def _read(path: Path) -> list[HeardSong]:
    with safe_open(path, framework="pt") as file:
        return [
            HeardSong(
                file.get_tensor(f"{number}/rows"), {name: file.get_tensor(f"{number}/{name}") for name in WEIGHTS}
            )
            for number in range(int(file.metadata()["songs"]))
        ]


class TokenizerObjective:
    """Cross-entropies of the heads over random crops; see ``loop.Objective``."""

    def __init__(
        self,
        network: RecogniserNetwork,
        songs: Sequence[HeardSong],
        held_out: Sequence[HeardSong],
        batch: int,
        seed: int,
        bfloat16: bool,
    ) -> None:
        """``batch`` crops a step."""
        self.network, self.songs, self.held_out = network, songs, held_out
        self.batch, self.seed, self.bfloat16 = batch, seed, bfloat16

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """Crops, masked bands and coloured levels drawn by the step."""
        rng = np.random.default_rng([self.seed, step, 3])
        rows, targets = self._batch(rng)
        # Another equaliser for every crop, and stretches of bands that are not heard.
        rows = rows + 0.25 * torch.randn(len(rows), 1, 1, generator=generator)
        tilt = torch.randn(len(rows), 1, 1, generator=generator) * torch.linspace(-0.3, 0.3, MELS)
        rows[..., : MELS * SUB_FRAMES] += tilt.repeat(1, 1, SUB_FRAMES)
        rows = rows + 0.05 * torch.randn(rows.shape, generator=generator)
        self.network.train()
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            torch.manual_seed(int(rng.integers(2**31)))
            logits = self.network(rows)
        losses = {
            name: F.cross_entropy(logits[name].float().flatten(0, 1), targets[name].flatten()) for name in WEIGHTS
        }
        total = torch.stack([weight * losses[name] for name, weight in WEIGHTS.items()]).sum()
        return total, {name: float(value.detach()) for name, value in losses.items()}

    def _batch(self, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        rows, targets = [], []
        for index in rng.integers(0, len(self.songs), self.batch):
            song = self.songs[int(index)]
            length = song.rows.shape[1]
            size = min(CROP, length)
            start, which = int(rng.integers(0, length - size + 1)), int(rng.integers(len(song.rows)))
            missing = CROP - size
            rows.append(F.pad(song.rows[which, start : start + size].float(), (0, 0, 0, missing)))
            targets.append(
                {
                    name: F.pad(value[start : start + size].long(), (0, missing), value=-100)
                    for name, value in song.targets.items()
                }
            )
        joined = {name: torch.stack([entry[name] for entry in targets]) for name in WEIGHTS}
        return torch.stack(rows), joined

    def validate(self) -> Mapping[str, float]:
        """Shares of frames that are right on held-out songs, as ``accuracies`` counts them."""
        self.network.eval()
        return accuracies(self.network, self.held_out)


@torch.inference_mode()
def accuracies(network: RecogniserNetwork, songs: Sequence[HeardSong]) -> dict[str, float]:
    """Shares of frames: ``singing`` right; where somebody sings ``phoneme`` and ``pitch``; ``chord``; ``beat``.

    Measured on each song's first mix (the corpus's own levels).
    """
    layout: SketchLayout = network.config.layout
    right: dict[str, int] = dict.fromkeys(("singing", *WEIGHTS), 0)
    total = dict.fromkeys(right, 0)
    for song in songs:
        logits = network(song.rows[:1].float())
        found = {name: value[0].argmax(-1) for name, value in logits.items()}
        wanted = {name: value.long() for name, value in song.targets.items()}
        sung = wanted["phoneme"] < len(layout.phonemes)
        right["singing"] += int(((found["phoneme"] < len(layout.phonemes)) == sung).sum())
        total["singing"] += len(sung)
        for name in WEIGHTS:
            where = sung if name in ("phoneme", "pitch") else torch.ones_like(sung)
            right[name] += int((found[name] == wanted[name])[where].sum())
            total[name] += int(where.sum())
    return {name: right[name] / max(1, total[name]) for name in right}
