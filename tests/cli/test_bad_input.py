"""Bad input of every kind: one line, exit code 2, no traceback, and nothing on disk that was not there before."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from songbloom_x2.audio import atomic
from songbloom_x2.cli import main

WORDS = "[verse] City lights are calling me home."


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of the refusal."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        code = stopped.code  # type: ignore[assignment]  # argparse exits with a number
    printed = capsys.readouterr()
    assert code == 2, printed.err
    assert printed.out == ""
    assert printed.err.startswith("songbloom") and printed.err.count("\n") == 1, printed.err
    assert len(printed.err) < 500 and printed.err[:-1].isprintable()
    return printed.err


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "empty"),
        (" \n\t\n", "empty"),
        ("[verse] [chorus]", "lyrics"),
        ("[intro]\n[inst]\n[outro]", "lyrics"),
        ("[vrese] City lights.", "[verse]"),
        ("[zzzzqqq] City lights.", "zzzzqqq"),
        ("a" * 2**20, "lyrics"),
        ("words " * 170_000, "lyrics"),
        ("[verse] City\0lights.", "NUL"),
        ("[verse] שלום עולם.", "right-to-left"),
        ("[verse] City lights. مرحبا", "right-to-left"),
        ("[verse] \u202eCity lights.", "lyrics|right-to-left|control"),
        ("[verse] 🎵🎵🎵", "sung"),
        ("[verse] \ufffe\uffff", "sung"),
        ("[[[[[[", "sung|tag|lyrics"),
        ("[" * 5000, "sung|tag|lyrics|line"),
    ],
    ids=lambda value: ascii(value[:24]),
)
@pytest.mark.parametrize("as_file", [False, True], ids=["text", "file"])
def test_lyrics(
    words: str, said: str, as_file: bool, endless_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = words
    if as_file:
        (tmp_path / "words.txt").write_text(words, encoding="utf-8")
        given = "@words.txt"
    before = contents(tmp_path)
    arguments = ["generate", "--lyrics", given, "--model", endless_model, "--duration", "0.32", "--set", "steps=1"]
    if words == "[verse] \u202eCity lights.":
        # An invisible sign is taken out with a warning; the words are sung.
        assert main([str(argument) for argument in arguments]) == 0
        assert "warning" in capsys.readouterr().err
        return
    line = refused(capsys, *arguments, "--out", "new/song.flac")
    assert any(word in line for word in said.split("|")), line
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("missing", None),
        ("empty", {}),
        ("text", {"notes.txt": b"no model"}),
        ("file.flac", b"not a model"),
        ("config.yaml", b"runtime: {device: cpu}\n"),
        ("damaged", {"config.json": b"{"}),
        ("half", {"model.yaml": b"model: {}\n"}),
        ("weights.pt", b"\x80\x04N."),
        ("nul\0name", None),
        ("long" * 100, None),
    ],
)
def test_models(
    name: str, data: bytes | dict[str, bytes] | None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "models" / name
    place.parent.mkdir()
    if isinstance(data, bytes):
        place.write_bytes(data)
    elif data is not None:
        place.mkdir()
        for file, held in data.items():
            (place / file).write_bytes(held)
    before = contents(tmp_path)
    for arguments in (
        ["generate", "--lyrics", WORDS, "--out", "new/song.flac", "--model", place],
        ["verify", place],
        ["models", "info", place],
        ["models", "convert", place, "--out", "new/model"],
    ):
        refused(capsys, *arguments)
        assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "options",
    [
        ["--seed", "-1"],
        ["--seed", "1e3"],
        ["--seed", str(2**64)],
        ["--seed", "9" * 6000],
        ["--duration", "0"],
        ["--duration", "-1"],
        ["--duration", "1e99"],
        ["--duration", "nan"],
        ["--duration", "ten"],
        ["--n", "0"],
        ["--n", "-5"],
        ["--n", "100000"],
        ["--n", "1.5"],
        ["--format", "aac"],
        ["--format", ""],
        ["--out", "song.doc"],
        ["--out", ""],
        ["--out", "a\0b.flac"],
        ["--out", f"{'long' * 100}.flac"],
        ["--loudness", "1"],
        ["--loudness", "nan"],
        ["--batch-size", "-1"],
        ["--threads", "0"],
        ["--set", "top_k=-1"],
        ["--set", "temperature=nan"],
        ["--set", "=1"],
        ["--config", "missing.yaml"],
        ["--no-such-option"],
    ],
    ids=lambda options: " ".join(options)[:30].replace("\0", "NUL"),
)
def test_values(options: list[str], endless_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    refused(capsys, "generate", "--lyrics", WORDS, "--model", endless_model, *options)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("out", ["/proc/songs/song.flac", "/dev/null/song.flac", "file/song.flac"])
def test_places_where_nothing_can_be_written_also_by_root(
    out: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    line = refused(capsys, "generate", "--lyrics", WORDS, "--out", out)
    assert "choose another place" in line and str(Path(out).parent) in line
    songs = tmp_path / "songs.jsonl"
    songs.write_text('{"idx": "a", "lyrics": "[verse] City lights."}\n')
    line = refused(capsys, "generate", "--input-jsonl", songs, "--output-dir", Path(out).parent / "d")
    assert "choose another place" in line
    assert sorted(contents(tmp_path)) == ["file", "songs.jsonl"]


def test_a_read_only_file_system(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*arguments: Any, **options: Any) -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    assert "Read-only file system" in refused(capsys, "generate", "--lyrics", WORDS, "--out", "new/song.flac")
    assert contents(tmp_path) == {}


def test_the_disk_fills_up_with_the_manifest(
    endless_model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = atomic._write

    def full(path: Path, data: bytes) -> None:
        if not data.startswith(b"fLaC"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written(path, data)

    monkeypatch.setattr(atomic, "_write", full)
    options = ["--duration", "0.32", "--set", "steps=1", "--out", "new/song.flac"]
    assert main(["generate", "--lyrics", WORDS, "--model", str(endless_model), *options]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "No space left on device" in last and "new/song.json" in last
    assert contents(tmp_path) == {}
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "song.flac").write_bytes(b"an older song")
    assert main(["generate", "--lyrics", WORDS, "--model", str(endless_model), *options]) == 2
    assert contents(tmp_path / "new") == {"song.flac": b"an older song"}


@pytest.mark.long
def test_the_disk_fills_up_with_the_song(environment: Mapping[str, str], endless_model: Path, tmp_path: Path) -> None:
    """A process that may write 4 kB to a file, as if there were no more room: true for root as well."""
    options = ["--duration", "1.28", "--set", "steps=1", "--out", "new/song.wav"]
    made = subprocess.run(
        [sys.executable, "-m", "songbloom_x2", "generate", "--lyrics", WORDS, "--model", str(endless_model), *options],
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert made.returncode == 2, made.stderr
    assert made.stdout == "" and "Traceback" not in made.stderr
    assert "song.wav: cannot be written: File too large" in made.stderr.splitlines()[-1]
    assert contents(tmp_path) == {}
