"""A list of songs to make, in the released form: JSON lines with ``idx``, ``lyrics`` and ``prompt_wav``."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songbloom_x2.errors import ConfigError

MOST_BYTES = 64 * 2**20
_LONGEST_NAME = 200
"""Bytes of an ``idx``: with number, ending and temporary name it must fit what file systems take (255)."""
_FORBIDDEN = '<>:"/\\|?*'
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
"""Names that Windows keeps for devices, whatever their ending."""
_KEYS = ("idx", "lyrics", "prompt_wav")


@dataclass(frozen=True)
class ListedSong:
    """One line: its number (from 1), the name of its files, the words, the style as written."""

    line: int
    idx: str
    lyrics: str
    prompt_wav: str | None
    ignored: tuple[str, ...] = ()
    """Keys of the line that mean nothing here."""


@dataclass(frozen=True)
class RefusedLine:
    """A line that no song was made of, and why."""

    line: int
    idx: str | None
    reason: str


def read_song_list(path: Path) -> list[ListedSong | RefusedLine]:
    """Every line that is not blank, in order. Raises ``ConfigError`` where the file itself cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"--input-jsonl {path}: cannot be read: {reason}") from None
    if len(data) > MOST_BYTES:
        raise ConfigError(f"--input-jsonl {path}: larger than {MOST_BYTES // 2**20} MB; split it")
    # Only "\n" ends a line: JSON texts may hold the other signs that Python's splitlines takes for one.
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip(b" \t\r\xef\xbb\xbf")]
    if not lines:
        raise ConfigError(f'--input-jsonl {path}: is empty; write lines like {{"idx": "a", "lyrics": "[verse] …"}}')
    seen: dict[str, int] = {}
    found: list[ListedSong | RefusedLine] = []
    for number, line in lines:
        read = _read(number, line)
        if isinstance(read, ListedSong):
            # Some file systems hold "A" and "a", or two spellings of one letter, for the same name.
            name = unicodedata.normalize("NFC", read.idx).casefold()
            if name in seen:
                read = RefusedLine(number, read.idx, f"idx '{read.idx}' is that of line {seen[name]}; give it its own")
            else:
                seen[name] = number
        found.append(read)
    return found


def _read(number: int, line: bytes) -> ListedSong | RefusedLine:
    try:
        entry = json.loads(line.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        return RefusedLine(number, None, 'not JSON; a line looks like {"idx": "a", "lyrics": "[verse] …"}')
    if not isinstance(entry, dict):
        return RefusedLine(number, None, "not a JSON object with idx and lyrics")
    idx = entry.get("idx")
    if isinstance(idx, int) and not isinstance(idx, bool):
        idx = str(idx)
    wrong = _wrong_name(idx)
    if not isinstance(idx, str) or wrong:
        return RefusedLine(number, None, wrong)
    if not isinstance(entry.get("lyrics"), str):
        return RefusedLine(number, idx, "has no text as 'lyrics'")
    prompt = entry.get("prompt_wav")
    if not isinstance(prompt, str | None):
        return RefusedLine(number, idx, "'prompt_wav' must be a text: an audio file, relative to this list, or a style")
    ignored = tuple(sorted(str(key)[:40] for key in entry.keys() - set(_KEYS)))
    return ListedSong(number, idx, entry["lyrics"], prompt or None, ignored)


def _wrong_name(idx: Any) -> str:
    """Why ``idx`` is no name of a file inside the output folder; empty where it is one."""
    if not isinstance(idx, str):
        return "has no 'idx': a text or a whole number that names its files"
    shown = "".join(sign if sign.isprintable() else "?" for sign in idx[:60])
    if not idx or idx.startswith(".") or idx != idx.strip() or idx.endswith("."):
        return f"idx '{shown}': must not be empty, or begin or end with a dot or a space"
    if any(sign in _FORBIDDEN or not (sign.isprintable()) for sign in idx):
        return f"idx '{shown}': names files and may not hold {' '.join(_FORBIDDEN)} or control characters"
    if len(idx.encode("utf-8", "replace")) > _LONGEST_NAME:
        return f"idx '{shown}…': longer than {_LONGEST_NAME} bytes"
    return f"idx '{shown}': some systems keep this name for a device" if idx.lower() in _DEVICES else ""
