"""What the repository says about itself holds: extras, lock, README, quick start."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]


def canonical(requirement: str) -> str:
    """The bare name of a requirement, as indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()


def script(name: str) -> ModuleType:
    """A program of ``scripts/`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_promised_extra_is_there() -> None:
    assert set(EXTRAS) == {"zh", "ui", "server", "ray", "train", "eval", "export", "hub", "dev", "all"}
    assert EXTRAS["all"] == [f"songbloom-x2[{','.join(name for name in EXTRAS if name not in ('dev', 'all'))}]"]


def test_the_lock_pins_everything_the_project_asks_for() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[^ ;]+( ; python_version .*)?", pin) for pin in pins)
    pinned = {canonical(pin) for pin in pins}
    asked = [*PROJECT["dependencies"], *(item for extra in EXTRAS.values() for item in extra)]
    assert {canonical(item) for item in asked} - {"songbloom-x2"} <= pinned
    assert "://" not in "".join(lines)


def test_the_lock_has_a_line_for_each_python() -> None:
    """A package pinned differently by Python has one pin for each, so that none is left open."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    numpy = [line for line in lines if line.startswith("numpy==")]
    pythons = sorted(python for line in numpy for python in re.findall(r'"(3\.\d+)"', line))
    assert pythons == ["3.10", "3.11", "3.12", "3.13"]


def test_readme_tree_is_that_of_today() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert script("tree").written(readme) == readme, "run: python scripts/tree.py --write"


def test_requirements_are_those_of_the_lock() -> None:
    written = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert script("make_requirements").requirements() == written, "run: python scripts/make_requirements.py"


def test_hashed_packages_are_those_that_were_tested() -> None:
    """requirements.lock holds nothing but the lock's versions, and all that requirements.txt asks for but torch."""
    pins = {line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line}
    versions = {(canonical(pin), pin.split("==")[1].split(" ")[0]) for pin in pins}
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    locked = [re.fullmatch(r"([a-z0-9-]+)==(\S+) --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    assert all(locked)
    found = {(match[1], match[2]) for match in locked if match}
    assert found <= versions
    asked = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {canonical(line) for line in asked if "==" in line} - {"torch"} <= {name for name, _ in found}


def test_every_module_says_what_it_is() -> None:
    tree = script("tree")
    modules = [path for path in tree.PACKAGE.rglob("*.py") if path.read_text(encoding="utf-8")]
    silent = [path for path in modules if not tree.sentence(path)]
    assert silent == []


def test_readme_links_lead_somewhere() -> None:
    for document in ROOT.glob("*.md"):
        targets = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
        missing = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
        assert missing == [], document


def quickstart(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the quick start away from its folder, without a terminal."""
    command = ["bash", str(ROOT / "quickstart.sh"), *arguments]
    variables = {**os.environ, **environment}
    return subprocess.run(command, cwd="/", env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_quickstart_without_arguments_or_terminal_shows_the_usage() -> None:
    made = quickstart()
    assert made.returncode == 0
    assert made.stdout.startswith("usage: ./quickstart.sh COMMAND")
    assert all(f"\n  {command} " in made.stdout for command in ("song", "own", "studio", "server", "doctor", "test"))


@pytest.mark.parametrize("arguments", [("dance",), ("song", "test")])
def test_quickstart_refuses_what_it_does_not_know(arguments: tuple[str, ...]) -> None:
    made = quickstart(*arguments)
    assert made.returncode == 1
    assert made.stderr.splitlines()[-1].startswith("quickstart: ")


def fresh_copy(folder: Path) -> Path:
    """The quick start alone, in a folder without ``.venv``."""
    for name in ("quickstart.sh", "pyproject.toml", "constraints.txt"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder / "quickstart.sh"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ('case "$*" in *version_info*) exit 1;; --version) echo Python 3.8.20;; esac', "Python 3.8.20 is too old"),
        ('case "$*" in *ensurepip*) exit 1;; esac', "python3-venv"),
    ],
)
def test_quickstart_says_what_is_wrong_with_the_python(program: str, said: str, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755)
    made = subprocess.run(
        ["bash", str(fresh_copy(tmp_path)), "song"],
        env={**os.environ, "PYTHON": str(python)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 1
    assert made.stderr.count("\n") == 1 and said in made.stderr
    assert not (tmp_path / ".venv").exists()


def test_quickstart_names_a_python_that_is_not_there(tmp_path: Path) -> None:
    made = subprocess.run(
        ["bash", str(fresh_copy(tmp_path)), "song"],
        env={**os.environ, "PYTHON": "python9"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 1
    assert "python9 was not found" in made.stderr


def test_every_test_is_in_one_of_the_two_runs() -> None:
    """The everyday run leaves out what is marked long and nothing else; the other one takes just that."""
    options = PYPROJECT["tool"]["pytest"]["ini_options"]
    chosen = [word for word in shlex.split(options["addopts"]) if not word.startswith(("--strict-", "--import-mode="))]
    assert chosen == ["-m", "not long"] and options["testpaths"] == ["tests"]
    assert not {"norecursedirs", "python_files", "python_functions", "collect_imported_tests"} & set(options)
    runs = re.findall(r'^ *"\$bin/python" -m pytest(.*)$', (ROOT / "quickstart.sh").read_text(encoding="utf-8"), re.M)
    assert runs == ["", " -m long"]
