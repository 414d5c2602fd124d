"""``songbloom eval``: make songs from lyrics that were never trained on, and measure what a listener would notice."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songbloom_x2.evaluate.transcribe import Transcriber
    from songbloom_x2.pipeline import SongPipeline
    from songbloom_x2.types import Song


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "eval",
        help="make songs and measure words, pitch, endings and level",
        description="Make songs of the lyrics in a JSONL file (lines with idx, lang, lyrics) with the model's named "
        "styles in turn, and measure them. Word errors are those of Whisper base (extra 'eval').",
        epilog="example: songbloom eval --lyrics-file examples/eval.jsonl --songs 20 --json",
    )
    parser.add_argument("--lyrics-file", type=Path, required=True, metavar="FILE.jsonl")
    parser.add_argument("--songs", type=int, default=20, metavar="N", help="songs to make (default 20)")
    parser.add_argument("--model", default="embedded", metavar="NAME|DIR")
    parser.add_argument("--style", default=None, help="one style for all songs (default: the model's, in turn)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="sampling, e.g. steps=24")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=None, metavar="DIR", help="keep songs and each song's figures here")
    parser.add_argument("--cache", type=Path, default=Path("runs/eval-cache"), help="where Whisper's files are joined")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON on stdout")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Make, measure, summarise."""
    from songbloom_x2.config import RuntimeConfig
    from songbloom_x2.evaluate.transcribe import Transcriber
    from songbloom_x2.pipeline import SongPipeline

    lines = _lines(args.lyrics_file)
    settings = _settings(args.set)
    pipeline = SongPipeline.from_pretrained(args.model, RuntimeConfig(threads=args.threads))
    transcriber = Transcriber(args.cache)
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
    figures = []
    for number in range(args.songs):
        line = lines[number % len(lines)]
        styles = pipeline.styles
        style = args.style or (styles[number % len(styles)] if styles else None)
        found = _measured(pipeline, transcriber, line, style, args.seed + number, settings, args.out, number)
        figures.append(found)
        print(f"song {number + 1} of {args.songs}: {json.dumps(found)}", file=sys.stderr, flush=True)
    summary = _summary(figures)
    if args.out is not None:
        (args.out / "figures.json").write_text(json.dumps({"summary": summary, "songs": figures}, indent=1) + "\n")
    if args.json:
        print(json.dumps(summary))
    else:
        for name, value in summary.items():
            print(f"{name:20} {value['mean']:8.4f} ± {value['ci95']:.4f}  ({value['n']} songs)")
    return 0


def _lines(path: Path) -> list[dict[str, Any]]:
    from songbloom_x2.errors import ConfigError

    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"--lyrics-file {path}: {error}: give lines of JSON with 'lyrics'") from error
    if not lines or not all(isinstance(line, dict) and isinstance(line.get("lyrics"), str) for line in lines):
        raise ConfigError(f"--lyrics-file {path}: every line must be a JSON object with 'lyrics'")
    return lines


def _settings(words: list[str]) -> dict[str, Any]:
    import yaml

    from songbloom_x2.errors import ConfigError

    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"--set {word}: write NAME=VALUE, for example steps=24")
        settings[name] = yaml.safe_load(value)
    return settings


def _measured(
    pipeline: SongPipeline,
    transcriber: Transcriber,
    line: dict[str, Any],
    style: str | None,
    seed: int,
    settings: dict[str, Any],
    out: Path | None,
    number: int,
) -> dict[str, Any]:
    """Make one song and measure it."""
    import numpy as np

    from songbloom_x2.audio.files import write_audio
    from songbloom_x2.audio.loudness import integrated_lufs
    from songbloom_x2.evaluate.pitch import measured_pitch, notes_within, sketch_notes
    from songbloom_x2.evaluate.words import word_errors
    from songbloom_x2.types import SongRequest, Waveform

    request = SongRequest(lyrics=line["lyrics"], style=style, seed=seed, sampling=settings)
    song = pipeline.generate(request)[0]
    language = line.get("lang", "en")
    mix = word_errors(line["lyrics"], transcriber(_mono(song.waveform), language))
    samples = song.waveform.samples
    found: dict[str, Any] = {
        "idx": line.get("idx", number),
        "style": style,
        "seed": seed,
        "seconds": round(song.waveform.seconds, 2),
        "ending": song.manifest["result"]["ending"],
        "wer_mix": mix.rate,
        "words": mix.length,
        "lufs": round(integrated_lufs(song.waveform), 2),
        "peak": round(float(np.abs(samples).max()), 4),
        "real_time_factor": round(song.manifest["timings"]["real_time_factor"], 3),
    }
    layout = pipeline.config.alignment.layout if pipeline.config.alignment else None
    if layout is not None:
        voice = _voice(pipeline, song)
        heard = transcriber(_mono(voice), language)
        found |= {"wer_voice": word_errors(line["lyrics"], heard).rate, "heard": heard}
        midi, times = measured_pitch(_mono(voice))
        good, measured = notes_within(sketch_notes(song.tokens, layout), midi, times)
        found |= {"pitch_within_50c": good / max(1, measured), "notes": measured}
        if out is not None:
            write_audio(out / f"{number:03d}-voice.flac", Waveform(voice.samples, voice.sample_rate), format="flac")
    if out is not None:
        write_audio(out / f"{number:03d}.flac", song.waveform, format="flac")
    return found


def _voice(pipeline: SongPipeline, song: Song) -> Any:
    """The voice's stem of a song of the embedded model."""
    voice, _ = pipeline.stems(song)
    return voice


def _mono(waveform: Any) -> Any:
    from songbloom_x2.audio.mixdown import to_mono
    from songbloom_x2.audio.resample import resample
    from songbloom_x2.evaluate.transcribe import WHISPER_RATE

    return resample(to_mono(waveform), WHISPER_RATE).samples[0]


def _summary(figures: list[dict[str, Any]]) -> dict[str, dict[str, float | int]]:
    from songbloom_x2.evaluate.statistics import summary

    out = {}
    for name, weight in (("wer_voice", "words"), ("wer_mix", "words"), ("pitch_within_50c", "notes")):
        chosen = [f for f in figures if name in f and f[weight]]
        out[name] = summary([f[name] for f in chosen], [f[weight] for f in chosen])
    out["ends_by_itself"] = summary([float(f["ending"] == "end") for f in figures])
    for name in ("seconds", "lufs", "peak", "real_time_factor"):
        out[name] = summary([f[name] for f in figures])
    return out
