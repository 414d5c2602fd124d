"""``songbloom style``: the styles that come with a model, and how they sound."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songbloom_x2.cli.settings_flags import add_config_flag, add_machine_flags, settings_of
from songbloom_x2.config import FRAME_RATE

if TYPE_CHECKING:
    from songbloom_x2.types import Style

EPILOG = """\
examples:
  songbloom style list
  songbloom style play "country female slow" --out country.wav
  songbloom generate --lyrics @words.txt --style "country female slow"
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``style`` with its two commands."""
    parser = subparsers.add_parser(
        "style",
        help="list the styles that come with a model, and hear them",
        description="A style is chosen by its name, by words about it (voice, kind of music, tempo, key), "
        "or by an audio file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", required=True)
    listing = commands.add_parser(
        "list", help="show names and what describes them", epilog="example: songbloom style list --json"
    )
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    listing.set_defaults(func=run_list)
    play = commands.add_parser(
        "play",
        help="write a style's sound into a file",
        epilog="example: songbloom style play 'folk female slow' --out style.wav",
    )
    play.add_argument("style", metavar="NAME|WORDS|FILE", help="a style, or a sound as the model hears it")
    play.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .wav, .flac, .mp3 or .opus")
    play.add_argument("--style-start", type=float, metavar="S", help="second of an audio file to start at")
    play.set_defaults(func=run_play)
    for command in (listing, play):
        machine = command.add_argument_group("the machine")
        add_machine_flags(machine)
        add_config_flag(machine)


def run_list(args: argparse.Namespace) -> int:
    """Print the styles."""
    from songbloom_x2.cli.loading import load_pipeline

    pipeline = load_pipeline(settings_of(args), explain=False)
    styles = pipeline.named_styles
    if args.json:
        print(json.dumps({"model": pipeline.config.name, "styles": [_as_json(style) for style in styles]}, indent=2))
    elif not styles:
        print(f"model '{pipeline.config.name}' comes without styles: give an audio file", file=sys.stderr)
    else:
        width = max(len(style.name) for style in styles)
        for style in styles:
            tempo = "      " if style.tempo is None else f"{style.tempo:3.0f}/min"
            print(f"{style.name.ljust(width)}  {tempo}  {', '.join(style.tags)}")
    return 0


def run_play(args: argparse.Namespace) -> int:
    """Decode a style and write it."""
    from songbloom_x2.audio.files import write_audio
    from songbloom_x2.audio.loudness import normalise
    from songbloom_x2.audio.tags import Tags
    from songbloom_x2.cli.interrupts import held_back
    from songbloom_x2.cli.loading import load_pipeline
    from songbloom_x2.cli.outputs import OutputPlan
    from songbloom_x2.cli.progress import ProgressLines
    from songbloom_x2.config import OutputConfig

    level = OutputConfig()
    assert level.loudness is not None
    with OutputPlan(args.out, None, 1) as outputs:
        pipeline = load_pipeline(settings_of(args), explain=False)
        style = pipeline.encode_style(args.style, args.style_start)
        ProgressLines(1).styled(0, style)
        sound = pipeline.decode_style(style)
        loud = normalise(sound, target_lufs=level.loudness, ceiling_db=level.true_peak_ceiling).waveform
        tags = Tags(title=f"style {style.name}", ai_generated=style.source is None)
        with held_back():
            write_audio(outputs.paths[0], loud, format=outputs.format, tags=tags)
    print(f"{outputs.paths[0]}: {loud.seconds:.1f} s", file=sys.stderr)
    return 0


def _as_json(style: Style) -> dict[str, Any]:
    return {
        "name": style.name,
        "tags": list(style.tags),
        "tempo": None if style.tempo is None else round(style.tempo, 1),
        "key": style.key,
        "seconds": style.latents.shape[1] / FRAME_RATE,
    }
