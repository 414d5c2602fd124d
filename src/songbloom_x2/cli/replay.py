"""``songbloom replay``: make a song again from its manifest, and say whether it is the same."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.lora_flag import add_lora_flag, lora_choices
from songbloom_x2.cli.settings_flags import add_config_flag, add_machine_flags, settings_of
from songbloom_x2.errors import CheckpointError

if TYPE_CHECKING:
    from songbloom_x2.cli.outputs import OutputPlan

EPILOG = """\
examples:
  songbloom replay song.flac
  songbloom replay song.json --out again.flac
  songbloom replay song.mp3 --model models/mine --style prompt.wav

exit code 0: identical, 1: different (what differs is printed), 2: it cannot be made again
"""
DIFFERENT = 1


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``replay``."""
    parser = subparsers.add_parser(
        "replay",
        help="make a song again and say whether it is identical",
        description="Make a song again from its manifest (song.json beside it, or in the file's own tags).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("song", type=Path, metavar="SONG", help="the song's file, or its .json")
    parser.add_argument("--out", dest="again", type=Path, metavar="FILE", help="write the song made again")
    parser.add_argument("--style", type=Path, metavar="FILE", help="where the file of its style lies now")
    machine = parser.add_argument_group("the machine (default: as recorded)")
    add_machine_flags(machine)
    add_lora_flag(machine)
    add_config_flag(machine)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Make it again; 0 where the samples are the same."""
    from songbloom_x2.replay import find_manifest, recorded_settings

    manifest = find_manifest(args.song)
    # Flags are stronger than the record, which is stronger than this machine's own settings.
    for name, value in recorded_settings(manifest).items():
        if not hasattr(args, name):
            setattr(args, name, value)
    if not hasattr(args, "model"):
        name = str(manifest["model"].get("name"))[:120]
        raise CheckpointError(f"{args.song}: made with the model '{name}': say where it lies with --model DIR")
    if args.again is None:
        return _run(args, manifest, None)
    from songbloom_x2.cli.outputs import OutputPlan

    with OutputPlan(args.again, None, 1) as outputs:
        return _run(args, manifest, outputs)


def _run(args: argparse.Namespace, manifest: dict[str, Any], outputs: OutputPlan | None) -> int:
    from songbloom_x2.cli.interrupts import held_back
    from songbloom_x2.cli.loading import load_pipeline
    from songbloom_x2.cli.progress import ProgressLines
    from songbloom_x2.replay import recorded_loras, replay
    from songbloom_x2.song_files import save_song

    settings = settings_of(args)
    # Adapters are taken from where they were, unless it is said where they are now.
    pipeline = load_pipeline(settings, explain=False, loras=lora_choices(args.lora) or recorded_loras(manifest))
    lines = ProgressLines(1)
    try:
        made = replay(pipeline, manifest, style=args.style, observer=lines)
        if outputs is not None:
            with held_back():
                saved = save_song(
                    made.song,
                    outputs.paths[0],
                    format=outputs.format,
                    loudness=settings["output.loudness"],
                    true_peak_ceiling=settings["output.true_peak_ceiling"],
                )
            lines.line(f"{saved.audio}: written")
    finally:
        lines.close()
    digest = made.song.manifest["result"]["samples_sha256"]
    if made.identical:
        print(f"identical: {args.song}, samples sha256 {digest}")
        return 0
    print(f"different: {args.song}, samples sha256 {manifest['result']['samples_sha256']} recorded, {digest} here")
    for line in made.differences or ("nothing else that is recorded differs: another processor, or a damaged record",):
        print(f"  {line}")
    return DIFFERENT
