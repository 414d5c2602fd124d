"""Every command and code block of README and guide is run, in short songs, or listed here with the reason why not."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from songbloom_x2.cli import main

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "docs/guide.md")
SHORT = {"SONGBLOOM_SAMPLING_MAX_FRAMES": "32", "SONGBLOOM_SAMPLING_STEPS": "2", "SONGBLOOM_RUNTIME_THREADS": "2"}
NOT_RUN = {
    "./quickstart.sh": "installs; tests/test_packaging.py runs what can be run without",
    "python3 -m venv": "installs",
    ".venv/bin/pip": "installs",
    ".venv/bin/songbloom doctor": "the environment is not made here; songbloom doctor is run",
    "SONGBLOOM_TORCH_INDEX=": "installs",
    "docker ": "no container engine",
    "songbloom export onnx": "tests/export runs it on a small model; this one takes minutes",
    "songbloom export quantized": "the same",
    "songbloom export torchscript": "the same",
    "songbloom export safetensors": "the same",
    "songbloom export info output/": "wants the exports above",
    "songbloom generate --backend onnx": "wants the exports above; tests/export runs it",
    "python examples/onnx_runner.py output": "wants the exports above; tests/export runs it",
}


def commands(document: str) -> Iterator[str]:
    """Lines of indented blocks, comments taken off, those that go on in the next line joined."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.M | re.S)
    text = text.partition("<!-- tree -->")[0].replace("\\\n", " ")
    for line in text.splitlines():
        command = line.strip().partition("   #")[0].strip() if line.startswith("    ") else ""
        if re.match(r"(songbloom|python3?|docker|\.venv|\./|SONGBLOOM_)", command):
            yield command


def reason(command: str) -> str | None:
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with what a checkout has."""
    place = tmp_path_factory.mktemp("checkout")
    for name in ("examples", "scripts", "src", "tests", "docs"):
        (place / name).symlink_to(ROOT / name)
    return place


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_runs(document: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name, value in SHORT.items():
        monkeypatch.setenv(name, value)
    run = [command for command in commands(document) if reason(command) is None]
    assert len(run) >= 8
    for command in run:
        program, *arguments = shlex.split(re.sub(r"--duration \d+", "--duration 1.3", command))
        if program == "songbloom":
            assert main(arguments) == 0, command
        else:
            assert program == "python", command
            done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
            assert done.returncode == 0, (command, done.stderr)


def test_nothing_is_excused_that_is_not_there() -> None:
    told = [command for document in DOCUMENTS for command in commands(document)]
    assert [start for start in NOT_RUN if not any(command.startswith(start) for command in told)] in (
        [],
        [".\\quickstart.ps1"],
    )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_blocks_run(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SHORT.items():
        monkeypatch.setenv(name, value)
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text(encoding="utf-8"), flags=re.M | re.S)
    for block in blocks:
        # Requests in the document sing to their end; here a second is enough.
        short = textwrap.dedent(block).replace("seed=7)", "seed=7, duration=1.3, sampling={'steps': 2})")
        exec(compile(short, document, "exec"), {})


def test_commands_in_tables_are_commands() -> None:
    """Every ``songbloom ...`` in backticks names a command that there is, with flags that it has."""
    from songbloom_x2.cli.parser import build_parser

    for document in (*DOCUMENTS, "docs/implementation.md", "CHANGELOG.md"):
        for told in re.findall(r"`songbloom ([^`]+)`", (ROOT / document).read_text(encoding="utf-8")):
            words = [word for word in told.split() if re.fullmatch(r"[a-z][a-z-]*", word)][:2]
            shown = help_of(words if len(words) == 2 and is_command(words) else words[:1])
            flags = re.findall(r"--[a-z][a-z-]*", told)
            assert all(flag in shown for flag in flags), (document, told)
    assert build_parser(())


def is_command(words: list[str]) -> bool:
    try:
        main([*words, "--help"])
    except SystemExit as stopped:
        return stopped.code == 0
    return False


def help_of(words: list[str]) -> str:
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as stopped:
        main([*words, "--help"])
    assert stopped.value.code == 0, words
    return printed.getvalue()


def test_links_lead_somewhere() -> None:
    for document in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
        missing = [link for link in targets if "://" not in link and not (document.parent / link).exists()]
        assert missing == [], document


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEBOOK_SECONDS", "1.3")
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    notebook = nbformat.read(ROOT / "notebooks" / "quickstart_tutorial.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    client = NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    audio = [out for cell in notebook.cells for out in cell.get("outputs", ()) if "text/html" in out.get("data", {})]
    pictures = [out for cell in notebook.cells for out in cell.get("outputs", ()) if "image/png" in out.get("data", {})]
    assert audio and len(pictures) >= 2
