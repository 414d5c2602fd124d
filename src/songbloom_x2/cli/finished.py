"""Whether a song that is asked for lies there already, whole, so that it need not be made again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from songbloom_x2.audio.files import read_audio
from songbloom_x2.audio.formats import format_named
from songbloom_x2.audio.tags import read_tags
from songbloom_x2.errors import AudioError
from songbloom_x2.types import SongRequest

_SLACK_SECONDS = 0.2
"""How much longer a decoded MP3 may be than what went in."""


def why_unfinished(path: Path, request: SongRequest, model: Mapping[str, Any], format: str) -> str:
    """Empty where ``path`` and its manifest are whole and are the song of this request and model; else why not.

    ``model`` as a pipeline describes it.

    The reason is itself empty-handed ("not there") only where neither file exists.
    """
    beside = path.with_suffix(".json")
    if not path.exists() and not beside.exists():
        return "not there"
    try:
        manifest = json.loads(beside.read_text(encoding="utf-8"))
        result, asked, made_by = manifest["result"], manifest["request"], manifest["model"]
        same = all((made_by.get(name) or None) == (model.get(name) or None) for name in ("sha256", "loras"))
        samples, rate = int(result["samples"]), int(result["sample_rate"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "its manifest is missing or damaged"
    if asked != _plain(request):
        return "it was made from another request"
    if not same:
        return "it was made by another model"
    try:
        if read_tags(path).manifest != manifest:
            return "file and manifest do not belong together"
        heard = read_audio(path)
    except AudioError:
        return "its file is missing or damaged"
    exact = format_named(format).name in ("wav", "flac")
    longer = heard.seconds - samples / rate
    if heard.samples.shape[1] != samples if exact else not -1 / rate <= longer <= _SLACK_SECONDS:
        return "its file is shorter or longer than its song"
    return ""


def _plain(request: SongRequest) -> Mapping[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps({**dataclasses.asdict(request), "sampling": dict(request.sampling)}))
    return plain
