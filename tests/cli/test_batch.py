"""``songbloom generate --input-jsonl``: resumable, one bad line stops nothing, nothing leaves the folder."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.cli import main
from songbloom_x2.cli.song_list import ListedSong, RefusedLine, read_song_list
from songbloom_x2.errors import ConfigError

LYRICS = "[verse] City lights are calling me home."
SHORT = ["--duration", "0.32", "--set", "steps=1"]


def songbloom(*arguments: object) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(["generate", *(str(argument) for argument in arguments)])
    return code, stdout.getvalue(), stderr.getvalue()


def write_list(path: Path, *lines: Any) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a list, with a style beside it."""
    folder = tmp_path / "list"
    folder.mkdir()
    soundfile.write(folder / "prompt.wav", 0.3 * np.sin(np.arange(3 * 48000) / 30), 48000)
    return folder


def test_songs_of_a_list_and_what_is_finished_is_skipped(folder: Path, endless_model: Path) -> None:
    songs = write_list(
        folder / "songs.jsonl",
        {"idx": "first", "lyrics": LYRICS, "prompt_wav": "prompt.wav"},
        "{not json",
        "",
        {"idx": "../out", "lyrics": LYRICS, "prompt_wav": None},
        {"idx": "first", "lyrics": "[verse] Other words.", "prompt_wav": None},
        {"idx": "tags", "lyrics": "[verse]", "prompt_wav": None},
        {"idx": "style", "lyrics": LYRICS, "prompt_wav": "missing.wav"},
        {"idx": 7, "lyrics": "[verse] Dreams pass fast.", "mood": "blue"},
    )
    out = folder / "out"
    arguments = ["--input-jsonl", songs, "--output-dir", out, "--n", 2, "--model", endless_model, "--seed", 3]
    arguments += [*SHORT, "--batch-size", 3, "--json"]
    code, stdout, stderr = songbloom(*arguments)
    assert code == 1, stderr
    files = ["7_s0", "7_s1", "first_s0", "first_s1"]
    assert sorted(path.name for path in out.iterdir()) == [
        f"{name}.{kind}" for name in files for kind in ("flac", "json", "state.safetensors")
    ]
    told = json.loads(stdout)
    assert [(song["line"], song["idx"], song["seed"]) for song in told["songs"]] == [
        (1, "first", 3), (1, "first", 4), (8, "7", 3), (8, "7", 4),
    ]  # fmt: skip
    assert [line["line"] for line in told["refused"]] == [2, 4, 5, 6, 7]
    for line, word in ((2, "not JSON"), (4, "idx '../out'"), (5, "line 1"), (6, "only tags"), (7, "missing.wav")):
        assert any(f"line {line}" in said and word in said for said in stderr.splitlines()), (line, stderr)
    assert "warning: line 8: mood" in stderr
    batches = [
        json.loads((out / f"{name}.json").read_text())["batch"] for name in ("first_s0", "first_s1", "7_s0", "7_s1")
    ]
    assert [(batch["size"], batch["index"]) for batch in batches] == [(3, 0), (3, 1), (3, 2), (1, 0)]
    assert json.loads((out / "first_s0.json").read_text())["style"]["name"] == "prompt.wav"
    assert sorted(path.name for path in folder.iterdir()) == ["out", "prompt.wav", "songs.jsonl"]

    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    (out / "7_s1.json").unlink()
    whole = (out / "first_s1.flac").read_bytes()
    (out / "first_s1.flac").write_bytes(whole[: len(whole) * 2 // 3])
    code, stdout, stderr = songbloom(*arguments)
    assert code == 1
    told = json.loads(stdout)
    assert [(song["idx"], song["seed"]) for song in told["songs"]] == [("first", 4), ("7", 4)]
    assert [Path(path).name for path in told["skipped"]] == ["first_s0.flac", "7_s0.flac"]
    assert "first_s0.flac: finished already, skipped" in stderr and "7_s1.flac: its manifest is missing" in stderr
    after = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in before if after[name] == before[name]} == {
        f"{song}.{kind}" for song in ("first_s0", "7_s0") for kind in ("flac", "json", "state.safetensors")
    }


def test_another_request_is_not_finished_by_an_older_song(folder: Path, endless_model: Path) -> None:
    arguments = ["--output-dir", folder / "out", "--model", endless_model, *SHORT]
    for lyrics in (LYRICS, "[verse] Dreams pass fast."):
        songs = write_list(folder / "songs.jsonl", {"idx": "a", "lyrics": lyrics})
        code, _, stderr = songbloom("--input-jsonl", songs, *arguments)
        assert code == 0, stderr
    assert "it was made from another request; it is made again" in stderr
    assert json.loads((folder / "out" / "a_s0.json").read_text())["request"]["lyrics"] == lyrics
    code, _, stderr = songbloom("--input-jsonl", songs, *arguments)
    assert code == 0 and "0 made, 1 skipped as finished, 0 lines refused" in stderr
    (folder / "out" / "a_s0.flac").write_bytes(b"something else")
    code, _, stderr = songbloom("--input-jsonl", songs, *arguments)
    assert code == 0 and "its file is missing or damaged" in stderr and "1 made, 0 skipped" in stderr


def test_nothing_is_left_where_no_line_is_good(folder: Path, endless_model: Path) -> None:
    songs = write_list(folder / "songs.jsonl", {"idx": "a", "lyrics": ""}, "[]")
    code, _, stderr = songbloom("--input-jsonl", songs, "--output-dir", folder / "o" / "p", "--model", endless_model)
    assert code == 1 and "2 lines refused" in stderr
    assert not (folder / "o").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--input-jsonl", "songs.jsonl"], "belong together"),
        (["--output-dir", "out"], "belong together"),
        (["--input-jsonl", "none.jsonl", "--output-dir", "out"], "none.jsonl"),
        (["--input-jsonl", ".", "--output-dir", "out"], "cannot be read"),
        (["--input-jsonl", "empty.jsonl", "--output-dir", "out"], "is empty"),
        (["--input-jsonl", "songs.jsonl", "--output-dir", "songs.jsonl/out"], "songs.jsonl"),
        (["--input-jsonl", "songs.jsonl", "--output-dir", "out", "--lyrics", LYRICS], "--lyrics"),
        (["--input-jsonl", "songs.jsonl", "--output-dir", "out", "--out", "a.wav"], "--out"),
    ],
)
def test_lists_that_cannot_be_begun(
    options: list[str], said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    write_list(folder / "songs.jsonl", {"idx": "a", "lyrics": LYRICS})
    (folder / "empty.jsonl").write_text(" \n\n")
    code, stdout, stderr = songbloom(*options)
    assert code == 2 and stdout == ""
    assert stderr.count("\n") == 1 and said in stderr
    assert sorted(path.name for path in folder.iterdir()) == ["empty.jsonl", "prompt.wav", "songs.jsonl"]


@pytest.mark.parametrize(
    "idx",
    ["", ".", "..", "../a", "/etc/a", "a/b", "a\\b", "C:a", "a\0b", "a\nb", " a", "a.", ".a", "nul", "é" * 101,
     None, True, 1.5, ["a"], "\ud800"],
)  # fmt: skip
def test_an_idx_that_is_no_name_is_refused(idx: Any, tmp_path: Path) -> None:
    (entry,) = read_song_list(write_list(tmp_path / "songs.jsonl", {"idx": idx, "lyrics": LYRICS}))
    assert isinstance(entry, RefusedLine)
    assert "\n" not in entry.reason and entry.reason.isprintable()


def test_the_later_of_two_equal_names_is_refused(tmp_path: Path) -> None:
    songs = write_list(
        tmp_path / "s.jsonl", *({"idx": idx, "lyrics": LYRICS} for idx in ("a", 1, "A", "1", "\u212b", "Å"))
    )
    assert [type(entry) for entry in read_song_list(songs)] == [
        ListedSong, ListedSong, RefusedLine, RefusedLine, ListedSong, RefusedLine,
    ]  # fmt: skip


@given(idx=st.text(max_size=30), data=st.binary(max_size=60))
def test_whatever_is_listed_stays_in_the_folder(
    idx: str, data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("list")
    songs = folder / "songs.jsonl"
    songs.write_bytes(json.dumps({"idx": idx, "lyrics": LYRICS}).encode() + b"\n" + data)
    try:
        entries = read_song_list(songs)
    except ConfigError:
        return
    for entry in entries:
        if isinstance(entry, ListedSong):
            path = folder / f"{entry.idx}_s0.flac"
            assert path.resolve().parent == folder.resolve()
            assert len(path.name.encode()) < 255
