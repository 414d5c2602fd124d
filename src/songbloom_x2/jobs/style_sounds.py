"""What the styles that come with a model sound like: decoded once in a child process, then kept as files.

``python -m songbloom_x2.jobs.style_sounds MODEL FOLDER FIRST`` writes every style of a model into a folder, the style
``FIRST`` before all others, so that who waits for it need not wait for all. The plan comes as JSON on standard input.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from songbloom_x2.errors import StorageError
from songbloom_x2.jobs.plan import ServicePlan

_SECONDS = 180.0
_LOOK_SECONDS = 0.1


class StyleSounds:
    """The sounds of one server's models, below one folder."""

    def __init__(self, plan: ServicePlan) -> None:
        """Nothing is made yet."""
        self._plan = plan
        self._root = Path(plan.data_dir) / "style-sounds"
        self._children: dict[str, subprocess.Popen[str]] = {}
        self._lock = threading.Lock()

    def file(self, model: str, weights: Path, name: str) -> Path:
        """The sound of a style that comes with ``model``. Raises ``StorageError`` where it could not be made."""
        state = weights.stat()
        version = hashlib.sha256(f"{model} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:24]
        path = self._root / version / sound_name(name)
        with self._lock:
            child = self._children.get(version)
            if not path.is_file() and (child is None or child.poll() is not None):
                child = self._children[version] = self._start(model, path.parent, name)
        deadline = time.monotonic() + _SECONDS
        while not path.is_file():
            if child is None or child.poll() is not None or time.monotonic() > deadline:
                if path.is_file():
                    break
                raise StorageError(f"the sound of style '{name}' could not be made; try again")
            time.sleep(_LOOK_SECONDS)
        return path

    def stop(self) -> None:
        """No more is made."""
        with self._lock:
            for child in self._children.values():
                child.kill()
                child.wait()
            self._children.clear()

    def _start(self, model: str, folder: Path, first: str) -> subprocess.Popen[str]:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{folder}: cannot be made: {error.strerror}") from error
        command = [sys.executable, "-m", "songbloom_x2.jobs.style_sounds", model, str(folder), first]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment)
        assert child.stdin is not None
        child.stdin.write(self._plan.to_json())
        child.stdin.close()
        return child


def sound_name(style: str) -> str:
    """The file's name: nothing that stands in a model becomes part of a path."""
    return f"{hashlib.sha256(style.encode()).hexdigest()[:32]}.mp3"


def main() -> int:
    """Decode and write the sounds that are missing."""
    from songbloom_x2.audio.atomic import write_atomically
    from songbloom_x2.audio.encode import encode_audio
    from songbloom_x2.audio.loudness import normalise
    from songbloom_x2.audio.tags import Tags
    from songbloom_x2.config import OutputConfig
    from songbloom_x2.pipeline import SongPipeline

    model, folder, first = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    plan = ServicePlan.from_json(sys.stdin.read())
    models_dir = None if plan.models_dir is None else Path(plan.models_dir)
    pipeline = SongPipeline.from_pretrained(model, plan.runtime, models_dir=models_dir)
    level = OutputConfig()
    assert level.loudness is not None
    for style in sorted(pipeline.named_styles, key=lambda style: style.name != first):
        path = folder / sound_name(style.name)
        if not path.is_file():
            sound = pipeline.decode_style(style)
            loud = normalise(sound, target_lufs=level.loudness, ceiling_db=level.true_peak_ceiling).waveform
            tags = Tags(title=f"style {style.name}", ai_generated=True)
            write_atomically(path, encode_audio(loud, format="mp3", tags=tags).data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
