"""``songbloom lyrics``: check what people wrote, print it in the released grammar, turn text into phonemes."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songbloom_x2.config import LyricsConfig
    from songbloom_x2.text.prepare import LyricsReport

EPILOG = """\
examples:
  songbloom lyrics check words.txt --duration 60
  songbloom lyrics check words.txt --model songbloom_full_150s --json
  songbloom lyrics format words.txt > song.txt
  songbloom lyrics phonemes --input lines.jsonl
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lyrics`` with its three commands."""
    parser = subparsers.add_parser(
        "lyrics",
        help="check lyrics, print their grammar, turn text into phonemes",
        description="Check lyrics before they are sung, print them in the released grammar, or show phonemes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", required=True)
    check = commands.add_parser(
        "check",
        help="tell what would be guessed, dropped or cut, and how long it takes",
        epilog="example: songbloom lyrics check words.txt --duration 60",
    )
    _add_lyrics(check)
    check.add_argument("--duration", type=float, metavar="S", help="warn if the words need more seconds than this")
    check.add_argument("--strict", action="store_true", help="exit with code 1 if there is a warning")
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.set_defaults(func=run_check)
    shape = commands.add_parser(
        "format",
        help="print the released grammar, and on stderr what changed",
        epilog="example: songbloom lyrics format words.txt > song.txt",
    )
    _add_lyrics(shape)
    shape.add_argument("--no-diff", action="store_true", help="do not show what changed")
    shape.set_defaults(func=run_format)
    phonemes = commands.add_parser(
        "phonemes",
        help="add the released models' phonemes to lines of JSON",
        epilog="example: songbloom lyrics phonemes --input lines.jsonl",
    )
    phonemes.add_argument("--input", required=True, type=Path, metavar="FILE", help='lines like {"text": "Hello"}')
    phonemes.add_argument("--output", type=Path, metavar="FILE", help="where to write (default: stdout)")
    phonemes.set_defaults(func=run_phonemes)


def _add_lyrics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a text file in UTF-8; - reads stdin")
    parser.add_argument(
        "--model", default="embedded", metavar="NAME|DIR", help="whose vocabulary and limits (embedded)"
    )
    parser.add_argument("--instrumental", action="store_true", help="allow lyrics without words")


def run_check(args: argparse.Namespace) -> int:
    """Print the findings and the sections; 1 with ``--strict`` and a warning."""
    config, instrumental_seconds = _shape(args.model)
    report, _ = _report(args, config, instrumental_seconds, args.duration)
    if args.json:
        print(json.dumps(_as_json(report, config), ensure_ascii=False, indent=2))
    else:
        _print_report(args.file, report, config)
    warned = any(finding.severity != "note" for finding in report.prepared.findings)
    return 1 if args.strict and warned else 0


def run_format(args: argparse.Namespace) -> int:
    """Print the grammar on stdout and the difference on stderr."""
    from difflib import unified_diff

    from songbloom_x2.text.grammar import by_lines

    config, instrumental_seconds = _shape(args.model)
    report, given = _report(args, config, instrumental_seconds, None)
    print(report.prepared.text)
    if not args.no_diff and report.prepared.text != given.strip("\n"):
        made = by_lines(report.prepared.text)
        for line in unified_diff(given.splitlines(), made, args.file, "released grammar, by lines", lineterm=""):
            print(line, file=sys.stderr)
    return 0


def run_phonemes(args: argparse.Namespace) -> int:
    """Write each line of JSON again with ``phonemes``; a bad line gets ``error`` instead, and the exit code is 1."""
    from songbloom_x2.cli.generate import read_lyrics
    from songbloom_x2.errors import LyricsError
    from songbloom_x2.text.phonemize import phonemize
    from songbloom_x2.text.vocabulary import released_vocabulary

    passing = frozenset(released_vocabulary())
    lines = [line for line in read_lyrics(f"@{args.input}").splitlines() if line.strip()]
    records = [_record(line) for line in lines]
    for record in records:
        if "error" not in record:
            record["phonemes"] = phonemize(record["text"], passing)
    written = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    if args.output is None:
        print(written, end="")
    else:
        try:
            args.output.write_text(written, encoding="utf-8")
        except OSError as error:
            raise LyricsError(f"'{args.output}': cannot be written: {error.strerror}") from None
    bad = sum("error" in record for record in records)
    if bad:
        print(f'songbloom: {bad} of {len(lines)} lines are not JSON with a "text"', file=sys.stderr)
    return 1 if bad else 0


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return {"error": "not JSON", "line": line[:200]}
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        return {"error": 'no "text"', "line": line[:200]}
    return record


def _report(
    args: argparse.Namespace, config: LyricsConfig, instrumental_seconds: float, duration: float | None
) -> tuple[LyricsReport, str]:
    from songbloom_x2.cli.generate import read_lyrics
    from songbloom_x2.text.prepare import report_lyrics

    text = read_lyrics(f"@{args.file}")
    report = report_lyrics(
        text,
        config,
        instrumental_seconds=instrumental_seconds,
        instrumental=args.instrumental,
        duration=duration,
    )
    return report, text


def _shape(model: str) -> tuple[LyricsConfig, float]:
    """Return a model's lyrics configuration and the length of an instrumental tag, without loading its weights."""
    from songbloom_x2.config import LyricsConfig
    from songbloom_x2.text.vocabulary import released_vocabulary
    from songbloom_x2.train.embedded import embedded_config

    if model == "embedded":
        config = embedded_config()
        return config.lyrics, config.instrumental_seconds
    released = {
        "songbloom_full_150s": (600, 1.0),
        "songbloom_full_150s_dpo": (600, 1.0),
        "songbloom_full_240s": (1000, 5.0),
    }
    if model in released:
        rows, seconds = released[model]
        return LyricsConfig(released_vocabulary(), max_len=rows), seconds
    return _shape_of_folder(Path(model))


def _shape_of_folder(path: Path) -> tuple[LyricsConfig, float]:
    from songbloom_x2.checkpoints.config_json import config_from_json
    from songbloom_x2.checkpoints.fields import Fields
    from songbloom_x2.checkpoints.released_yaml import find_released, read_released
    from songbloom_x2.checkpoints.safe_yaml import read_json

    file = path / "config.json"
    if file.is_file():
        config = config_from_json(Fields(read_json(file), file.name).value("config"), file.name)
    else:
        config = read_released(find_released(path)).config
    return config.lyrics, config.instrumental_seconds


def _as_json(report: LyricsReport, config: LyricsConfig) -> dict[str, Any]:
    prepared = report.prepared
    return {
        "text": prepared.text,
        "rows": len(prepared.ids),
        "most_rows": config.max_len,
        "estimated_seconds": prepared.estimated_seconds,
        "sections": [dataclasses.asdict(section) for section in report.sections],
        "findings": [dataclasses.asdict(finding) for finding in prepared.findings],
    }


def _print_report(file: str, report: LyricsReport, config: LyricsConfig) -> None:
    prepared = report.prepared
    print("line  section     words  syllables  seconds")
    for section in report.sections:
        numbers = f"{section.words:5d}  {section.syllables:9d}  {section.seconds:7.1f}"
        print(f"{section.line:4d}  {section.tag:10s}  {numbers}")
    print(f"about {prepared.estimated_seconds:.0f} s in all; {len(prepared.ids)} rows of at most {config.max_len}")
    for finding in prepared.findings:
        print(f"{file}:{finding.line}:{finding.column}: {finding.severity}: {finding.message} [{finding.code}]")
