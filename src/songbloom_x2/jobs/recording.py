"""A finished song on its way to those who asked for it: its files, whole and flushed, then its row in the database."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from songbloom_x2.audio.files import read_audio
from songbloom_x2.checkpoints.fingerprint import file_sha256
from songbloom_x2.config import OutputConfig
from songbloom_x2.errors import StorageError
from songbloom_x2.jobs.claims import Claim, ClaimedSong, Claims, StoredSong
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.peaks import peaks_json
from songbloom_x2.song_files import save_song
from songbloom_x2.types import Song

AUDIO, MANIFEST, PEAKS = "song.flac", "song.json", "peaks.json"
_PATIENCE_SECONDS = 120.0
"""How long the database may be away when something is recorded."""
_UPLOADED_FILE = re.compile(r"\b(style-[0-9a-f]{32})\.flac\b")
T = TypeVar("T")


def record_song(
    claim: Claim, claims: Claims, claimed: ClaimedSong, song: Song, folder: DataFolder, output: OutputConfig
) -> None:
    """Keep and record a song; files that nobody may record are taken away again.

    Raises ``StorageError`` for disk and database, ``ClaimLostError`` where another worker has the job now.
    """
    name = f"{claimed.id}.{claim.attempt}"

    def write(part: Path) -> None:
        scored = song.score is not None
        save_song(
            song,
            part / AUDIO,
            format="flac",
            loudness=output.loudness,
            true_peak_ceiling=output.true_peak_ceiling,
            timed_lyrics="words" if scored else None,
            melody=scored,
        )
        (part / PEAKS).write_text(peaks_json(read_audio(part / AUDIO)), encoding="utf-8")

    placed = folder.put_song(name, write)
    recorded = False
    try:
        stored = _described(name, placed, song)
        recorded = patiently(lambda: claims.record(claim, claimed.id, stored))
    finally:
        if not recorded:
            folder.remove_song(name)


def patiently(act: Callable[[], T], seconds: float = _PATIENCE_SECONDS) -> T:
    """Do something in the database, again and again while it is away: what was made shall not be lost for that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(StorageError):
            return act()
        time.sleep(1.0)
    return act()


def _described(name: str, placed: Path, song: Song) -> StoredSong:
    manifest = json.loads((placed / MANIFEST).read_text(encoding="utf-8"))
    return StoredSong(
        folder=name,
        files=tuple(sorted(path.name for path in placed.iterdir())),
        seconds=song.waveform.seconds,
        sample_rate=song.waveform.sample_rate,
        sha256=file_sha256(placed / AUDIO),
        bytes=sum(path.stat().st_size for path in placed.iterdir()),
        style=_style_name((manifest["style"] or {}).get("name")),
    )


def _style_name(name: str | None) -> str | None:
    """A style as requests name it: of an uploaded one its id, not its file."""
    return None if name is None else _UPLOADED_FILE.sub(r"\1", name)
