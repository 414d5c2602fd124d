"""``songbloom eval``: make songs, or take a folder of them, and measure what a listener would notice."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.lora_flag import add_lora_flag, lora_choices
from songbloom_x2.cli.settings_flags import add_config_flag, add_machine_flags, settings_of
from songbloom_x2.errors import ConfigError

if TYPE_CHECKING:
    from songbloom_x2.evaluation.listener import Listener

EPILOG = """\
examples:
  songbloom eval --lyrics-file examples/eval.jsonl --songs 20 --json
  songbloom eval --lyrics-file examples/eval.jsonl --style prompt.wav --set steps=24 --out runs/eval/steps-24
  songbloom eval songs
  songbloom eval songs --lyrics-file lyrics.jsonl
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "eval",
        help="measure a model, or a folder of songs: words, pitch, tempo, form, sound",
        description="Make songs of the lyrics in a JSONL file (lines with idx, lang, lyrics) with the model's named "
        "styles in turn and measure them; or measure the songs of FOLDER, as far as that can be done without knowing "
        "how they were made. Words are those that Whisper base hears (extra 'eval'). Songs, figures and a page with "
        "plots are kept; an interrupted run goes on where it stopped.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="measure the songs in it; make none")
    parser.add_argument(
        "--lyrics-file",
        type=Path,
        metavar="FILE.jsonl",
        help="lyrics to sing; with FOLDER: the lyrics of its songs, idx is a file's name without ending",
    )
    parser.add_argument("--songs", type=int, default=20, metavar="N", help="songs to make (default 20)")
    parser.add_argument("--style", default=None, help="one style for all songs (default: the model's, in turn)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--duration", type=float, metavar="S", help="seconds at most (default: the model ends)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="sampling, e.g. steps=24")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where everything is kept (default: a folder of its own in runs/eval)"
    )
    parser.add_argument(
        "--part",
        metavar="K/N",
        help="make only every N-th song, from the K-th on: N processes share the work on one --out; a run without it "
        "then sums up",
    )
    parser.add_argument("--listener", type=Path, metavar="FILE", help="recognises style and voice (default: shipped)")
    parser.add_argument("--cache", type=Path, default=Path("runs/eval-cache"), help="where Whisper's files are joined")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON on stdout")
    machine = parser.add_argument_group("the machine")
    add_machine_flags(machine)
    add_lora_flag(machine)
    add_config_flag(machine)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Make or find songs, measure, summarise."""
    if args.songs < 1:
        raise ConfigError(f"--songs {args.songs}: must be at least 1")
    if args.folder is None and args.lyrics_file is None:
        raise ConfigError("--lyrics-file is missing: give lyrics to sing, or a FOLDER of songs to measure")
    return _run_folder(args) if args.folder is not None else _run_model(args)


def _run_model(args: argparse.Namespace) -> int:
    from songbloom_x2.cli.generate import setting
    from songbloom_x2.cli.loading import load_pipeline
    from songbloom_x2.evaluate.transcribe import Transcriber
    from songbloom_x2.evaluation.run import Evaluation, EvaluationPlan, plan_id, read_lyrics_lines

    lines = read_lyrics_lines(args.lyrics_file)
    numbers = _part(args.part, args.songs)
    settings = settings_of(args)
    sampling = settings.given("sampling") | dict(setting(text) for text in args.set)
    plan = EvaluationPlan(lines, args.songs, args.style, args.seed, sampling, args.duration)
    transcriber = Transcriber(args.cache)
    listener = _listener(args)
    pipeline = load_pipeline(settings, explain=False, loras=lora_choices(args.lora))
    out = args.out or Path("runs/eval") / plan_id(plan, pipeline.description["sha256"])
    evaluation = Evaluation(pipeline, plan, out, transcriber, listener)
    if args.part is not None:
        evaluation.run(_reporter(args.songs), numbers)
        return 0
    songs = evaluation.run(_reporter(args.songs))
    audio = [out / f"{number:03d}.flac" for number in range(len(songs))]
    return _finish(args, out, f"{pipeline.config.name}: {len(songs)} songs of {args.lyrics_file.name}", songs, audio)


def _part(text: str | None, songs: int) -> range:
    """The numbers of the songs that are this process's."""
    if text is None:
        return range(songs)
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise ConfigError(f"--part {text}: must be K/N with K from 1 to N, such as 1/2")
    return range(int(found[1]) - 1, songs, int(found[2]))


def _run_folder(args: argparse.Namespace) -> int:
    from songbloom_x2.evaluate.transcribe import Transcriber
    from songbloom_x2.evaluation.folder import evaluate_folder, song_files
    from songbloom_x2.evaluation.run import read_lyrics_lines

    files = song_files(args.folder)
    lines = {} if args.lyrics_file is None else {line.idx: line for line in read_lyrics_lines(args.lyrics_file)}
    out = args.out or args.folder / "evaluation"
    songs = evaluate_folder(args.folder, out, Transcriber(args.cache), _listener(args), lines, _reporter(len(files)))
    return _finish(args, out, f"{args.folder}: {len(songs)} songs", songs, files)


def _listener(args: argparse.Namespace) -> Listener | None:
    from songbloom_x2.evaluation.listener import load_listener, shipped_listener

    if args.listener is None and not shipped_listener().exists():
        print("no listener in this installation: style, voice and prompt are not recognised", file=sys.stderr)
        return None
    return load_listener(args.listener or shipped_listener())


def _reporter(count: int) -> Callable[[int, Mapping[str, Any], bool], None]:
    def report(number: int, figures: Mapping[str, Any], there: bool) -> None:
        names = ("wer_voice", "wer_mix", "pitch_within_50c", "tempo_within_4pc", "real_time_factor")
        shown = ", ".join(f"{name} {figures[name]:.2f}" for name in names if figures.get(name) is not None)
        told = figures.get("failed") or (f"{shown} (kept)" if there else shown)
        print(f"song {number + 1} of {count} ({figures['idx']}): {told}", file=sys.stderr, flush=True)

    return report


def _finish(
    args: argparse.Namespace, out: Path, title: str, songs: Sequence[Mapping[str, Any]], audio: Sequence[Path]
) -> int:
    from songbloom_x2.audio.atomic import write_atomically
    from songbloom_x2.evaluation.figures import summarise
    from songbloom_x2.evaluation.page import page

    summary = summarise([song for song in songs if "failed" not in song])
    failed = sum("failed" in song for song in songs)
    summary["failed"] = failed
    data = json.dumps({"summary": summary, "songs": songs}, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(out / "figures.json", (data + "\n").encode())
    there = [Path(os.path.relpath(path, out)) if path.exists() else None for path in audio]
    write_atomically(out / "index.html", page(title, summary, songs, there).encode())
    print(f"{out / 'index.html'}: page with plots; figures and songs beside it", file=sys.stderr)
    if args.json:
        print(json.dumps(summary, allow_nan=False))
    else:
        _print_table(summary)
    return 0


def _print_table(summary: Mapping[str, Any]) -> None:
    for name, found in summary.items():
        if isinstance(found, dict) and found.get("n"):
            print(f"{name:20} {found['mean']:9.4f} ± {found['ci95']:.4f}  ({found['n']} songs)")
    for name, why in summary["not_measured"].items():
        print(f"{name:20} not measured: {why}")
    if summary["failed"]:
        print(f"{summary['failed']} songs could not be made or read: see figures.json")
