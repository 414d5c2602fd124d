"""Encoding and decoding piece by piece, equal to doing it whole.

A piece is computed together with the frames that its result depends on, and the rest is cut away. The first and
last piece get no invented context: there the network's own zero padding acts, as it does in the whole.
"""

from __future__ import annotations

import torch
from torch import Tensor

from songbloom_x2.codec.base import Codec, DecodeStream
from songbloom_x2.codec.context import Context

__all__ = ["Context", "OverlapStream", "decode_chunked", "encode_chunked"]


class OverlapStream(DecodeStream):
    """The stream of any codec whose decoder looks a finite number of frames to each side.

    A frame is given once ``context.right`` frames after it are known. One step decodes at most
    ``frames + context.left + context.right`` frames, however much is pushed at once.
    """

    def __init__(self, codec: Codec, context: Context, frames: int = 128) -> None:
        if frames < 1:
            raise ValueError(f"frames is {frames}; a step needs at least one")
        self._codec = codec
        self._context = context
        self._frames = frames
        self._held: Tensor | None = None
        self._before = 0
        """How many of the held frames were given already and stay as left context."""
        self._closed = False

    def push(self, latents: Tensor) -> Tensor:
        """See ``DecodeStream``."""
        self._refuse_if_closed()
        held = [] if self._held is None else [self._held]
        self._held = torch.cat([*held, latents], dim=1)
        return self._give(keep=self._context.right)

    def flush(self) -> Tensor:
        """See ``DecodeStream``."""
        self._refuse_if_closed()
        self._closed = True
        if self._held is None:
            return torch.zeros(self._codec.channels, 0, device=next(self._codec.parameters()).device)
        rest = self._give(keep=0)
        self._held = None
        return rest

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise RuntimeError("this stream was flushed; open a new one")

    @torch.no_grad()
    def _give(self, keep: int) -> Tensor:
        """Decode all held frames but the last ``keep``, in steps."""
        assert self._held is not None
        pieces = [self._codec.no_audio(self._held)]
        while (ready := self._held.shape[1] - self._before - keep) > 0:
            step = min(ready, self._frames)
            end = self._before + step
            window = self._held[:, : end + self._context.right]
            sound = self._codec.decode(window[None])[0]
            hop = self._codec.samples_per_frame
            pieces.append(sound[:, self._before * hop : end * hop].clone())
            dropped = max(end - self._context.left, 0)
            self._held = self._held[:, dropped:].clone()
            self._before = end - dropped
        return torch.cat(pieces, dim=1)


@torch.no_grad()
def decode_chunked(codec: Codec, latents: Tensor, frames: int = 128) -> Tensor:
    """``codec.decode(latents)`` within 1e-4, ``frames`` frames at a time, one song after another.

    ``[B, D, T]`` to ``[B, C, T * samples_per_frame]``. Beyond the result itself, memory does not grow with ``T``.
    """
    batch, _, total = latents.shape
    out = torch.empty(batch, codec.channels, total * codec.samples_per_frame, device=latents.device)
    for song, whole in zip(out, latents, strict=True):
        stream = codec.open_stream()
        written = 0
        for part in (*whole.split(frames, dim=1), None):
            sound = stream.flush() if part is None else stream.push(part)
            song[:, written : written + sound.shape[1]] = sound
            written += sound.shape[1]
    return out


@torch.no_grad()
def encode_chunked(codec: Codec, audio: Tensor, context: Context, frames: int = 128) -> Tensor:
    """``codec.encode(audio)`` within 1e-4, ``frames`` frames at a time: ``[B, C, N]`` to ``[B, D, T]``.

    ``context`` is the encoder's; beyond the result, memory does not grow with ``N``.
    """
    hop, samples = codec.samples_per_frame, audio.shape[-1]
    pieces: list[Tensor] = []
    for first in range(0, samples // hop, frames):
        start, end = max(first - context.left, 0), first + frames
        window = audio[..., start * hop : (end + context.right) * hop]
        pieces.append(codec.encode(window)[..., first - start : end - start])
    return torch.cat(pieces, dim=-1) if pieces else codec.encode(audio)
