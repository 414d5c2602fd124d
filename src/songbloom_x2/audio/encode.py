"""A waveform to the bytes of an audio file, in memory.

Encoding in memory first means that a full disk meets one plain write, which either succeeds or raises; libsndfile
reports such errors only in part. Needs libsndfile 1.1 or newer for MP3 and Opus (the ``soundfile`` wheels have it).
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass

import numpy as np
import soundfile

from songbloom_x2.audio.formats import AudioFormat, format_named
from songbloom_x2.audio.tags import Tags, embed
from songbloom_x2.errors import AudioError
from songbloom_x2.types import FloatArray, Waveform

_BLOCK = 1 << 16
"""Frames a call: libsndfile's Ogg encoder keeps a whole call on its stack."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoded:
    """An audio file in memory. ``peak`` is the largest sample before encoding, ``clipped`` how many were beyond 1."""

    data: bytes
    peak: float
    clipped: int


def encode_audio(
    waveform: Waveform, *, format: str = "wav", subtype: str | None = None, tags: Tags | None = None
) -> Encoded:
    """Encode ``waveform``; ``format`` and ``subtype`` are those of ``formats.FORMATS``.

    Samples beyond full scale are limited to it in every subtype but ``FLOAT``; their number is returned and logged
    as a warning. Raises ``AudioError`` for samples that are not finite, no samples, and what the format cannot hold.
    """
    chosen = format_named(format)
    subtype = _subtype(chosen, subtype)
    samples = _checked(waveform, chosen)
    peak = float(np.abs(samples).max())
    clipped = 0
    if subtype != "FLOAT" and peak > 1:
        clipped = int((np.abs(samples) > 1).sum())
        _log.warning(
            "%d samples are beyond full scale and were clipped; the peak is %+.2f dBFS", clipped, 20 * np.log10(peak)
        )
        samples = np.clip(samples, -1, 1)
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(
            buffer,
            "w",
            samplerate=waveform.sample_rate,
            channels=samples.shape[0],
            format=chosen.container,
            subtype=subtype,
            **chosen.options,
        ) as file:
            for start in range(0, samples.shape[1], _BLOCK):
                file.write(np.ascontiguousarray(samples[:, start : start + _BLOCK].T))
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        version = soundfile.__libsndfile_version__
        raise AudioError(f"{chosen.name} cannot be written with libsndfile {version} ({error}); choose wav") from error
    data = buffer.getvalue()
    return Encoded(embed(data, chosen, tags) if tags is not None else data, peak, clipped)


def _subtype(chosen: AudioFormat, subtype: str | None) -> str:
    if subtype is None:
        return chosen.subtypes[0]
    if subtype not in chosen.subtypes:
        raise AudioError(f"{chosen.name} has no subtype '{subtype}'; choose one of {', '.join(chosen.subtypes)}")
    return subtype


def _checked(waveform: Waveform, chosen: AudioFormat) -> FloatArray:
    samples, rate = waveform.samples, waveform.sample_rate
    if samples.ndim != 2 or samples.size == 0:
        raise AudioError(f"there is no sound to write: the samples have the shape {samples.shape}")
    if not np.isfinite(samples).all():
        bad = int((~np.isfinite(samples)).sum())
        raise AudioError(f"{bad} samples are not finite numbers, nothing was written; this is a fault of the model")
    if samples.shape[0] > chosen.max_channels:
        raise AudioError(f"{chosen.name} holds {chosen.max_channels} channels at most, not {samples.shape[0]}")
    if chosen.rates and rate not in chosen.rates:
        raise AudioError(f"{chosen.name} cannot hold {rate} Hz; resample to {chosen.rates[-1]} Hz first")
    return samples.astype(np.float32, copy=False)
