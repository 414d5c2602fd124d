"""``songbloom generate``: songs from lyrics and a style."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from songbloom_x2.audio.formats import FORMATS
from songbloom_x2.cli.interrupts import held_back
from songbloom_x2.cli.outputs import OutputPlan
from songbloom_x2.cli.progress import ProgressLines
from songbloom_x2.config import AttentionKernel, Device, OutputConfig, Precision, RuntimeConfig
from songbloom_x2.errors import ConfigError, LyricsError
from songbloom_x2.request_checks import LARGEST_SEED, MOST_SONGS, parse_sampling

if TYPE_CHECKING:
    from songbloom_x2.song_files import SavedSong

EPILOG = """\
examples:
  songbloom generate --lyrics "[verse] City lights are calling me home." --out song.flac
  songbloom generate --lyrics @words.txt --style prompt.wav --seed 7 --n 3 --out "takes/{i}.flac"
  songbloom generate --lyrics @words.txt --duration 30 --set steps=12 --format wav --json
"""
LARGEST_LYRICS = 1_000_000
"""Bytes of a lyrics file; a song of 240 s has room for about 1000 phonemes."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``generate``."""
    runtime, output = RuntimeConfig(), OutputConfig()
    parser = subparsers.add_parser(
        "generate",
        help="make songs from lyrics and a style",
        description="Make one or several songs. Each is written with a manifest beside it (song.flac, song.json).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    song = parser.add_argument_group("the song")
    song.add_argument("--lyrics", required=True, metavar="TEXT|@FILE", help="the words, or @FILE (@- reads stdin)")
    song.add_argument("--style", metavar="FILE|NAME", help="an audio file, or a style that comes with the model")
    song.add_argument("--title", help="goes into the file's tags")
    song.add_argument("--seed", type=int, default=0, help=f"0 to {LARGEST_SEED}; the next songs count up (default 0)")
    song.add_argument("--n", type=int, default=1, metavar="K", help=f"songs to make, 1 to {MOST_SONGS} (default 1)")
    song.add_argument("--duration", type=float, metavar="S", help="seconds at most (default: the model ends by itself)")
    song.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="sampling, e.g. steps=12")
    files = parser.add_argument_group("the files")
    files.add_argument(
        "--out",
        type=Path,
        default=Path(output.file),
        metavar="FILE",
        help=f"where to (default {output.file}); with --n, {{i}} stands for the number, or -1, -2, … is added",
    )
    files.add_argument("--format", choices=[known.name for known in FORMATS], help="default: by the ending of --out")
    files.add_argument(
        "--loudness",
        type=_loudness,
        default=output.loudness,
        metavar="LUFS|off",
        help=f"level of the file, under a true peak of {output.true_peak_ceiling:g} dB (default {output.loudness:g})",
    )
    files.add_argument("--json", action="store_true", help="print what was made as JSON on stdout")
    machine = parser.add_argument_group("the machine")
    machine.add_argument("--model", default="embedded", metavar="NAME|DIR", help="(default embedded)")
    machine.add_argument("--device", choices=get_args(Device), default=runtime.device)
    machine.add_argument("--precision", choices=get_args(Precision), default=runtime.precision)
    machine.add_argument("--attention", choices=get_args(AttentionKernel), default=runtime.attention)
    machine.add_argument("--threads", type=int, default=runtime.threads, help="CPU threads")
    machine.add_argument("--batch-size", type=int, default=runtime.batch_size, help="songs made side by side at most")
    machine.add_argument("--explain", action="store_true", help="print what was chosen for this machine, and why")


def run(args: argparse.Namespace) -> int:
    """Make the songs and write them."""
    lyrics = read_lyrics(args.lyrics)
    if not 1 <= args.n <= MOST_SONGS:
        raise ConfigError(f"--n {args.n}: from 1 to {MOST_SONGS} songs can be made at a time")
    if not 0 <= args.seed <= LARGEST_SEED - args.n + 1:
        raise ConfigError(f"--seed {args.seed}: must be from 0 to {LARGEST_SEED} for every song")
    sampling = dict(_setting(text) for text in args.set)
    with OutputPlan(args.out, args.format, args.n) as outputs:
        return _generate(args, lyrics, sampling, outputs)


def read_lyrics(given: str) -> str:
    """The words themselves, or those of ``@FILE``. Raises ``LyricsError`` where the file cannot be read."""
    if not given.startswith("@"):
        return given
    path = Path(given[1:])
    try:
        if given == "@-":
            data = sys.stdin.buffer.read(LARGEST_LYRICS + 1)
        else:
            with path.open("rb") as file:
                data = file.read(LARGEST_LYRICS + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise LyricsError(f"lyrics file '{given[1:]}': cannot be read: {reason}") from None
    if len(data) > LARGEST_LYRICS:
        raise LyricsError(f"lyrics file '{given[1:]}': more than {LARGEST_LYRICS} bytes; give the words of one song")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LyricsError(f"lyrics file '{given[1:]}': byte {error.start} is not UTF-8; save it as UTF-8") from None


def _generate(args: argparse.Namespace, lyrics: str, sampling: dict[str, Any], outputs: OutputPlan) -> int:
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.song_files import save_song
    from songbloom_x2.types import SongRequest

    asked = {field.name: getattr(args, field.name) for field in fields(RuntimeConfig) if field.name in args}
    request = SongRequest(lyrics, args.style, args.seed, args.duration, args.title, sampling)
    pipeline = SongPipeline.from_pretrained(args.model, RuntimeConfig(**asked))
    if args.explain:
        print(pipeline.plan.explain(), file=sys.stderr)
        for note in pipeline.description["notes"]:
            print(note, file=sys.stderr)
    lines = ProgressLines(args.n)
    saved: list[SavedSong] = []
    try:
        for number, song in pipeline.songs(request, args.n, observer=lines):
            with held_back():
                written = save_song(song, outputs.paths[number], format=outputs.format, loudness=args.loudness)
            saved.append(written)
            lines.line(_told(written))
    finally:
        lines.close()
        # Also where a later song failed: what was written is told.
        if args.json and saved:
            songs = [{"file": str(song.audio), "manifest": str(song.manifest_path), **_summary(song)} for song in saved]
            print(json.dumps({"songs": songs}, ensure_ascii=False))
    return 0


def _summary(saved: SavedSong) -> dict[str, Any]:
    manifest = saved.manifest
    return {
        "seed": manifest["seed"],
        "seconds": manifest["result"]["seconds"],
        "samples_sha256": manifest["result"]["samples_sha256"],
        "timings": manifest["timings"],
    }


def _told(saved: SavedSong) -> str:
    made = _summary(saved)
    return f"{saved.audio}: {made['seconds']:.1f} s, seed {made['seed']}, made in {made['timings']['making']:.1f} s"


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set {text}: must be NAME=VALUE, for example steps=12")
    return name, parse_sampling(name, value)


def _loudness(text: str) -> float | None:
    if text == "off":
        return None
    value = float(text)
    if not -70 <= value <= 0:
        raise argparse.ArgumentTypeError(f"{text}: must be from -70 to 0, or off")
    return value
