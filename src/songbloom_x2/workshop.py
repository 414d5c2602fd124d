"""Where songs are made: a loaded model on its machine, and the work on songs that are prepared.

Knows nothing of requests' words or styles; ``pipeline`` and ``edits`` bring prepared songs.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from songbloom_x2.checkpoints.load import LoadedModel
from songbloom_x2.codec.base import Codec
from songbloom_x2.config import SongConfig
from songbloom_x2.editing.branches import branched
from songbloom_x2.editing.held import following
from songbloom_x2.engine import Generation
from songbloom_x2.errors import SongBloomError
from songbloom_x2.manifest import build_manifest
from songbloom_x2.runtime.apply import apply, codec_scope
from songbloom_x2.runtime.plan import RuntimePlan
from songbloom_x2.song_making import PreparedSong, SongMaking
from songbloom_x2.steps import SongCondition, Steps
from songbloom_x2.types import FloatArray, Progress, Song, Style

EMPTY = "seed {seeds}: the model ended the song before its first block: try another seed or more lyrics"


SongConditions = tuple[SongCondition, tuple[tuple[float, SongCondition], ...]]
"""A song's condition, and weights and conditions of its branches."""


@dataclass(frozen=True)
class Workshop:
    """A model with a codec, and the plan of the machine it runs on."""

    loaded: LoadedModel
    plan: RuntimePlan
    codec: Codec
    load_seconds: float = 0.0

    @property
    def config(self) -> SongConfig:
        """The model's shape and defaults."""
        return self.loaded.config

    @cached_property
    def steps(self) -> Steps:
        """The model's step functions as the plan runs them."""
        return self.plan.steps(self.loaded.model)

    @property
    def description(self) -> dict[str, Any]:
        """What a manifest says about the model."""
        loaded = self.loaded
        return {
            "name": loaded.config.name,
            "sha256": loaded.hash,
            "source": loaded.source,
            "licence": loaded.licence,
            "notes": list(loaded.notes),
            "loras": [dataclasses.asdict(adapter) for adapter in loaded.adapters],
        }

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The plan holds inside, for networks and codec; nothing is recorded for gradients."""
        with apply(self.plan), codec_scope(self.plan), torch.inference_mode():
            yield

    def conditions(self, ids: Sequence[int], style: Style | None) -> SongConditions:
        """What the model is told of a song's lyrics and style; the branches where it is a mix by guidance."""
        model = self.loaded.model
        with apply(self.plan):
            whole = model.condition(ids, style)
            if style is None or style.method != "guidance":
                return whole, ()
            return whole, tuple(
                (part.weight, model.condition(ids, Style(part.name, part.latents, style.tempo, style.key)))
                for part in style.parts
            )

    def generation(self, prepared: Sequence[PreparedSong]) -> Generation:
        """The engine, for these songs side by side; for one alone where it has branches."""
        steps, sampling = self.steps, prepared[0].sampling
        tasks = [song.task() for song in prepared]
        sketch = prepared[0].sketch
        if sketch is not None:
            steps = following(steps, sketch, sketch.frames, sketch.frames)
        if prepared[0].branches:
            steps = branched(steps, [weight for weight, _ in prepared[0].branches])
            tasks = [dataclasses.replace(tasks[0], condition=condition) for _, condition in prepared[0].branches]
        with apply(self.plan):
            return Generation(steps, tasks, sampling)

    def decode(self, latents: Tensor) -> FloatArray:
        """The sound ``[C, n]`` of latents ``[D, T]``, all of it."""
        with self.scope():
            sound: FloatArray = self.codec.decode(latents[None].to(self.plan.torch_device))[0].float().cpu().numpy()
        return sound

    def blocks(self, makings: Sequence[SongMaking]) -> Iterator[tuple[int, Progress, FloatArray]]:
        """Run the engine; after each block: which song, how far it is, and what sound it gave."""
        generation = self.generation([making.prepared for making in makings])
        for making in makings:
            making.start()
        blocks = generation.blocks()
        while True:
            # The plan holds during the work only: between two blocks torch is the caller's again.
            try:
                with apply(self.plan):
                    block = next(blocks, None)
            except SongBloomError:
                # The engine's way to say that a song has no blocks; the others are whole.
                if not any(making.empty for making in makings):
                    raise
                break
            if block is None:
                break
            if block.song >= len(makings):
                # A branch: the same block as the first's.
                continue
            making = makings[block.song]
            with apply(self.plan), codec_scope(self.plan):
                sound = making.add(block)
            yield block.song, making.progress, sound
        for making, state in zip(makings, generation.state.songs, strict=False):
            making.state = state

    def finish(self, making: SongMaking) -> FloatArray:
        """The rest of a song's sound, once its last block is made."""
        with apply(self.plan), codec_scope(self.plan):
            return making.finish()

    def song(
        self,
        making: SongMaking,
        batch: Mapping[str, int | bool],
        edit: Mapping[str, Any] | None = None,
    ) -> Song:
        """The song of a finished making, with its manifest."""
        prepared = making.prepared
        manifest = self.manifest(
            request=prepared.request,
            lyrics=prepared.lyrics,
            style=prepared.style,
            sampling=prepared.sampling,
            batch=batch,
            result=making.result(),
            timings=making.timings(),
            music=making.music(),
            edit=edit,
        )
        return making.song(manifest)

    def manifest(self, *, timings: Mapping[str, float], **parts: Any) -> dict[str, Any]:
        """See ``build_manifest``; model, plan and how long loading took are known here."""
        timed = {"load": self.load_seconds, **timings}
        return build_manifest(model=self.description, plan=self.plan.to_json(), timings=timed, **parts)

    def streamed(
        self, making: SongMaking, edit: Mapping[str, Any] | None = None
    ) -> Generator[tuple[Progress, FloatArray], None, Song]:
        """One song's sound as it becomes certain, and at the end the song."""
        opened = making.opened
        if opened.shape[1]:
            yield making.progress, opened
        for _, progress, sound in self.blocks([making]):
            yield progress, sound
        if making.empty:
            raise SongBloomError(EMPTY.format(seeds=making.prepared.request.seed))
        rest = self.finish(making)
        yield making.progress, rest
        return self.song(making, {"size": 1, "index": 0, "takes": True}, edit)
