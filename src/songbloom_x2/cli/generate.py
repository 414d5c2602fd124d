"""``songbloom generate``: songs from lyrics and a style."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.edit_flags import music_told
from songbloom_x2.cli.interrupts import held_back
from songbloom_x2.cli.loading import load_pipeline
from songbloom_x2.cli.lora_flag import add_lora_flag, lora_choices
from songbloom_x2.cli.outputs import OutputPlan
from songbloom_x2.cli.progress import ProgressLines
from songbloom_x2.cli.ray_flags import add_ray_flags, ray_settings
from songbloom_x2.cli.settings_flags import add_config_flag, add_format_flags, add_machine_flags, settings_of
from songbloom_x2.cli.song_flags import add_score_flags, add_song_flags, check_score_flags, song_fields
from songbloom_x2.config import OutputConfig
from songbloom_x2.errors import ConfigError, LyricsError, MissingExtraError
from songbloom_x2.request_checks import LARGEST_SEED, MOST_SONGS, parse_sampling
from songbloom_x2.settings.folders import data_folder

if TYPE_CHECKING:
    from songbloom_x2.evaluate.transcribe import Hears
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.settings.resolve import Settings
    from songbloom_x2.song_files import SavedSong
    from songbloom_x2.types import Song, SongRequest, Waveform

EPILOG = """\
examples:
  songbloom generate --lyrics "[verse] City lights are calling me home." --out song.flac
  songbloom generate --lyrics @words.txt --style prompt.wav --seed 7 --n 3 --out "takes/{i}.flac"
  songbloom generate --lyrics @words.txt --duration 30 --set steps=12 --format wav --json
  songbloom generate --instrumental --style "lofi slow" --duration 30 --preset draft
  songbloom generate --lyrics @words.txt --lrc words --midi
  songbloom generate --input-jsonl songs.jsonl --output-dir songs --n-samples 2
  songbloom generate --input-jsonl big.jsonl --output-dir songs --executor ray --max-replicas 4
"""
LARGEST_LYRICS = 1_000_000
"""Bytes of a lyrics file; a song of 240 s has room for about 1000 phonemes."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``generate``."""
    parser = subparsers.add_parser(
        "generate",
        help="make songs from lyrics and a style",
        description="Make one or several songs. Each is written with a manifest beside it (song.flac, song.json).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    song = parser.add_argument_group("the song")
    song.add_argument("--lyrics", metavar="TEXT|@FILE", help="the words, or @FILE (@- reads stdin)")
    song.add_argument(
        "--style",
        metavar="FILE|NAME|WORDS|MIX",
        help='an audio file, a style by name or by words ("country female slow"), or a mix ("rock:0.7 b.wav:0.3")',
    )
    song.add_argument("--title", help="goes into the file's tags")
    song.add_argument("--seed", type=int, default=0, help=f"0 to {LARGEST_SEED}; the next songs count up (default 0)")
    song.add_argument(
        "--n",
        "--n-samples",
        type=int,
        default=1,
        metavar="K",
        help=f"songs to make (of every line), 1 to {MOST_SONGS} (default 1)",
    )
    song.add_argument("--duration", type=float, metavar="S", help="seconds at most (default: the model ends by itself)")
    add_song_flags(song)
    song.add_argument(
        "--best-of", type=int, metavar="K", help="make K takes and keep the best by what can be measured (2 to 16)"
    )
    song.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="sampling, e.g. steps=12")
    files = parser.add_argument_group("the files")
    files.add_argument(
        "--out",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help=f"where to (default {OutputConfig.file}); with --n, {{i}} stands for the number, or -1, -2, … is added",
    )
    add_format_flags(files)
    add_score_flags(files)
    files.add_argument("--stems", action="store_true", help="also write voice and band (song.voice.flac, …)")
    files.add_argument("--json", action="store_true", help="print what was made as JSON on stdout")
    many = parser.add_argument_group("many songs")
    many.add_argument(
        "--input-jsonl",
        type=Path,
        metavar="FILE",
        help='a song a line: {"idx": "a", "lyrics": "[verse] …", "prompt_wav": "a.wav"}; what is finished is skipped',
    )
    many.add_argument("--output-dir", type=Path, metavar="DIR", help="where {idx}_s0.flac, {idx}_s1.flac, … go")
    add_ray_flags(many)
    machine = parser.add_argument_group("the machine")
    add_machine_flags(machine)
    add_lora_flag(machine)
    machine.add_argument(
        "--backend",
        choices=("torch", "onnx"),
        default="torch",
        help="onnx: the folder of an export (songbloom export onnx) through onnxruntime, on the CPU (default torch)",
    )
    add_config_flag(machine)
    machine.add_argument("--explain", action="store_true", help="print what was chosen for this machine, and why")


