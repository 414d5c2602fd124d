"""What cannot be read or written is said in one line, and nothing half-made stays."""

from __future__ import annotations

import os
import resource
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songbloom_x2.audio.files import read_audio, write_audio
from songbloom_x2.audio.formats import FORMATS
from songbloom_x2.errors import AudioError
from songbloom_x2.types import Waveform


def tone(seconds: float = 1.0, rate: int = 48000, channels: int = 2, level: float = 0.5) -> Waveform:
    time = np.arange(round(seconds * rate)) / rate
    samples = [level * np.sin(2 * np.pi * 220 * (channel + 1) * time) for channel in range(channels)]
    return Waveform(np.array(samples, dtype=np.float32), rate)


def refusal(path: Path, **settings: float) -> str:
    with pytest.raises(AudioError) as caught:
        read_audio(path, **settings)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400
    return message


def test_missing_folder_and_device_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.wav")
    assert "a folder" in refusal(tmp_path)
    assert "not an ordinary file" in refusal(Path("/dev/null"))
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not an ordinary file" in refusal(tmp_path / "pipe.wav")
    assert "name too long" in refusal(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.wav", b""),
        ("text.mp3", b"[verse] This is a lyric, not a sound.\n" * 50),
        ("a.raw", b"\0" * 100),
        ("zip.flac", b"PK\x03\x04" + bytes(500)),
        ("header.wav", b"RIFF\x24\0\0\0WAVEfmt "),
        ("cut.flac", b"fLaC\0\0\0\x22"),
        ("cut.ogg", b"OggS\0\x02" + bytes(60)),
        ("new\nline.wav", b"no"),
    ],
)
def test_what_is_not_audio_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert "not audio that can be read" in refusal(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from([b"", b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb\x90", b"FORM", b"caff"]), st.binary())
def test_random_bytes_never_raise_anything_else(tmp_path: Path, head: bytes, tail: bytes) -> None:
    path = tmp_path / "random"
    path.write_bytes(head + tail)
    try:
        sound = read_audio(path)
    except AudioError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(sound.samples).all() and sound.samples.size


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from([known.name for known in FORMATS]), st.data())
def test_damaged_files_never_raise_anything_else(tmp_path: Path, format: str, data: st.DataObject) -> None:
    whole = tmp_path / f"whole.{format}"
    if not whole.exists():
        write_audio(whole, tone(0.5), format=format)
    damaged = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, min(len(damaged), 600) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    try:
        sound = read_audio(path)
    except AudioError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(sound.samples).all() and sound.samples.size


def test_a_truncated_flac_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_audio(path, tone(5), format="flac")
    path.write_bytes(path.read_bytes()[:200_000])
    refusal(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_sound_are_refused(tmp_path: Path, value: float) -> None:
    samples = tone().samples.copy()
    samples[1, 1000] = value
    soundfile.write(tmp_path / "a.wav", samples.T, 48000, subtype="FLOAT")
    assert "not finite or beyond all measure" in refusal(tmp_path / "a.wav")


def test_no_samples_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((0, 2)), 48000)
    assert "holds no sound" in refusal(tmp_path / "a.wav")


def test_impossible_rates_and_channels_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "slow.wav", np.zeros((10, 1)), 10)
    assert "impossible rate of 10 samples" in refusal(tmp_path / "slow.wav")
    soundfile.write(tmp_path / "wide.wav", np.zeros((10, 9)), 48000)
    assert "9 channels" in refusal(tmp_path / "wide.wav")


def test_a_long_file_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.flac"
    write_audio(path, tone(4.0), format="flac")
    assert read_audio(path, max_seconds=4.0).seconds == 4
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("it was decoded"))
    assert "lasts 4.0 s, 3 s are allowed" in refusal(path, max_seconds=3)


def test_a_file_that_does_not_tell_its_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_audio(path, tone(), format="flac")
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits of STREAMINFO that hold the number of samples; 0 means unknown
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert "does not tell its length" in refusal(path)


def test_a_header_that_claims_too_much_does_not_take_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    data = struct.pack("<IHHIIHH", 16, 1, 2, 48000, 192000, 4, 16)
    path.write_bytes(b"RIFF\xff\xff\xff\x7fWAVEfmt " + data + b"data\xf0\xff\xff\x7f" + bytes(4000))
    try:
        assert read_audio(path).samples.shape == (2, 1000)
    except AudioError as error:
        assert "lasts" in str(error)


def write_refusal(path: Path, sound: Waveform, format: str = "wav", subtype: str | None = None) -> str:
    with pytest.raises(AudioError) as caught:
        write_audio(path, sound, format=format, subtype=subtype)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("sound", "format", "subtype", "message"),
    [
        (Waveform(np.zeros((2, 0), np.float32), 48000), "wav", None, "no sound to write"),
        (Waveform(np.zeros(5, np.float32), 48000), "wav", None, "no sound to write"),
        (Waveform(np.full((1, 5), np.nan, np.float32), 48000), "wav", "FLOAT", "5 samples are not finite"),
        (tone(channels=3), "mp3", None, "2 channels at most"),
        (tone(rate=44100), "opus", None, "cannot hold 44100 Hz; resample to 48000"),
        (tone(rate=96000), "mp3", None, "cannot hold 96000 Hz"),
        (tone(), "aac", None, "choose one of wav, flac, mp3, opus"),
        (tone(), "flac", "FLOAT", "choose one of PCM_24, PCM_16"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    tmp_path: Path, sound: Waveform, format: str, subtype: str | None, message: str
) -> None:
    assert message in write_refusal(tmp_path / "a", sound, format, subtype)
    assert list(tmp_path.iterdir()) == []


def test_bad_places_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in write_refusal(tmp_path / "none" / "a.wav", tone())
    assert "a folder" in write_refusal(tmp_path, tone())
    (tmp_path / "file").write_text("")
    assert "does not exist" in write_refusal(tmp_path / "file" / "a.wav", tone())
    assert "cannot be written" in write_refusal(Path("/proc/a.wav"), tone())
    assert "cannot be written" in write_refusal(tmp_path / ("x" * 300), tone())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@contextmanager
def space_for(size: int) -> Iterator[None]:
    """No file of this process may grow beyond ``size`` bytes: what a full disk does to a write."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("format", [known.name for known in FORMATS])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    path.write_bytes(b"an older song")
    with space_for(4096):
        assert "cannot be written" in write_refusal(path, tone(2.0), format)
    assert path.read_bytes() == b"an older song"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_audio(tmp_path / "a.wav", tone(), format="wav")
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_is_replaced_and_has_ordinary_rights(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, tone(2.0), format="wav")
    write_audio(path, tone(1.0), format="wav")
    assert read_audio(path).seconds == 1
    (tmp_path / "b").write_text("")
    assert path.stat().st_mode == (tmp_path / "b").stat().st_mode
