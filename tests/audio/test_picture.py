"""The spectrogram is a valid PNG and shows tones where they are."""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from songbloom_x2.audio.lettering import stamp
from songbloom_x2.audio.picture import spectrogram_png
from songbloom_x2.audio.png import encode_png
from songbloom_x2.errors import AudioError
from songbloom_x2.types import Waveform

RATE = 48000
Bytes = npt.NDArray[np.uint8]


def decode_png(data: bytes) -> tuple[Bytes, Bytes]:
    """Pixels and palette, every checksum verified: an independent reading of the format."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    order: list[bytes] = []
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        order.append(kind)
        at += 12 + length
    assert order == [b"IHDR", b"PLTE", b"IDAT", b"IEND"] and chunks[b"IEND"] == b""
    width, height, *kind_of_picture = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert kind_of_picture == [8, 3, 0, 0, 0]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:], np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 9)))
def test_a_picture_is_read_back(pixels: Bytes) -> None:
    palette = np.arange(30, dtype=np.uint8).reshape(10, 3)
    again, colours = decode_png(encode_png(pixels, palette))
    np.testing.assert_array_equal(again, pixels)
    np.testing.assert_array_equal(colours, palette)


def test_a_colour_must_be_in_the_palette() -> None:
    with pytest.raises(ValueError, match="2 colours"):
        encode_png(np.full((2, 2), 2, np.uint8), np.zeros((2, 3), np.uint8))


def tone(frequency: float, seconds: float = 2.0, rate: int = RATE, level: float = 0.5) -> Waveform:
    angle = 2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate
    return Waveform((level * np.sin(angle))[None].astype(np.float32), rate)


def inner(data: bytes) -> Bytes:
    """The picture without its lettering, low frequencies first."""
    return decode_png(data)[0][6:-18, 44:-6][::-1]


@pytest.mark.parametrize("frequency", [100.0, 440.0, 3000.0, 12000.0])
@pytest.mark.parametrize("rate", [24000, 48000])
def test_a_tone_is_a_line_at_its_place(frequency: float, rate: int) -> None:
    top = min(16000, rate / 2)
    if frequency >= top:
        frequency = top * 0.9
    picture = inner(spectrogram_png(tone(frequency, rate=rate), width=300, height=224))
    brightest = picture[:, 20:-20].argmax(axis=0) / len(picture)
    expected = math.log(frequency / 40) / math.log(top / 40)
    np.testing.assert_allclose(brightest, expected, atol=0.015)


def test_time_runs_to_the_right() -> None:
    sound = np.concatenate([tone(300, 1).samples, tone(3000, 1).samples], axis=1)
    picture = inner(spectrogram_png(Waveform(sound, RATE), width=300, height=224))
    rows = picture.argmax(axis=0)
    assert rows[:118].max() < rows[-118:].min()


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 12000), st.integers(1, 3), st.integers(110, 500), st.integers(64, 200))
def test_any_sound_fits_any_picture(count: int, channels: int, width: int, height: int) -> None:
    sound = np.random.default_rng(count).normal(0, 0.1, (channels, count)).astype(np.float32)
    pixels, palette = decode_png(spectrogram_png(Waveform(sound, RATE), width=width, height=height))
    assert pixels.shape == (height, width)
    assert {250, 251} < set(np.unique(pixels))
    assert (palette[pixels[0, 0]] == 255).all()


def test_silence_is_dark_and_faint_sound_faint() -> None:
    silence = inner(spectrogram_png(tone(440, level=0.0)))
    assert not silence.any()
    faint, loud = (inner(spectrogram_png(tone(440, level=level))).max() for level in (1e-5, 0.5))
    assert faint < 150 < loud == 249


def test_bad_pictures_are_refused() -> None:
    with pytest.raises(AudioError, match="no sound"):
        spectrogram_png(Waveform(np.zeros((2, 0), np.float32), RATE))
    with pytest.raises(ValueError, match="too small"):
        spectrogram_png(tone(440), width=50)


def test_letters_are_stamped_and_cut_at_the_edge() -> None:
    pixels = np.zeros((9, 12), np.uint8)
    stamp(pixels, "10k", 12, 1, 7, align="right")
    assert pixels.any() and not pixels[0].any() and not pixels[8].any()
    assert set(np.unique(pixels)) == {0, 7}
