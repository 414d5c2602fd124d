"""Every example of docs/server.md does what the page says."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

PAGE = (Path(__file__).parents[2] / "docs" / "server.md").read_text(encoding="utf-8")
PLACE = "http://127.0.0.1:8000"
Serve = Callable[..., "contextlib.AbstractContextManager[Any]"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def place(serve: Serve, aligned_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """A server whose tiny model is called as the page calls it, and a folder with a sound and the command."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(aligned_model, folder / "embedded")
    shutil.copy(Path(__file__).parent / "tone.wav", folder / "prompt.wav")
    command = folder / "bin" / "songbloom"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m songbloom_x2 "$@"\n')
    command.chmod(0o755)
    with serve(folder / "data", "--model", folder / "embedded") as running:
        yield running, folder


@pytest.fixture
def run(place: tuple[Any, Path], surroundings: Mapping[str, str]) -> Callable[..., str]:
    server, folder = place

    def run(program: str, text: str) -> str:
        variables = {
            **surroundings,
            "PATH": os.pathsep.join((str(folder / "bin"), surroundings["PATH"])),
            "SONGBLOOM_JOBS_DATA_DIR": str(server.data),
        }
        text = text.replace(PLACE, server.url).replace('"duration": 10', '"duration": 1')
        command = [sys.executable, "-c", text] if program == "python" else ["bash", "-euo", "pipefail", "-c", text]
        made = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=1200)
        assert made.returncode == 0, f"{text}\n{made.stdout}\n{made.stderr}"
        assert "urn:songbloom:problem" not in made.stdout, f"{text}\n{made.stdout}"
        return made.stdout

    return run


def test_the_examples_for_the_shell(run: Callable[..., str], place: tuple[Any, Path]) -> None:
    """One after the other: the last ones make and revoke keys, which closes the server to those before them."""
    for text in blocks("sh"):
        if "keys create" in text:
            run("python", blocks("python")[0])
        run("bash", text)
    _, folder = place
    assert (folder / "song.mp3").stat().st_size > 1000
    assert (folder / "speech.mp3").stat().st_size > 1000
    assert (folder / "heard.wav").stat().st_size > 48_000
