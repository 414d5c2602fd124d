"""What stands between the dry 24 kHz voice and the stereo mix: a small fixed room, and the step up to 48 kHz.

Both are finite filters whose tails are carried from push to push, so a stream gives what the whole would.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

RATE = 24000
ROOM_SECONDS = 0.45
_FFT = 32768
HALF_TAPS = 48


def room_response(rate: int = RATE) -> Tensor:
    """Impulse response of the room, direct sound included: ``[2, 0.45 s]``.

    A few early reflections, then two decaying noises a side (the dull one longer, as in a furnished room). The draw
    is fixed, and made with Philox, whose numbers are the same everywhere.
    """
    rng = np.random.Generator(np.random.Philox(20260101))
    length = int(ROOM_SECONDS * rate)
    time = np.arange(length) / rate
    response = np.zeros((2, length))
    for side in range(2):
        white = rng.standard_normal(length)
        dull = np.convolve(white, np.ones(9) / 3, mode="same")
        onset = np.clip((time - 0.018) / 0.012, 0, 1)
        response[side] = onset * (0.35 * white * np.exp(-time / 0.035) + dull * np.exp(-time / 0.075))
        response[side] *= 0.16 / np.sqrt((response[side] ** 2).sum())
        for delay, level in zip(rng.uniform(0.004, 0.030, 6), rng.uniform(0.02, 0.06, 6), strict=True):
            response[side, int(delay * rate)] += level * rng.choice((-1.0, 1.0))
        fade = int(0.1 * rate)
        response[side, -fade:] *= np.linspace(1, 0, fade)
        response[side, 0] += 1.0
    return torch.from_numpy(response.astype(np.float32))


def half_band_taps() -> Tensor:
    """The odd phase of a Kaiser-windowed half-band filter, ``[96]``: flat to 11.3 kHz, 90 dB down from 12.7 kHz."""
    position = np.arange(2 * HALF_TAPS) - HALF_TAPS + 0.5
    window = np.i0(9.0 * np.sqrt(1 - (position / HALF_TAPS) ** 2)) / np.i0(9.0)
    taps = np.sinc(position) * window
    return torch.from_numpy((taps / taps.sum()).astype(np.float32))


class RoomStream:
    """Mono at 24 kHz in, the room's stereo at 48 kHz out. Runs ``lookahead`` input samples behind."""

    lookahead = HALF_TAPS

    def __init__(self, batch: int, device: torch.device) -> None:
        response = room_response().to(device)
        self._tail = response.shape[1] - 1
        self._response = torch.fft.rfft(response, _FFT)
        self._taps = half_band_taps().to(device).view(1, 1, -1)
        self._dry = torch.zeros(batch, self._tail, device=device)
        self._wet = torch.zeros(batch, 2, HALF_TAPS - 1, device=device)

    def push(self, dry: Tensor, last: bool = False) -> Tensor:
        """Take ``[B, n]``; give ``[B, 2, m]``: two samples for each that is certain. ``last``: give all the rest."""
        step = _FFT - self._tail
        parts = [self._reverberate(part) for part in torch.split(dry, step, dim=1) if part.shape[1]]
        wet = torch.cat([self._wet, *parts], dim=2)
        if last:
            wet = F.pad(wet, (0, HALF_TAPS))
        certain = wet.shape[2] - 2 * HALF_TAPS + 1
        if certain <= 0:
            self._wet = wet
            return wet.new_zeros(*wet.shape[:2], 0)
        self._wet = wet[..., certain:]
        between = F.conv1d(wet.flatten(0, 1).unsqueeze(1), self._taps).view(*wet.shape[:2], certain)
        given = wet[..., HALF_TAPS - 1 : HALF_TAPS - 1 + certain]
        return torch.stack([given, between], dim=-1).flatten(2)

    def _reverberate(self, dry: Tensor) -> Tensor:
        signal = torch.cat([self._dry, dry], dim=1)
        self._dry = signal[:, dry.shape[1] :]
        product = torch.fft.rfft(signal, _FFT).unsqueeze(1) * self._response
        wet: Tensor = torch.fft.irfft(product, _FFT)
        return wet[..., self._tail : self._tail + dry.shape[1]]
