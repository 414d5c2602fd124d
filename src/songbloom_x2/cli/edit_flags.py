"""What the commands that change a song have in common: seconds as people write them, and one song's making."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from songbloom_x2.cli.loading import load_pipeline
from songbloom_x2.cli.outputs import OutputPlan
from songbloom_x2.cli.settings_flags import add_config_flag, add_machine_flags, settings_of
from songbloom_x2.config import AudioFormatName, Preset
from songbloom_x2.request_checks import LARGEST_SEED

if TYPE_CHECKING:
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.song_files import SavedSong
    from songbloom_x2.song_stream import SongStream

_CLOCK = re.compile(r"(?:(\d+):)?(\d+(?:\.\d*)?|\.\d+)s?", re.ASCII)


def seconds(text: str) -> float:
    """``45``, ``45s``, ``4.5s`` or ``1:05`` as seconds."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None or (found[1] is not None and float(found[2]) >= 60):
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is no time: write 45s, 4.5s or 1:05")
    value = int(found[1] or 0) * 60 + float(found[2])
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is no time: write 45s, 4.5s or 1:05")
    return value


def add_making_flags(parser: argparse.ArgumentParser, *, seed: bool = True) -> None:
    """How the new part is made, and where it is written."""
    making = parser.add_argument_group("how it is made")
    if seed:
        making.add_argument("--seed", type=int, default=0, help=f"0 to {LARGEST_SEED} (default 0)")
    making.add_argument("--preset", choices=get_args(Preset), help="speed against quality (default: as the song)")
    making.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="sampling, e.g. steps=12")
    files = parser.add_argument_group("the file")
    files.add_argument("--out", dest="new", type=Path, required=True, metavar="FILE", help="where the new song goes")
    files.add_argument(
        "--format",
        choices=get_args(AudioFormatName),
        default=argparse.SUPPRESS,
        help="default: by the ending of the file name, else flac",
    )
    files.add_argument("--title", help="goes into the file's tags (default: the song's)")
    files.add_argument("--json", action="store_true", help="print what was made as JSON on stdout")
    machine = parser.add_argument_group("the machine")
    add_machine_flags(machine)
    add_config_flag(machine)


def sampling_of(args: argparse.Namespace) -> dict[str, Any]:
    """The ``--set`` flags."""
    from songbloom_x2.cli.generate import setting

    return dict(setting(text) for text in args.set)


def make_one(
    args: argparse.Namespace, begin: Callable[[SongPipeline], SongStream], explain: Callable[[Any], str]
) -> int:
    """Make one song and write it; ``explain`` says in words what its manifest's ``edit`` is."""
    from songbloom_x2.cli.interrupts import held_back
    from songbloom_x2.cli.progress import ProgressLines
    from songbloom_x2.song_files import save_song

    outputs = OutputPlan(args.new, getattr(args, "format", None), 1)
    outputs.keep_apart_from([Path(args.song)])
    with outputs:
        pipeline = load_pipeline(settings_of(args), explain=False)
        lines = ProgressLines(1)
        try:
            stream = begin(pipeline)
            for progress, _ in stream:
                lines.progressed(0, progress)
            with held_back():
                saved = save_song(stream.song, outputs.paths[0], format=outputs.format)
            manifest = saved.manifest
            told = f"{manifest['result']['seconds']:.1f} s{music_told(manifest)}; {explain(manifest['edit'])}"
            lines.line(f"{saved.audio}: {told}")
        finally:
            lines.close()
    if args.json:
        print(json.dumps(made_json(saved), ensure_ascii=False))
    sys.stdout.flush()
    return 0


def told_of(saved: SavedSong) -> str:
    """A line about a song that was written."""
    result = saved.manifest["result"]
    return f"{saved.audio}: {result['seconds']:.1f} s, seed {saved.manifest['seed']}{music_told(saved.manifest)}"


def music_told(manifest: Mapping[str, Any]) -> str:
    """Tempo and key of a song, as the end of a line; empty where neither is known."""
    music = manifest.get("music") or {}
    tempo, key = music.get("tempo") or {}, music.get("key") or {}
    parts = []
    for told, heard, unit in (
        (_beats(tempo.get("told")), _beats(tempo.get("heard")), " beats a minute"),
        (key.get("told"), key.get("heard"), ""),
    ):
        if told is not None:
            parts.append(f"{told}{unit} (heard: {heard or 'nothing clear'})")
        elif heard is not None:
            parts.append(f"heard: {heard}{unit}")
    return "".join(f", {part}" for part in parts)


def _beats(tempo: float | None) -> str | None:
    return None if tempo is None else f"{tempo:.0f}"


def made_json(saved: SavedSong) -> dict[str, Any]:
    """What ``--json`` prints of a song."""
    result, edit = saved.manifest["result"], saved.manifest.get("edit") or {}
    parents = [{name: value for name, value in told.items() if name != "manifest"} for told in edit.get("parents", ())]
    return {
        "file": str(saved.audio),
        "manifest": str(saved.manifest_path),
        "seconds": result["seconds"],
        "samples_sha256": result["samples_sha256"],
        "music": saved.manifest.get("music"),
        "edit": {**edit, "parents": parents},
    }
