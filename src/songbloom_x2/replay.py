"""Making a song again from its manifest, and telling whether it is the same and, if not, what else is not.

Knows no terminal. The manifest lies beside the song (``song.json``) or in the file's tags.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from songbloom_x2.audio.tags import read_tags
from songbloom_x2.checkpoints.adapters import adapter_file
from songbloom_x2.checkpoints.fingerprint import file_sha256
from songbloom_x2.checkpoints.registry import MODELS
from songbloom_x2.config import AttentionKernel, Device, OutputConfig, Precision
from songbloom_x2.errors import CheckpointError, RuntimePlanError, SongBloomError, StyleError
from songbloom_x2.manifest import FORMAT
from songbloom_x2.pipeline import Observer, SongPipeline
from songbloom_x2.runtime.device import resolve_device
from songbloom_x2.song_files import save_song
from songbloom_x2.style_mixes import is_mix, parse_mix
from songbloom_x2.types import (
    ExtendRequest,
    LoraChoice,
    RepaintRequest,
    Song,
    SongRequest,
    Style,
    VariationRequest,
)

_COMPARED = (
    ("model", ("name", "sha256", "loras")),
    ("plan", ("device", "dtype", "attention", "tf32", "codec_tf32", "threads")),
    ("lyrics", ("symbols",)),
    ("result", ("seconds", "samples")),
)
"""Entries of two manifests that say why samples may differ."""
_LARGEST = 16 * 2**20
_HINT = "give the song's file or its .json"


@dataclass(frozen=True)
class Replay:
    """A song made again. ``differences``: what is recorded and what is here, in words; empty where nothing differs."""

    song: Song
    identical: bool
    differences: tuple[str, ...]


def find_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a song: the file itself, the one beside it, or the one in its tags.

    Raises ``SongBloomError`` where there is none or it is damaged.
    """
    if not path.is_file():
        raise SongBloomError(f"{path}: no such file; {_HINT}")
    if path.suffix.lower() == ".json":
        return _checked(_read_json(path), path)
    beside = path.with_suffix(".json")
    if beside.is_file():
        found = _read_json(beside)
        if isinstance(found, dict) and _named(found) == path.name:
            return _checked(found, beside)
    embedded = read_tags(path).manifest
    if embedded is None:
        raise SongBloomError(f"{path}: has no manifest in its tags, and there is no {beside.name} for it; {_HINT}")
    return _checked(embedded, path)


def recorded_request(manifest: Mapping[str, Any]) -> SongRequest:
    """What was asked for. Raises ``SongBloomError`` where the manifest is of another version."""
    known = {field.name for field in dataclasses.fields(SongRequest)}
    asked = manifest["request"]
    if not isinstance(asked, dict) or not isinstance(asked.get("lyrics"), str) or set(asked) - known:
        raise SongBloomError("the manifest's request is not of this version: make the song with the one that wrote it")
    return SongRequest(**asked)