def run(args: argparse.Namespace) -> int:
    """Make the songs and write them."""
    settings = settings_of(args, ray_settings(args))
    if not 1 <= args.n <= MOST_SONGS:
        raise ConfigError(f"--n {args.n}: from 1 to {MOST_SONGS} songs can be made at a time")
    if not 0 <= args.seed <= LARGEST_SEED - args.n + 1:
        raise ConfigError(f"--seed {args.seed}: must be from 0 to {LARGEST_SEED} for every song")
    sampling = settings.given("sampling") | dict(setting(text) for text in args.set)
    if args.backend == "onnx":
        from songbloom_x2.cli.onnx_songs import refuse_for_onnx

        refuse_for_onnx(args, settings)
    if args.input_jsonl is not None or args.output_dir is not None:
        from songbloom_x2.cli.batch import run_batch

        return run_batch(args, settings, _request(args, "", sampling))
    if args.executor is not None:
        raise ConfigError("--executor belongs to --input-jsonl: one song is made here")
    if args.lyrics is None and not args.instrumental:
        raise LyricsError(
            "--lyrics is missing: give the words, @FILE, --instrumental, or many songs with --input-jsonl"
        )
    request = _request(args, "" if args.lyrics is None else read_lyrics(args.lyrics), sampling)
    with OutputPlan(*_output(settings), args.n) as outputs:
        return _generate(args, settings, request, outputs)


def _request(args: argparse.Namespace, lyrics: str, sampling: dict[str, Any]) -> SongRequest:
    from songbloom_x2.types import SongRequest

    return SongRequest(lyrics, args.style, args.seed, args.duration, args.title, sampling, **song_fields(args))


def _output(settings: Settings) -> tuple[Path, str | None]:
    """File and format. A file name's ending decides, but a name that nobody asked for takes the ending asked for."""
    out, format, asked = Path(settings["output.file"]), settings["output.format"], settings.origin("output.format")
    if settings.origin("output.file") == "default" and asked != "default":
        return out.with_suffix(""), format
    return out, format if asked == "flag" or not out.suffix else None


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


def _generate(args: argparse.Namespace, settings: Settings, request: SongRequest, outputs: OutputPlan) -> int:
    from songbloom_x2.song_files import save_song, save_stems

    lines = ProgressLines(args.n)
    songs, stems_of = _songs(args, settings, request, lines)
    saved: list[SavedSong] = []
    try:
        for number, song in songs:
            with held_back():
                written = save_song(
                    song,
                    outputs.paths[number],
                    format=outputs.format,
                    loudness=settings["output.loudness"],
                    true_peak_ceiling=settings["output.true_peak_ceiling"],
                    timed_lyrics=args.lrc,
                    melody=args.midi,
                )
                if stems_of is not None:
                    save_stems(stems_of(song), song, outputs.paths[number], written, format=outputs.format)
            saved.append(written)
            lines.line(_told(written))
    finally:
        lines.close()
        # Also where a later song failed: what was written is told.
        if args.json and saved:
            told = [{"file": str(song.audio), "manifest": str(song.manifest_path), **_summary(song)} for song in saved]
            print(json.dumps({"songs": told}, ensure_ascii=False))
    return 0


def _songs(
    args: argparse.Namespace, settings: Settings, request: SongRequest, lines: ProgressLines
) -> tuple[Iterator[tuple[int, Song]], Callable[[Song], tuple[Waveform, Waveform]] | None]:
    """The songs, by torch or from exported graphs, and what takes them apart if that was asked for.

    The model is loaded here, before the first is begun.
    """
    if args.backend == "onnx":
        from songbloom_x2.cli.onnx_songs import OnnxPipeline

        exported = OnnxPipeline(settings)
        if args.explain:
            print(json.dumps(exported.graphs.description), file=sys.stderr)
        return exported.songs(request, args.n, lines), None
    pipeline = load_pipeline(settings, explain=args.explain, loras=lora_choices(args.lora))
    check_score_flags(args, pipeline.config)
    if args.stems and not pipeline.has_stems:
        raise ConfigError(f"--stems: model '{pipeline.config.name}' does not keep voice and band apart")
    return _takes(pipeline, request, args, lines), pipeline.stems if args.stems else None


def _summary(saved: SavedSong) -> dict[str, Any]:
    manifest = saved.manifest
    return {
        "seed": manifest["seed"],
        "seconds": manifest["result"]["seconds"],
        "samples_sha256": manifest["result"]["samples_sha256"],
        "timings": manifest["timings"],
        "music": manifest.get("music"),
    }


def _takes(
    pipeline: SongPipeline, request: SongRequest, args: argparse.Namespace, lines: ProgressLines
) -> Iterator[tuple[int, Song]]:
    if args.best_of is None:
        yield from pipeline.songs(request, args.n, observer=lines)
        return
    hears = _hears(lines)
    for number in range(args.n):
        # Each file is the best of takes of its own: their seeds follow those of the file before.
        own = dataclasses.replace(request, seed=request.seed + number * args.best_of)
        yield number, pipeline.best_of(own, args.best_of, lines, hears=hears)


def _hears(lines: ProgressLines) -> Hears | None:
    """What hears the words of takes, where it is installed; otherwise it is told that nothing does."""
    from songbloom_x2.evaluate.transcribe import Transcriber

    try:
        return Transcriber(data_folder(os.environ))
    except MissingExtraError:
        lines.line("best of: the words are not heard, since the extra eval is not installed")
        return None


def _told(saved: SavedSong) -> str:
    made = _summary(saved)
    line = f"{saved.audio}: {made['seconds']:.1f} s, seed {made['seed']}, made in {made['timings']['making']:.1f} s"
    return line + music_told(saved.manifest)


def setting(text: str) -> tuple[str, Any]:
    """One ``NAME=VALUE`` of ``--set``. Raises ``ConfigError``."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set {text}: must be NAME=VALUE, for example steps=12")
    return name, parse_sampling(name, value)
