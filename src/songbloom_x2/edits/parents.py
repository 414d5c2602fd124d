"""The song that another one is made of: its file's samples, and its memory where this program made it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songbloom_x2.audio.files import read_audio
from songbloom_x2.audio.loudness import second_levels
from songbloom_x2.audio.tags import read_tags
from songbloom_x2.editing.memory import REMEDY, SUFFIX, Remembered, opened, read_memory
from songbloom_x2.errors import AudioError, CheckpointError
from songbloom_x2.types import SongLevel, Waveform
from songbloom_x2.workshop import Workshop

_SLACK_SECONDS = 0.2
"""How much longer or shorter a decoded MP3 or Opus may be than what went in."""
_SLACK_DB, _LOSSY_SLACK_DB = 0.5, 1.5
"""How much louder or softer a second may be than it was written; of MP3 and Opus most seconds."""


@dataclass(frozen=True)
class Parent:
    """A song's file. ``memory``: none for a recording that this program did not make."""

    path: Path
    sound: Waveform
    sha256: str
    memory: Remembered | None

    @property
    def manifest(self) -> Mapping[str, Any] | None:
        """The song's own manifest."""
        return None if self.memory is None else self.memory.facts["manifest"]

    @property
    def level(self) -> SongLevel:
        """How the file's samples came from the model's."""
        return SongLevel(0.0, None) if self.memory is None else SongLevel(**self.memory.facts["level"])

    def told(self) -> dict[str, Any]:
        """What a manifest says about it: enough to make it again, if this program made it."""
        return {"file": self.path.name, "sha256": self.sha256, "manifest": self.manifest}


def open_parent(path: Path, workshop: Workshop, *, foreign: bool = False) -> Parent:
    """The song at ``path``; ``foreign`` leaves its memory aside, if it has one.

    Raises ``AudioError`` for the file, ``CheckpointError`` where a song of this program has no memory that this model
    can use.
    """
    sound = read_audio(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if foreign:
        return Parent(path, sound, digest, None)
    beside, ours = path.with_suffix(SUFFIX), read_tags(path).manifest
    if not beside.is_file():
        if ours is not None and not _without_memory(ours):
            raise CheckpointError(f"{path}: is a song of this program, but {beside.name} is not beside it: {REMEDY}")
        return Parent(path, sound, digest, None)
    memory = opened(read_memory(beside))
    _check_model(memory, beside, workshop)
    _check_file(memory, path, beside, sound, ours, workshop)
    return Parent(path, sound, digest, memory)


def _without_memory(manifest: Mapping[str, Any]) -> bool:
    """Whether the song is of recordings from elsewhere, so that nothing could be remembered."""
    edit = manifest.get("edit")
    return isinstance(edit, dict) and edit.get("way") != "memory"


def _check_model(memory: Remembered, beside: Path, workshop: Workshop) -> None:
    made, here = memory.facts["model"], workshop.description
    if made["sha256"] != here["sha256"]:
        names = f"'{made['name']}' ({made['sha256'][:12]})", f"'{here['name']}' ({here['sha256'][:12]})"
        raise CheckpointError(
            f"{beside}: made by the model {names[0]}, loaded is {names[1]}: load that one (--model), "
            "or treat the song as any recording (--foreign)"
        )


def _check_file(
    memory: Remembered,
    path: Path,
    beside: Path,
    sound: Waveform,
    ours: Mapping[str, Any] | None,
    workshop: Workshop,
) -> None:
    """The sound and the memory must be of one song."""
    result = memory.facts["manifest"]["result"]
    tagged = None if ours is None else (ours.get("result") or {}).get("samples_sha256")
    if tagged not in (None, result["samples_sha256"]):
        raise CheckpointError(f"{beside}: belongs to another song than {path.name}: {REMEDY}")
    if sound.sample_rate != workshop.codec.sample_rate:
        raise AudioError(f"{path}: has {sound.sample_rate} Hz, the song was made with {workshop.codec.sample_rate}")
    exact = path.suffix.lower() in (".wav", ".flac")
    allowed = 0 if exact else int(_SLACK_SECONDS * sound.sample_rate)
    if abs(sound.samples.shape[1] - result["samples"]) > allowed:
        made = result["samples"] / sound.sample_rate
        raise CheckpointError(
            f"{path}: lasts {sound.seconds:.2f} s, its memory is of {made:.2f} s: it was cut; treat it as any "
            "recording (--foreign)"
        )
    # Memories from before this was kept have none.
    written, here = memory.facts.get("levels"), second_levels(sound)
    apart = sorted(
        abs(was - now) for both in zip(written or (), here, strict=False) for was, now in zip(*both, strict=False)
    )
    changed = bool(apart) and (apart[-1] > _SLACK_DB if exact else apart[len(apart) // 2] > _LOSSY_SLACK_DB)
    if changed or (written and len(written[0]) != sound.samples.shape[0]):
        raise CheckpointError(
            f"{path}: was changed since it was made, it is louder or softer than its memory says: make the song again "
            "(songbloom replay SONG --out SONG), or treat it as any recording (--foreign)"
        )
