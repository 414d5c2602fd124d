"""``scripts/infer_optimized.py``: every option of the changelog acts, or is refused in one line."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "scripts" / "infer_optimized.py"
LIST = ["--input-jsonl", "songs.jsonl"]


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("infer_optimized", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_option_acts(endless_model: Path, program: ModuleType, tmp_path: Path) -> None:
    songs = tmp_path / "songs.jsonl"
    songs.write_text(json.dumps({"idx": "a", "lyrics": "[verse] City lights."}) + "\n")
    options = ["--model-name", endless_model.name, "--local-dir", endless_model.parent, "--input-jsonl", songs]
    options += ["--output-dir", tmp_path / "out", "--n-samples", 2, "--dtype", "bfloat16", "--quantization", "int8"]
    options += ["--optimization-level", "minimal", "--batch-size", 2, "--cfg-coef", 2.5, "--steps", 3, "--top-k", 11]
    options += ["--max-duration", 0.64]
    assert program.songbloom(program.arguments_of([str(option) for option in options])) == 0
    names = [f"a_s{take}.{ending}" for take in (0, 1) for ending in ("flac", "json", "state.safetensors")]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    manifest = json.loads((tmp_path / "out" / "a_s1.json").read_text())
    sampling = manifest["sampling"]
    assert (sampling["cfg_lm"], sampling["cfg_diff"], sampling["steps"], sampling["top_k"]) == (2.5, 2.5, 3, 11)
    assert manifest["plan"]["quantisation"] == "int8" and not manifest["plan"]["packing"]
    assert manifest["plan"]["dtype"] == "bfloat16" and manifest["batch"]["size"] == 2
    assert manifest["request"]["duration"] == manifest["result"]["seconds"] == 0.64


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--input-jsonl"),
        ([*LIST, "--quantization", "int3"], "invalid choice"),
        ([*LIST, "--optimization-level", "most"], "invalid choice"),
        ([*LIST, "--enable-streaming"], "--enable-streaming"),
        ([*LIST, "--dtype", "int8"], "--dtype"),
        ([*LIST, "--steps", "few"], "--steps"),
    ],
)
def test_what_it_cannot_do(
    options: list[str], said: str, program: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        program.arguments_of(options)
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and said in printed.err


def test_left_out_options_are_the_models(program: ModuleType) -> None:
    arguments = program.arguments_of(LIST)
    assert "--model=songbloom_full_150s" in arguments and "--models-dir=./cache" in arguments
    assert not any(argument.startswith("--set") or argument.startswith("--duration") for argument in arguments)


def test_a_model_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "songs.jsonl").write_text(json.dumps({"idx": "a", "lyrics": "[verse] City lights."}) + "\n")
    made = subprocess.run(
        [sys.executable, str(PROGRAM), *LIST], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert made.returncode == 2
    assert "songbloom models download songbloom_full_150s" in made.stderr.splitlines()[-1]
    assert "Traceback" not in made.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["songs.jsonl"]
