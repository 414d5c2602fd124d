"""From logits to sketch tokens, batched, driven by uniform numbers that the caller owns.

Format page, "Generation, per block", step 1. No function here touches a random generator, so a song's draws never
depend on its neighbours in the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from songbloom_x2.config import SamplingConfig
from songbloom_x2.nn.draw import draw_index


def guided(conditional: Tensor, unconditional: Tensor, factor: float) -> Tensor:
    """Classifier-free guidance on logits or latents of the same shape."""
    return unconditional + (conditional - unconditional) * factor


def penalised(logits: Tensor, recent: Tensor, active: Tensor, penalty: float) -> Tensor:
    """``logits [B, V + 1]`` with those of the tokens in ``recent [B, window]`` divided by ``penalty``.

    Whatever their sign, as released. Only songs where ``active`` (bool ``[B]``) is true; the last token, EOS, never.
    """
    hit = torch.zeros_like(logits, dtype=torch.bool).scatter(1, recent, True) & active[:, None]
    end = torch.arange(logits.shape[-1], device=logits.device) == logits.shape[-1] - 1
    return torch.where(hit & ~end, logits / penalty, logits)


def top_k_kept(probabilities: Tensor, k: int) -> Tensor:
    """The ``k`` largest of ``[B, n]`` and whatever ties with the smallest of them; the rest becomes zero."""
    least = probabilities.topk(min(k, probabilities.shape[-1]), dim=-1).values[..., -1:]
    return torch.where(probabilities >= least, probabilities, 0.0)


def top_p_kept(probabilities: Tensor, p: float) -> Tensor:
    """The most likely of ``[B, n]`` until their sum passes ``p``, the one that does included; the rest becomes zero."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    return torch.zeros_like(probabilities).scatter(-1, order, torch.where(before > p, 0.0, ordered))


def draw_tokens(logits: Tensor, uniforms: Tensor, sampling: SamplingConfig) -> Tensor:
    """``logits [B, n]`` and ``uniforms [B]`` in [0, 1) -> tokens int64 ``[B]``.

    Arg-max without ``use_sampling`` or at a temperature of 0; else temperature, then top-p if set, else top-k if set.
    """
    if not sampling.use_sampling or sampling.temperature <= 0:
        return logits.argmax(-1)
    # Apple's GPU has no float64; the draw, not the model, then moves to the CPU.
    place = torch.device("cpu") if logits.device.type == "mps" else logits.device
    wide = logits.to(place).double()
    # From the largest down, so that no temperature, however small, makes an infinity of two.
    probabilities = torch.softmax((wide - wide.amax(-1, keepdim=True)) / sampling.temperature, dim=-1)
    if sampling.top_p > 0:
        probabilities = top_p_kept(probabilities, sampling.top_p)
    elif sampling.top_k > 0:
        probabilities = top_k_kept(probabilities, sampling.top_k)
    return draw_index(probabilities, uniforms.to(place)).to(logits.device)
