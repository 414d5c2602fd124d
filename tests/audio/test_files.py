"""Audio files: what is written is read again, and clipping is never silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songbloom_x2.audio import files
from songbloom_x2.audio.files import read_audio, write_audio
from songbloom_x2.audio.formats import format_named, format_of_extension
from songbloom_x2.errors import AudioError
from songbloom_x2.types import Waveform


def tone(seconds: float = 1.0, rate: int = 48000, channels: int = 2, level: float = 0.5) -> Waveform:
    time = np.arange(round(seconds * rate)) / rate
    samples = [level * np.sin(2 * np.pi * 220 * (channel + 1) * time) for channel in range(channels)]
    return Waveform(np.array(samples, dtype=np.float32), rate)


@pytest.mark.parametrize(
    ("format", "subtype", "tolerance"),
    [
        ("wav", "FLOAT", 0.0),
        ("wav", "PCM_24", 2**-22),
        ("wav", "PCM_16", 2**-14),
        ("flac", "PCM_24", 2**-22),
        ("flac", "PCM_16", 2**-14),
    ],
)
def test_lossless_formats_give_the_samples_back(tmp_path: Path, format: str, subtype: str, tolerance: float) -> None:
    path, sound = tmp_path / "a", tone(channels=2)
    write_audio(path, sound, format=format, subtype=subtype)
    again = read_audio(path)
    assert again.sample_rate == sound.sample_rate
    assert again.samples.dtype == np.float32
    assert again.samples.flags.c_contiguous
    np.testing.assert_allclose(again.samples, sound.samples, rtol=0, atol=tolerance)
    assert soundfile.info(path).subtype == subtype


@pytest.mark.parametrize(("format", "container"), [("mp3", "MP3"), ("opus", "OGG")])
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_formats_give_the_sound_back(tmp_path: Path, format: str, container: str, channels: int) -> None:
    path, sound = tmp_path / "a", tone(3.0, channels=channels)
    write_audio(path, sound, format=format)
    again = read_audio(path)
    assert soundfile.info(path).format == container
    assert again.samples.shape == sound.samples.shape
    inner = slice(4800, -4800)
    error = again.samples[:, inner] - sound.samples[:, inner]
    assert np.sqrt(np.mean(error**2)) < 0.01


def test_ogg_vorbis_and_aiff_can_be_read(tmp_path: Path) -> None:
    sound = tone()
    for container, subtype in (("OGG", "VORBIS"), ("AIFF", "PCM_16")):
        path = tmp_path / container.lower()
        soundfile.write(path, sound.samples.T, sound.sample_rate, format=container, subtype=subtype)
        assert read_audio(path).samples.shape == sound.samples.shape


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.integers(1, 8), st.integers(1, 3000), st.integers(8000, 96000), st.integers(0, 2**32 - 1))
def test_any_shape_survives_a_float_file(tmp_path: Path, channels: int, count: int, rate: int, seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 3, (channels, count)).astype(np.float32)
    write_audio(tmp_path / "a.wav", Waveform(samples, rate), format="wav", subtype="FLOAT")
    again = read_audio(tmp_path / "a.wav")
    assert again.sample_rate == rate
    np.testing.assert_array_equal(again.samples, samples)


def test_names_of_any_script_work(tmp_path: Path) -> None:
    path = tmp_path / "歌 – “Ü”.flac"
    write_audio(path, tone(), format="flac")
    assert read_audio(str(path)).seconds == 1


def test_a_file_called_dash_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_audio("-", tone(), format="wav")
    assert read_audio("-").seconds == 1


@pytest.mark.parametrize(("format", "subtype"), [("wav", "PCM_16"), ("flac", "PCM_24"), ("wav", "PCM_24")])
def test_clipping_is_reported_and_does_not_wrap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, format: str, subtype: str
) -> None:
    samples = np.array([[0.0, 1.5, -2.0, 0.25, 1.0, -1.0]], dtype=np.float32)
    written = write_audio(tmp_path / "a", Waveform(samples, 48000), format=format, subtype=subtype)
    assert (written.peak, written.clipped) == (2.0, 2)
    assert "2 samples are beyond full scale" in caplog.text and "+6.02 dBFS" in caplog.text
    np.testing.assert_allclose(read_audio(tmp_path / "a").samples, [[0, 1, -1, 0.25, 1, -1]], atol=2**-13)


def test_float_files_keep_what_is_beyond_full_scale(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loud = tone(level=1.5)
    written = write_audio(tmp_path / "a.wav", loud, format="wav", subtype="FLOAT")
    assert written.clipped == 0 and written.peak == pytest.approx(1.5, abs=1e-3)
    assert not caplog.text
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav").samples, loud.samples)


def test_full_scale_is_not_clipping(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert write_audio(tmp_path / "a.flac", tone(level=1.0), format="flac").clipped == 0
    assert not caplog.text


def test_formats_are_found_by_name_and_ending() -> None:
    assert format_named("FLAC").container == "FLAC"
    assert format_of_extension(".Opus").name == "opus"
    with pytest.raises(AudioError, match=r"'\.aac'; use one of \.wav, \.flac, \.mp3, \.opus"):
        format_of_extension(".aac")


def test_an_hour_is_the_bound_of_reading() -> None:
    assert files.LONGEST_SECONDS == 3600
