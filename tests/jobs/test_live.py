"""Sound in the making: the growing file, over attempts, and its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from songbloom_x2.audio.files import write_audio
from songbloom_x2.jobs.listening import LiveAudio
from songbloom_x2.jobs.live import LiveReader, LiveWriter, pcm16
from songbloom_x2.types import Waveform

SOUND = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 900)).astype(np.float32)
BYTES = pcm16(SOUND)


def test_samples_are_limited_and_interleaved() -> None:
    samples = np.array([[0.0, 1.5, np.nan], [0.5, -2.0, -1.0]], np.float32)
    assert np.frombuffer(pcm16(samples), "<i2").tolist() == [0, 16384, 32767, -32767, 0, -32767]


def test_a_reader_follows_the_file(tmp_path: Path) -> None:
    reader = LiveReader(tmp_path / "a.pcm")
    assert reader.read() == b"" and reader.sample_rate == 0
    writer = LiveWriter(tmp_path / "a.pcm", 48000, 2)
    assert reader.read() == b"" and (reader.sample_rate, reader.channels) == (48000, 2)
    writer.append(SOUND[:, :300])
    assert reader.read(100) == BYTES[:100] and reader.read() == BYTES[100:1200] and reader.read() == b""
    # The worker is lost, another begins anew: the reader goes on where it was.
    writer = LiveWriter(tmp_path / "a.pcm", 48000, 2)
    writer.append(SOUND[:, :200])
    assert reader.read() == b""
    writer.append(SOUND[:, 200:400])
    assert reader.read() == BYTES[1200:1600]
    writer.close()
    reader.close()


def test_who_listens_late_hears_everything(tmp_path: Path) -> None:
    """The file that was listened to ended with its worker; the next came and went unheard."""
    flac: list[Path] = []
    live = LiveAudio(
        tmp_path / "a.pcm", 48000, 2, 0, finished=lambda: flac[0] if flac else None, over=lambda: bool(flac)
    )
    assert live.chunk() == b""
    writer = LiveWriter(tmp_path / "a.pcm", 48000, 2)
    writer.append(SOUND[:, :300])
    assert live.chunk() == BYTES[:1200]
    (tmp_path / "a.pcm").unlink()
    flac.append(tmp_path / "song.flac")
    write_audio(flac[0], Waveform(SOUND, 48000), format="flac", subtype="PCM_16")
    rest = b"".join(live)
    heard, whole = (np.frombuffer(data, "<i2").astype(int) for data in (rest, BYTES[1200:]))
    assert len(heard) == len(whole) and np.abs(heard - whole).max() <= 1


def test_a_job_that_ends_without_a_song_ends_the_sound(tmp_path: Path) -> None:
    writer = LiveWriter(tmp_path / "a.pcm", 48000, 2)
    writer.append(SOUND)
    live = LiveAudio(tmp_path / "a.pcm", 48000, 2, 401, finished=lambda: None, over=lambda: True)
    assert b"".join(live) == BYTES[400:]
    assert b"".join(LiveAudio(tmp_path / "b.pcm", 48000, 2, 0, finished=lambda: None, over=lambda: True)) == b""
