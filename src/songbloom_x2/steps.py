"""What the engine is handed: the step functions of a model, and the values that pass between them.

``SongModel.steps`` builds them; whoever compiles or quantises replaces single functions (``dataclasses.replace``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from songbloom_x2.config import SamplingConfig
from songbloom_x2.diffusion.guidance import RenderCondition, Velocity
from songbloom_x2.diffusion.solver import Solver
from songbloom_x2.nn.kv_cache import KVCache
from songbloom_x2.sketch.guide import GuideState, SketchGuide
from songbloom_x2.types import Style


@dataclass(frozen=True)
class SongCondition:
    """What one song is made from.

    ``prefix`` and ``unconditional`` are the rows ``[P, dim]`` in front of the sketch, for the two branches of
    guidance (their lengths may differ); ``lyrics`` the symbol ids and ``style`` the prompt that they came from.
    """

    prefix: Tensor
    unconditional: Tensor
    lyrics: tuple[int, ...] = ()
    style: Style | None = None


@dataclass(frozen=True)
class Steps:
    """A model as the engine sees it. ``N`` songs, ``R`` rows of the LM batch (``N``, or ``2 N`` with guidance)."""

    block_size: int
    latent_dim: int
    end_token: int
    ignore_token: int
    sketch_tokens: int
    """How many of the last tokens ``render`` wants, the running block's included."""
    max_frames: int
    """Where a song ends at the latest, if nothing else is asked for."""
    bos: Tensor
    """The LM's first input after the prefix, ``[dim]``."""
    new_cache: Callable[[int, int], KVCache]
    """Rows and capacity -> an empty cache."""
    prefill: Callable[[Tensor, Tensor, KVCache], None]
    """Rows ``[R, L, dim]`` padded at the right, their lengths ``[R]``: into the empty cache."""
    lm_step: Callable[[Tensor, KVCache, int], Tensor]
    """Next input ``[R, dim]``, cache and context (see ``SketchLM``) -> hidden states ``[R, dim]``."""
    embed_tokens: Callable[[Tensor], Tensor]
    """Tokens ``[...]`` -> LM inputs ``[..., dim]``."""
    embed_block: Callable[[Tensor], Tensor]
    """Latents ``[..., block, D]`` -> the LM input that closes the block, ``[..., dim]``."""
    embed_times: Callable[[Sequence[float]], Tensor]
    """Times -> embeddings ``[S, diffusion dim]``."""
    render: Callable[[Tensor, Tensor, GuideState], RenderCondition]
    """Hidden states ``[N, dim]``, tokens ``[N, sketch_tokens]`` and the guide's state -> what the DiT is told."""
    velocity: Velocity
    guide: Callable[[Sequence[SongCondition], SamplingConfig], SketchGuide]
    """How the tokens of these songs are chosen."""
    solver: Callable[[SamplingConfig], Solver]
