"""The process that decodes an upload: it takes no more memory, time or disk than it was given, and leaves nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.audio.files import write_audio
from songbloom_x2.config import JobLimits
from songbloom_x2.errors import LimitError, StorageError
from songbloom_x2.jobs import uploads
from songbloom_x2.types import Waveform

LIMITED = "from songbloom_x2.jobs.upload_child import limit; limit({memory}, {cpu}, {disk}); {work}"


def limited(
    work: str, *, memory: int = 512 * 2**20, cpu: int = 20, disk: int = 2**20
) -> subprocess.CompletedProcess[str]:
    program = LIMITED.format(memory=memory, cpu=cpu, disk=disk, work=work)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)


def test_memory_is_bounded() -> None:
    assert limited("bytearray(100 * 2**20)").returncode == 0
    assert "MemoryError" in limited("bytearray(2**30)").stderr


def test_processor_time_is_bounded() -> None:
    assert limited("\nwhile True: pass", cpu=1).returncode in (-signal.SIGXCPU, -signal.SIGKILL)


def test_disk_is_bounded(tmp_path: Path) -> None:
    made = limited(f"open({str(tmp_path / 'much')!r}, 'wb').write(bytes(2**22))")
    assert made.returncode != 0 and "OSError" in made.stderr
    assert (tmp_path / "much").stat().st_size <= 2**20


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).normal(scale=0.1, size=(1, 48000 * 60)).astype(np.float32)
    path = tmp_path / "sent.wav"
    write_audio(path, Waveform(noise, 48000), format="wav")
    return path


@pytest.mark.parametrize(
    ("name", "value", "wall"),
    [("MEMORY_BYTES", 64 * 2**20, 60.0), ("FILE_BYTES", 10_000, 60.0), ("CPU_SECONDS", 120, 0.05)],
)
def test_an_upload_that_takes_too_much_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sound: Path, name: str, value: int, wall: float
) -> None:
    folder = tmp_path / "styles"
    folder.mkdir()
    monkeypatch.setattr(uploads, name, value)
    with pytest.raises(LimitError, match="within the limits of time and memory") as refused:
        uploads.decode_upload(sound, folder / "style.flac", JobLimits(), wall=wall)
    assert "\n" not in str(refused.value) and list(folder.iterdir()) == []
    monkeypatch.undo()
    seconds, _ = uploads.decode_upload(sound, folder / "style.flac", JobLimits())
    assert seconds == pytest.approx(60) and [path.name for path in folder.iterdir()] == ["style.flac"]


def test_a_disk_that_cannot_be_written_is_not_the_sounds_fault(tmp_path: Path, sound: Path) -> None:
    with pytest.raises(StorageError, match="the uploaded sound cannot be kept: No such file or directory"):
        uploads.decode_upload(sound, tmp_path / "gone" / "style.flac", JobLimits())
