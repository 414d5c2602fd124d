"""Songs for the sketch LM without any sound: composed anew at every step, so that none is ever seen twice.

The LM also hears the latents of what was sung so far. Here the renderer's regression says what they would be, from the
sketch and the prompt of a corpus song of the same style and voice.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from songbloom_x2.conditioning.prior import RenderPrior
from songbloom_x2.conditioning.score import lyric_score
from songbloom_x2.conditioning.window import describe
from songbloom_x2.train.aligned import AlignedSketch, align
from songbloom_x2.train.corpus.form import wanted_seconds
from songbloom_x2.train.corpus.lyrics import Lyricist
from songbloom_x2.train.corpus.song import annotation_only
from songbloom_x2.train.corpus.styles import style_named
from songbloom_x2.train.corpus.voices import voice_named
from songbloom_x2.train.songs import SketchBatch, Songs, TrainingSong

FIRST_SEED = 2**40
"""Seeds of songs on paper begin here: no corpus reaches it."""
LONGEST_SECONDS = 60.0


class SymbolicSongs:
    """Batches of new songs; ``bank`` gives the prompts, the styles and the voices."""

    def __init__(self, bank: Songs, prior: RenderPrior, lyricist: Lyricist) -> None:
        """``prior`` must be trained; it is only read."""
        self.bank, self._prior, self._lyricist = bank, prior, lyricist

    def sketch_batch(self, seed: int, step: int, size: int) -> SketchBatch:
        """Songs of about one length, chosen by (seed, step)."""
        rng = np.random.default_rng([seed, step, 3])
        seconds = min(wanted_seconds(rng), LONGEST_SECONDS)
        songs: list[TrainingSong] = []
        while len(songs) < size:
            model = self.bank.songs[int(rng.integers(len(self.bank)))]
            song = self._song(model, int(rng.integers(FIRST_SEED, 2 * FIRST_SEED)), seconds)
            if song is not None:
                songs.append(song)
        return self.bank.collate(songs, rng)

    def _song(self, like: TrainingSong, seed: int, seconds: float) -> TrainingSong | None:
        """A new song in the style and voice of ``like``; none where it cannot be aligned."""
        config, alignment = self.bank.config, self.bank.alignment
        style, voice = style_named(like.style), voice_named(like.voice)
        paper = annotation_only(seed, self._lyricist, style=style, voice=voice, seconds=seconds)
        frames = (int(paper.seconds * 25) + alignment.lead) // config.block_size * config.block_size
        try:
            sketch = align(paper, frames, alignment, config.lyrics, config.instrumental_seconds)
        except ValueError:
            return None
        latents = self._latents(sketch, self.bank.statistics(like.clean.float()))
        return TrainingSong(sketch, latents, like.clean, like.mixture, like.style, like.voice)

    @torch.no_grad()
    def _latents(self, sketch: AlignedSketch, statistics: Tensor) -> Tensor:
        """What the regression expects to be heard, ``[T, D]``, lagging the sketch like the corpus's latents."""
        alignment = self.bank.alignment
        columns = {
            name: torch.from_numpy(getattr(sketch, name))[None] for name in ("current", "pitch", "pointer", "chord")
        }
        window = describe(
            **columns,
            frame=torch.arange(len(sketch.current))[None],
            score=lyric_score([sketch.ids], self.bank.config.lyrics, alignment),
            tempo=torch.tensor([sketch.tempo]),
            config=alignment,
        )
        means = self._prior.means(window, statistics[None])[0]
        return torch.cat([means[:1].expand(alignment.lead, -1), means])[: len(means)]
