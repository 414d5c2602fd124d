"""The song model: conditioning, sketch LM, diffusion transformer and codec under one roof. No loop, no files.

Format page, "State-dict keys"; here under our own names, which ``checkpoints.keymap`` translates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from songbloom_x2.codec.base import Codec
from songbloom_x2.codec.build import build_codec
from songbloom_x2.codec.two_stem import pitch_latents
from songbloom_x2.conditioning.alignment import AlignmentConditioner, Profile
from songbloom_x2.conditioning.guide import AlignedGuide
from songbloom_x2.conditioning.lyric_table import EMPTY_LYRICS
from songbloom_x2.conditioning.lyrics import LyricsConditioner
from songbloom_x2.conditioning.mixing import blended, of_one_length
from songbloom_x2.conditioning.prior import RenderPrior, prompt_statistics
from songbloom_x2.conditioning.score import lyric_score
from songbloom_x2.conditioning.style import PromptConditioner
from songbloom_x2.conditioning.vocal_range import vocal_range
from songbloom_x2.conditioning.window import sung_pitch
from songbloom_x2.config import SamplingConfig, SongConfig, TwoStemConfig
from songbloom_x2.diffusion.dit import DiffusionTransformer
from songbloom_x2.diffusion.guidance import RenderCondition
from songbloom_x2.diffusion.solver import build_solver
from songbloom_x2.errors import ConfigError
from songbloom_x2.nn.kv_cache import KVCache
from songbloom_x2.sketch.guide import FreeGuide, GuideState, SketchGuide
from songbloom_x2.sketch.lm import SketchLM
from songbloom_x2.steps import SongCondition, Steps
from songbloom_x2.types import Style

_THIN = 128
"""Layers narrower than this are not stored in fewer bits."""

DEFAULT_TEMPO = 100.0
"""Beats a minute, where no style says one."""


class SongModel(nn.Module):
    """A released or embedded model, by its configuration."""

    def __init__(self, config: SongConfig, codec: Codec | Literal["build"] | None = "build") -> None:
        """``codec``: one that exists, none at all (training), or the one that the configuration names.

        Raises ``ConfigError`` where the parts do not fit each other.
        """
        super().__init__()
        _check(config)
        self.config = config
        self.lyrics = LyricsConditioner(config.lyrics, config.dim)
        self.prompt = PromptConditioner(config.prompt, config.latent_dim, config.dim)
        self.sketch = SketchLM(config)
        self.block_embedding = nn.Sequential(
            nn.Linear(config.block_size * config.latent_dim, config.dim), nn.SiLU(), nn.Linear(config.dim, config.dim)
        )
        self.dit = DiffusionTransformer(config)
        self._initialise()
        self.alignment: AlignmentConditioner | None = None
        self.prior: RenderPrior | None = None
        if config.alignment is not None:
            width = 2 * config.latent_dim
            self.alignment = AlignmentConditioner(config.alignment, config.dim, width)
            self.prior = RenderPrior(config.alignment, config.latent_dim, config.diff_dim or config.dim, width)
        self.codec = build_codec(config) if codec == "build" else codec

    def _initialise(self) -> None:
        std = self.config.init_std
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for parameter in (self.sketch.bos, self.lyrics.blank):
            nn.init.normal_(parameter, std=std)
        # Branches that end in a residual sum start small, so that depth does not add up.
        for name, parameter in self.named_parameters():
            if name.endswith(("attention.o.weight", "attention.out.weight", "mlp.down.weight")):
                depth = self.config.lm_layers if name.startswith("sketch") else self.config.diff_layers
                nn.init.normal_(parameter, std=std / math.sqrt(2 * depth))

    def prefix(self, lyrics: Sequence[Sequence[int]], prompts: Sequence[Tensor | None]) -> Tensor:
        """The rows in front of the sketch, prompt first: ``B`` songs -> ``[B, P, dim]``."""
        return torch.cat((self.prompt(prompts), self.lyrics(lyrics)), dim=1)

    @torch.no_grad()
    def condition(self, lyrics: Sequence[int], style: Style | None) -> SongCondition:
        """One song's condition, from symbol ids and a style prompt (none: no prompt rows)."""
        if style is not None and style.apart:
            parts = of_one_length([part.latents for part in style.parts])
            shares = [part.weight for part in style.parts]
            prompt = blended(list(self.prompt(parts)), shares, spherical=style.spherical)
            prefix = torch.cat((prompt, self.lyrics([lyrics])[0]))
        else:
            prefix = self.prefix([lyrics], [None if style is None else style.latents])[0]
        unconditional = self.prefix([EMPTY_LYRICS], [None])[0]
        return SongCondition(prefix, unconditional, tuple(lyrics), style)

    def embed_block(self, latents: Tensor) -> Tensor:
        """Latents ``[..., block, D]``, frame by frame -> the LM's input after the block, ``[..., dim]``."""
        out: Tensor = self.block_embedding(latents.flatten(-2).to(self.sketch.bos.dtype))
        return out

    def render_condition(self, hidden: Tensor, tokens: Tensor, state: GuideState) -> RenderCondition:
        """What the DiT is told about a block.

        ``hidden [N, dim]``, the last ``dit.sketch_rows`` tokens ``[N, rows]``. The released model takes both as they
        are; the embedded one renders from the alignment's window and the style prompt.
        """
        if self.prior is None:
            return RenderCondition(hidden, self.sketch.embedding(tokens))
        means, rows, style = self.prior(state["window"], state["statistics"], self.config.block_size)
        return RenderCondition(style, rows, self._sung_pitch(state), *self._expected_voice(means))

    def _expected_voice(self, means: Tensor) -> tuple[Tensor | None, float]:
        """The regression's voice spectrum and voicing ``[B, block, D]``, the rest NaN; and how much of it is taken."""
        alignment, codec = self.config.alignment, self.config.codec
        if alignment is None or not alignment.voice_from_prior or not isinstance(codec, TwoStemConfig):
            return None, 0.0
        expected = means.float().clone()
        expected[..., codec.voice_dim - codec.sub_frames :] = torch.nan
        return expected, alignment.voice_from_prior

    def _sung_pitch(self, state: GuideState) -> Tensor | None:
        """The sketch's melody as latents ``[B, block, D]``, all but F0 NaN; none where the DiT draws F0 too."""
        config, alignment, codec = self.config, self.config.alignment, self.config.codec
        if alignment is None or not alignment.pitch_from_sketch or not isinstance(codec, TwoStemConfig):
            return None
        melody = sung_pitch(state["window"], alignment, config.block_size, codec.sub_frames, state["frame"])
        melody = pitch_latents(melody)
        known = melody.new_full((*melody.shape[:2], config.latent_dim), torch.nan)
        known[..., codec.voice_dim - codec.sub_frames : codec.voice_dim] = melody
        return known

    def guide(self, conditions: Sequence[SongCondition], sampling: SamplingConfig) -> SketchGuide:
        """How the tokens of these songs are chosen."""
        config = self.config
        device = self.sketch.bos.device
        if self.alignment is not None:
            score = lyric_score([song.lyrics for song in conditions], config.lyrics, self.alignment.config)
            temperature = sampling.temperature if sampling.use_sampling else 0.0
            profile = self._profile(conditions)
            return AlignedGuide(self.alignment, profile, score.to(device), temperature, config.block_size)
        return FreeGuide(
            self.sketch.logits, sampling, len(conditions), config.block_size, self.sketch.end_token, device
        )

    def _profile(self, conditions: Sequence[SongCondition]) -> Profile:
        config = self.config
        assert config.alignment is not None and isinstance(config.codec, TwoStemConfig)
        first, device = config.codec.voice_components, self.sketch.bos.device
        voicing = slice(first, first + config.codec.sub_frames)
        layout = config.alignment.layout
        tempos, keys, statistics, ranges = [], [], [], []
        for condition in conditions:
            style = condition.style
            tempos.append(DEFAULT_TEMPO if style is None or style.tempo is None else style.tempo)
            keys.append(config.alignment.layout.chords if style is None or style.key is None else style.key)
            if style is None:
                statistics.append(torch.zeros(2 * config.latent_dim))
            else:
                apart = style.parts if style.apart else ()
                each = [part.latents for part in apart] or [style.latents]
                found = [prompt_statistics(latents, config.codec.voice_dim, voicing).cpu() for latents in each]
                shares = [part.weight for part in apart] or [1.0]
                statistics.append(blended(found, shares, spherical=style.spherical))
            ranges.append(vocal_range(statistics[-1].tolist(), config.codec, layout))
        lowest, highest = torch.tensor(ranges, device=device).unbind(1)
        return Profile(
            torch.tensor(tempos, device=device),
            torch.tensor(keys, device=device),
            torch.stack(statistics).to(device),
            lowest,
            highest,
        )

    def steps(self) -> Steps:
        """The step functions that the engine runs."""
        config = self.config
        return Steps(
            block_size=config.block_size,
            latent_dim=config.latent_dim,
            end_token=self.sketch.end_token,
            ignore_token=self.sketch.ignore_token,
            sketch_tokens=self.dit.sketch_rows,
            max_frames=config.max_frames,
            bos=self.sketch.bos.detach(),
            new_cache=self.sketch.new_cache,
            prefill=self._prefill,
            lm_step=self._lm_step,
            embed_tokens=self.sketch.embedding,
            embed_block=self.embed_block,
            embed_times=self._embed_times,
            render=self.render_condition,
            velocity=self.dit.velocity,
            guide=self.guide,
            solver=lambda sampling: build_solver(config, sampling),
        )

    def _prefill(self, rows: Tensor, lengths: Tensor, cache: KVCache) -> None:
        self.sketch(rows, cache, fresh=True)
        # What padding wrote lies beyond each row's position: masked until it is overwritten.
        cache.position.copy_(lengths)

    def _lm_step(self, row: Tensor, cache: KVCache, context: int) -> Tensor:
        hidden: Tensor = self.sketch(row[:, None], cache, context)[:, 0]
        return hidden

    def _embed_times(self, times: Sequence[float]) -> Tensor:
        return self.dit.embed_time(torch.tensor(times, device=self.sketch.bos.device))


def large_linears(model: SongModel) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Parents, names and layers of LM and DiT whose weights may be stored in fewer bits.

    Thin layers, and those at the DiT's borders, stay exact: they cost nothing, and errors there are heard.
    """
    dit = model.dit
    return [
        (parent, name, child)
        for part in (model.sketch, dit)
        for parent in part.modules()
        if parent is not dit and parent is not dit.time_embed
        for name, child in parent.named_children()
        if type(child) is nn.Linear and min(child.in_features, child.out_features) >= _THIN
    ]


def _check(config: SongConfig) -> None:
    name = config.name
    for width, heads, what in (
        (config.dim, config.num_heads, "dim"),
        (config.diff_dim or config.dim, config.diff_heads or config.num_heads, "diff_dim"),
    ):
        if width % heads or (width // heads) % 2:
            raise ConfigError(f"model '{name}': {what} {width} cannot be split into {heads} heads of even width")
    if config.alignment is None and config.diff_dim not in (None, config.dim):
        raise ConfigError(f"model '{name}': diff_dim {config.diff_dim} differs from dim {config.dim}: needs alignment")
