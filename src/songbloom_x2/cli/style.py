"""``songbloom style``: the styles that come with a model, how they sound, and mixes of them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from songbloom_x2.cli.settings_flags import add_config_flag, add_machine_flags, settings_of
from songbloom_x2.config import DEFAULT_MIX_METHOD, FRAME_RATE, MixMethod
from songbloom_x2.errors import StyleError
from songbloom_x2.settings.folders import styles_folder

if TYPE_CHECKING:
    from songbloom_x2.types import Style

SUFFIX = ".style.safetensors"
"""Ending of a saved style's file; as ``editing.style_file`` has it, which would import torch."""

EPILOG = """\
examples:
  songbloom style list
  songbloom style play "country female slow" --out country.wav
  songbloom style mix rock:0.7 prompt.wav:0.3 --out mine
  songbloom generate --lyrics @words.txt --style "country female slow"
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``style`` with its two commands."""
    parser = subparsers.add_parser(
        "style",
        help="list the styles that come with a model, hear and mix them",
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
    mix = commands.add_parser(
        "mix",
        help="several styles as one, kept under a name",
        epilog="example: songbloom style mix rock-dawn:0.7 prompt.wav:0.3 --out mine; then: generate --style mine",
    )
    mix.add_argument("parts", nargs="+", metavar="STYLE:WEIGHT", help="a style (name, words or file) and its weight")
    mix.add_argument("--out", required=True, metavar="NAME|FILE", help=f"a name for --style, or a file *{SUFFIX}")
    mix.add_argument(
        "--method", choices=get_args(MixMethod), default=DEFAULT_MIX_METHOD, help="where (default %(default)s)"
    )
    mix.add_argument("--json", action="store_true", help="print what was saved as JSON")
    mix.set_defaults(func=run_mix)
    for command in (listing, play, mix):
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


def run_mix(args: argparse.Namespace) -> int:
    """Mix styles and keep the mix."""
    from dataclasses import replace

    from songbloom_x2.audio.atomic import write_atomically
    from songbloom_x2.cli.loading import load_pipeline
    from songbloom_x2.editing.style_file import style_bytes
    from songbloom_x2.style_mixes import mix_of

    mix = replace(mix_of(args.parts), method=args.method)
    path = _style_path(args.out)
    pipeline = load_pipeline(settings_of(args), explain=False)
    style = pipeline.mix_styles(mix)
    name = path.name.removesuffix(SUFFIX)
    if name in pipeline.styles:
        raise StyleError(f"--out {name}: a style that comes with the model is named so; choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, style_bytes(replace(style, name=name), pipeline.description["sha256"]))
    except OSError as error:
        raise StyleError(f"--out {path}: cannot be written: {error.strerror or error}; choose another place") from None
    told = _as_json(style) | {"file": str(path), "parts": {part.name: part.weight for part in style.parts}}
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        shares = ", ".join(f"{part.name} {100 * part.weight:.0f} %" for part in style.parts)
        print(f"{path}: {shares}; sing in it with --style {name}", file=sys.stderr)
    return 0


def _style_path(out: str) -> Path:
    """Where a saved style goes: among the user's own under its name, or the file that was named."""
    if out.endswith(SUFFIX):
        return Path(out)
    if not out.strip() or Path(out).name != out or out.startswith(".") or ":" in out:
        raise StyleError(f"--out {out[:80]}: must be a plain name, or a file that ends with {SUFFIX}")
    return styles_folder(os.environ) / f"{out}{SUFFIX}"


def _as_json(style: Style) -> dict[str, Any]:
    return {
        "name": style.name,
        "tags": list(style.tags),
        "tempo": None if style.tempo is None else round(style.tempo, 1),
        "key": style.key,
        "seconds": style.latents.shape[1] / FRAME_RATE,
    }