def recorded_settings(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Model and machine as recorded, by the names of the flags that ask for them; only those that can be asked for.

    A device that is not here is left out with what belongs to it, and so is a model that is known by no name: where it
    lay was not recorded.
    """
    plan = manifest.get("plan") or {}
    settings: dict[str, Any] = {"batch_size": _place(manifest)[1]}
    if manifest["model"].get("name") in MODELS:
        settings["model"] = manifest["model"]["name"]
    if isinstance(plan.get("threads"), int):
        settings["threads"] = plan["threads"]
    if _is_here(plan.get("device")):
        # The attention's record may say more than was asked for, behind a comma.
        values = (plan["device"], plan.get("dtype"), str(plan.get("attention")).partition(",")[0])
        kinds = {"device": Device, "precision": Precision, "attention": AttentionKernel}
        settings |= {
            name: value for (name, kind), value in zip(kinds.items(), values, strict=True) if value in get_args(kind)
        }
    return settings


def recorded_loras(manifest: Mapping[str, Any]) -> tuple[LoraChoice, ...]:
    """The adapters that were part of the model, in the files where they lay.

    Raises ``CheckpointError`` where one is not there any more or is another by now.
    """
    choices = []
    for entry in manifest["model"].get("loras") or ():
        choice = LoraChoice(str(entry["file"]), float(entry["scale"]))
        try:
            same = file_sha256(adapter_file(Path(choice.file))) == entry["sha256"]
        except CheckpointError as error:
            raise CheckpointError(f"{error}: say where it is with --lora FILE:{choice.scale:g}") from None
        if not same:
            raise CheckpointError(
                f"lora {choice.file}: is another one than the song was made with: say where that is with --lora"
            )
        choices.append(choice)
    return tuple(choices)


def _is_here(device: Any) -> bool:
    try:
        resolve_device(device)
    except RuntimePlanError:
        return False
    return True


def replay(
    pipeline: SongPipeline,
    manifest: Mapping[str, Any],
    *,
    style: Path | None = None,
    observer: Observer | None = None,
) -> Replay:
    """Make the song again; ``style``: where its style's file lies now.

    Takes that were made side by side are made side by side again, since sums of numbers depend on their order; of these
    only the one is kept.
    """
    if isinstance(manifest.get("edit"), dict) and manifest["edit"].get("kind") in _EDITS:
        return _edited(pipeline, manifest, style, observer)
    request = recorded_request(manifest)
    prompt = _style(pipeline, manifest, request, style)
    index, size = _place(manifest)
    request = dataclasses.replace(request, seed=request.seed - index)
    prepared = pipeline.prepare(request, size, style=prompt)
    made = dict(pipeline.make(prepared, observer))
    if index not in made:
        raise SongBloomError("the model ended the song before its first block: it is not the model that made it")
    song = made[index]
    identical = song.manifest["result"]["samples_sha256"] == manifest["result"]["samples_sha256"]
    return Replay(song, identical, () if identical else tuple(_differences(manifest, song.manifest)))


_EDITS = {"extend": ExtendRequest, "repaint": RepaintRequest, "variation": VariationRequest}


def _edited(
    pipeline: SongPipeline, manifest: Mapping[str, Any], style: Path | None, observer: Observer | None
) -> Replay:
    """A song that was made of another: that one first, from its file or from its own manifest."""
    edit = manifest["edit"]
    try:
        request = _EDITS[edit["kind"]](**edit["request"])
        parent = edit["parents"][0]
        recorded, file, digest = parent["manifest"], Path(request.song), parent["sha256"]
    except (KeyError, TypeError, IndexError):
        raise SongBloomError("the manifest's edit is not of this version: make it with the one that wrote it") from None
    with tempfile.TemporaryDirectory() as folder:
        if not (file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest):
            if recorded is None:
                raise SongBloomError(f"{file}: the recording that it was made of is not there any more, or is another")
            file = _saved_again(replay(pipeline, recorded, style=style, observer=observer), recorded, Path(folder))
        request = dataclasses.replace(request, song=str(file))
        if isinstance(request, ExtendRequest):
            stream = pipeline.extend(request)
        elif isinstance(request, RepaintRequest):
            stream = pipeline.repaint(request)
        else:
            stream = pipeline.vary(request)
        for progress, _ in stream:
            if observer is not None:
                observer.progressed(0, progress)
        song = stream.song
    identical = song.manifest["result"]["samples_sha256"] == manifest["result"]["samples_sha256"]
    return Replay(song, identical, () if identical else tuple(_differences(manifest, song.manifest)))


def _saved_again(made: Replay, recorded: Mapping[str, Any], folder: Path) -> Path:
    """The parent's file as it was written: its level and format are part of what was kept of it."""
    file = recorded.get("file") or {}
    told = file.get("loudness") or {}
    format = str(file.get("format", "flac"))
    saved = save_song(
        made.song,
        folder / f"parent.{format}",
        format=format,
        loudness=told.get("target_lufs"),
        true_peak_ceiling=told.get("ceiling_db", OutputConfig.true_peak_ceiling),
    )
    return saved.audio


def _style(
    pipeline: SongPipeline, manifest: Mapping[str, Any], request: SongRequest, moved: Path | None
) -> Style | None:
    recorded = manifest.get("style")
    if recorded is None:
        return None
    source = recorded.get("source")
    if recorded.get("parts"):
        return _mixed(pipeline, recorded, request)
    if source is None:
        if recorded["name"] not in pipeline.styles:
            raise StyleError(f"style '{recorded['name']}': this model has none of that name: it is another model")
        return pipeline.encode_style(recorded["name"])
    file = moved or (None if request.style is None else Path(request.style))
    if file is None or not file.is_file():
        raise StyleError(f"style '{source['file']}': the file is not here any more: say where it is with --style")
    return pipeline.encode_style(file, source["start"])


def _mixed(pipeline: SongPipeline, recorded: Mapping[str, Any], request: SongRequest) -> Style:
    """A mix: of the styles that the request writes, or the saved one that it names."""
    written = request.style or ""
    if not is_mix(written):
        return pipeline.encode_style(written)
    mix = dataclasses.replace(parse_mix(written), method=recorded["method"], spherical=recorded["spherical"])
    return pipeline.mix_styles(mix)


def _place(manifest: Mapping[str, Any]) -> tuple[int, int]:
    """The song's place in the batch that must be made with it, and how many songs that has."""
    batch = manifest.get("batch") or {}
    index, size = int(batch.get("index", 0)), int(batch.get("size", 1))
    if not batch.get("takes") or not 0 <= index < size <= 64 or manifest["seed"] < index:
        return 0, 1
    return index, size


def _differences(recorded: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    told = []
    for part, names in _COMPARED:
        before, now = recorded.get(part) or {}, made.get(part) or {}
        told += [_told(f"{part} {name}", before.get(name), now.get(name)) for name in names]
    for part in ("versions", "sampling"):
        before, now = recorded.get(part) or {}, made.get(part) or {}
        either = sorted(before.keys() | now.keys())
        told += [_told(f"{part} {name}", before.get(name), now.get(name)) for name in either]
    before, now = recorded.get("style") or {}, made.get("style") or {}
    told.append(_told("style", before.get("name"), now.get("name")))
    files = [(style.get("source") or {}).get("sha256") for style in (before, now)]
    told.append(_told("style's file sha256", *files))
    batch = recorded.get("batch") or {}
    if int(batch.get("size", 1)) > 1 and not batch.get("takes"):
        told.append("batch: it was made beside other songs, whose sums of numbers it shared")
    return [line for line in told if line]


def _told(what: str, before: object, now: object) -> str:
    return "" if before == now else f"{what}: {_short(before)} recorded, {_short(now)} here"


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 64 else text[:61] + "..."


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST:
            raise SongBloomError(f"{path}: too large for a manifest; {_HINT}")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SongBloomError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise SongBloomError(f"{path}: is not JSON, so no manifest; {_HINT}") from None


def _named(manifest: Mapping[str, Any]) -> object:
    file = manifest.get("file")
    return file.get("name") if isinstance(file, dict) else None


def _checked(manifest: Any, path: Path) -> dict[str, Any]:
    sound = isinstance(manifest, dict) and manifest.get("format") == FORMAT
    parts = {"request": dict, "model": dict, "result": dict, "seed": int}
    if not sound or not all(isinstance(manifest.get(name), kind) for name, kind in parts.items()):
        raise SongBloomError(f"{path}: holds no song manifest of this version; {_HINT}")
    if not isinstance(manifest["result"].get("samples_sha256"), str):
        raise SongBloomError(f"{path}: the manifest does not say which samples it belongs to; {_HINT}")
    if (manifest.get("plan") or {}).get("backend") == "onnxruntime":
        raise SongBloomError(
            f"{path}: was made by --backend onnx, whose random numbers are other ones: make it again with "
            "songbloom generate --backend onnx and the same model, lyrics, style and seed"
        )
    found: dict[str, Any] = manifest
    return found
