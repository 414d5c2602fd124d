"""The examination finds what is wrong, says what to do, and its exit code says whether to worry."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from songbloom_x2.checkpoints.download_record import RecordedFile, write_record
from songbloom_x2.cli import main
from songbloom_x2.doctor import libraries, machine, songs
from songbloom_x2.doctor.finding import Finding


def test_a_sound_installation_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    areas = {finding["area"] for finding in report["findings"]}
    assert {"python", "libraries", "cpu", "memory", "gpu", "settings", "disk", "model", "audio", "fonts"} <= areas
    assert report["ok"] and all(found["advice"] for found in report["findings"] if found["state"] == "problem")
    told = [found["told"] for found in report["findings"]]
    assert any(line.startswith("embedded: whole") for line in told)
    assert {"wav", "flac", "mp3", "opus"} <= {line.partition(":")[0] for line in told}


def test_a_bad_settings_file_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("models:\n  default: nowhere\nruntim:\n  x: 1\n", encoding="utf-8")
    assert main(["doctor", "--config", str(config)]) == 1
    said = capsys.readouterr().out
    assert "PROBLEM settings" in said and "1 to be put right" in said


def test_damaged_downloads_and_missing_models_are_problems(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.pt").write_bytes(b"abc")
    good = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    files = {"a.pt": RecordedFile(3, good), "b.pt": RecordedFile(1, good)}
    write_record(tmp_path / "model", files, {"model": "x"})
    found = list(songs.models("embedded", tmp_path))
    assert [finding.state for finding in found] == ["ok", "ok", "problem"]
    (tmp_path / "model" / "a.pt").write_bytes(b"abd")
    assert [finding.state for finding in songs.models("nowhere", tmp_path)] == ["problem", "problem", "problem"]


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        (found,) = songs.port("127.0.0.1", number)
    assert found.state == "note" and "--port" in found.advice
    (free,) = songs.port("127.0.0.1", 0)
    assert free.state == "ok"


def test_an_old_processor_is_told(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("model name : Old One\nflags : fpu sse2\n", encoding="utf-8")
    (found,) = machine.processor(info)
    assert "Old One" in found.told and (found.state == "note" or os.uname().machine != "x86_64")


def test_a_folder_without_rights_or_that_is_not_there_yet(tmp_path: Path) -> None:
    (found,) = machine.disk({"songs": tmp_path / "not" / "yet"})
    assert found.state == "ok" and str(tmp_path) in found.told


def test_a_package_that_is_missing_is_a_problem() -> None:
    found = libraries._package("songbloom-no-such-package")
    assert found.state == "problem" and "pip install" in found.advice


def test_lines_for_people() -> None:
    assert Finding("gpu", "problem", "none", "buy one").line() == "PROBLEM gpu: none -> buy one"
    assert Finding("gpu", "ok", "none").line() == "ok      gpu: none"
