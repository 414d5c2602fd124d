"""Our own version of every expected output of a golden file, from the inputs recorded beside it.

Source: the format page, "Golden files".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from songbloom_x2.codec.autoencoder import OobleckAutoencoder
from songbloom_x2.config import SamplingConfig
from songbloom_x2.engine import SongTask, generate_blocks
from songbloom_x2.errors import ConfigError, SongBloomError
from songbloom_x2.runtime.apply import codec_scope
from songbloom_x2.runtime.plan import RuntimePlan
from songbloom_x2.song_model import SongModel
from songbloom_x2.steps import SongCondition
from songbloom_x2.verify.conditions import DRAWN, Conditions, NotRecordedError, repeated
from songbloom_x2.verify.draws import RecordedDraws

DIT_FACTOR = 1.5
"""Guidance of ``dit.v_cfg``."""

_DIT_INPUTS = ("dit.x", "dit.t", "dit.h", "dit.s", "dit.prev")
INPUTS = ("codec.in", "codec.latent", "prompt.wav", "lm.in", "gen.noise", *_DIT_INPUTS)
"""Names of what is given, and not compared."""

_ROWS = ("lm.in", "lm.fused", "dit.h", "dit.s")
"""Inputs in the type that LM and DiT compute in; audio, latents and times are float32 everywhere."""


class Recomputation:
    """One golden file. Each output is computed when it is asked for; what several need is computed once."""

    def __init__(
        self,
        model: SongModel,
        plan: RuntimePlan,
        tensors: Mapping[str, Tensor],
        described: Mapping[str, Any],
        sampling: SamplingConfig,
    ) -> None:
        """``tensors`` as recorded, ``described`` the JSON beside them, ``sampling`` the settings of ``gen``."""
        self._model = model
        self._plan = plan
        self._tensors = tensors
        self._sampling = sampling
        self.conditions = Conditions(model, plan, tensors, described)

    @torch.no_grad()
    def output(self, name: str) -> Tensor:
        """Our value of an output; ``NotRecordedError`` where something that it needs was not recorded."""
        return OUTPUTS[name](self)

    def given(self, name: str) -> Tensor:
        """A recorded input, where and as the model wants it."""
        if name not in self._tensors:
            raise NotRecordedError(f"its input {name} is not in the file")
        tensor = self._tensors[name].to(self._plan.torch_device)
        return tensor.to(self._plan.torch_dtype if name in _ROWS else torch.float32)

    def encoder_out(self) -> Tensor:
        """Means and scales ``[B, 2 D, T]``."""
        codec = self._model.codec
        if not isinstance(codec, OobleckAutoencoder):
            raise NotRecordedError("the model's codec has no such encoder")
        with codec_scope(self._plan):
            return codec.encode_raw(self.given("codec.in"))

    def decoded(self, latents: Tensor) -> Tensor:
        """Sound ``[B, C, N]``."""
        if self._model.codec is None:
            raise NotRecordedError("the model has no codec")
        with codec_scope(self._plan):
            return self._model.codec.decode(latents)

    def fused(self) -> Tensor:
        """The LM's whole input: prefix, then the given rows."""
        given = self.given("lm.in")
        return torch.cat([repeated(self.conditions.prefix, len(given)).to(given), given], dim=1)

    @cached_property
    def hidden(self) -> Tensor:
        """The LM's output at the given rows; from the recorded whole input where ours cannot be made."""
        try:
            fused = self.fused()
        except NotRecordedError:
            fused = self.given("lm.fused")
        lengths = [self._tensors[name].shape[1] for name in ("lm.in", "lm.out", "lm.logits") if name in self._tensors]
        hidden: Tensor = self._model.sketch(fused)
        return hidden[:, hidden.shape[1] - lengths[0] :]

    def logits(self) -> Tensor:
        """Of sketch tokens and EOS, at the given rows."""
        return self._model.sketch.logits(self.hidden)

    def velocity(self) -> Tensor:
        """One evaluation of the DiT."""
        velocity: Tensor = self._model.dit(*(self.given(name) for name in _DIT_INPUTS))
        return velocity

    def guided_velocity(self) -> Tensor:
        """The same under guidance of the kind ``h``."""
        noisy, time, hidden, sketch, previous = (self.given(name) for name in _DIT_INPUTS)
        silent = self._model.dit(noisy, time, torch.zeros_like(hidden), torch.zeros_like(sketch), previous)
        guided: Tensor = silent + (self.velocity() - silent) * DIT_FACTOR
        return guided

    @cached_property
    def generated(self) -> tuple[Tensor, Tensor]:
        """Tokens ``[B, T]`` and latents ``[B, D, T]`` of a whole arg-max generation from the recorded noise.

        As released, all songs end together, and where nothing was made the latents are one block of zeros.
        """
        sampling = self._sampling
        if sampling.use_sampling and sampling.temperature > 0 and (sampling.top_k != 1 or sampling.top_p > 0):
            raise NotRecordedError("its settings draw tokens at random; only arg-max can be repeated")
        if self.conditions.prompt_was_drawn:
            raise NotRecordedError(f"{DRAWN}, and a generation draws its own, which is not in the file")
        noise = self.given("gen.noise")
        songs = noise.shape[1]
        rows = repeated(self.conditions.prefix, 2 * songs)
        tasks = [
            SongTask(SongCondition(rows[song], rows[songs + song]), draws=RecordedDraws(noise[:, song]))
            for song in range(songs)
        ]
        tokens: list[list[Tensor]] = [[] for _ in tasks]
        latents: list[list[Tensor]] = [[] for _ in tasks]
        try:
            for block in generate_blocks(self._model.steps(), tasks, sampling):
                tokens[block.song].append(block.tokens)
                latents[block.song].append(block.latents)
        except ConfigError:
            raise
        except SongBloomError:
            # The noise ran out, or a song was over before its first block: what was made is what is compared.
            pass
        blocks = min(len(song) for song in tokens)
        if blocks == 0:
            config = self._model.config
            empty = torch.zeros(songs, 0, dtype=torch.int64)
            return empty, torch.zeros(songs, config.latent_dim, config.block_size, device=self._plan.torch_device)
        return (
            torch.stack([torch.cat(song[:blocks]) for song in tokens]),
            torch.stack([torch.cat(song[:blocks], dim=1) for song in latents]),
        )

    def generated_audio(self) -> Tensor:
        """The sound of our latents; of the recorded ones where ours cannot be made."""
        try:
            latents = self.generated[1]
        except NotRecordedError:
            latents = self.given("gen.latents")
        return self.decoded(latents)


OUTPUTS: Mapping[str, Callable[[Recomputation], Tensor]] = {
    "codec.encoder_out": Recomputation.encoder_out,
    "codec.out": lambda run: run.decoded(run.given("codec.latent")),
    "lyrics.embedding": lambda run: run.conditions.lyrics()[: len(run.conditions.songs)],
    "lyrics.mask": lambda run: run.conditions.lyrics_mask(),
    "cond.prompt_wav": lambda run: run.conditions.prompt(),
    "cond.lyrics": lambda run: run.conditions.lyrics(),
    "lm.fused": Recomputation.fused,
    "lm.out": lambda run: run.hidden,
    "lm.logits": Recomputation.logits,
    "dit.v": Recomputation.velocity,
    "dit.v_cfg": Recomputation.guided_velocity,
    "block.emb": lambda run: run._model.embed_block(run.given("dit.x"))[:, None],
    "gen.tokens": lambda run: run.generated[0],
    "gen.latents": lambda run: run.generated[1],
    "gen.audio": Recomputation.generated_audio,
}
"""How each expected output is made."""
