"""Whole exports: written, checked in a process of their own, made into songs without torch; damage is refused."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from songbloom_x2.bench.exported import ExportedCase, in_own_process
from songbloom_x2.checkpoints import native
from songbloom_x2.cli import main
from songbloom_x2.errors import CheckpointError, SongBloomError, StyleError
from songbloom_x2.export.graphs import Graph
from songbloom_x2.export.onnx_files import write_onnx
from songbloom_x2.export.quantised import quantise_export
from songbloom_x2.export.run import describe_export, export_graphs, export_weights
from songbloom_x2.onnx_runtime import check
from songbloom_x2.onnx_runtime.draws import SeededDraws
from songbloom_x2.onnx_runtime.folder import DESCRIPTION, ExportFolder
from songbloom_x2.onnx_runtime.graphs import OnnxGraphs
from songbloom_x2.onnx_runtime.song import SongTask, song_blocks

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
WITHOUT_TORCH = """
import runpy, sys
sys.modules["torch"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def onnx_export(aligned_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model of the embedded kind as ONNX: made and checked."""
    out = tmp_path_factory.mktemp("exports") / "onnx"
    found = export_graphs("onnx", str(aligned_model), out, 2.0, None)
    assert found["ok"] and found["equal_tokens"] == found["tokens"] == 48 and not found["torch_loaded"]
    return out


def without_torch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=1200
    )


def test_the_runner_needs_no_torch(onnx_export: Path, tmp_path: Path) -> None:
    runner = str(ROOT / "examples" / "onnx_runner.py")
    checked = without_torch(runner, str(onnx_export), "--check")
    assert checked.returncode == 0, checked.stderr
    out = tmp_path / "song.wav"
    made = without_torch(runner, str(onnx_export), "--example", "little-boat", "--seconds", "2", "--out", str(out))
    assert made.returncode == 0, made.stderr
    assert out.stat().st_size > 48000 * 4
    refused = without_torch(runner, str(onnx_export), "--example", "nothing")
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1 and "city-lights" in refused.stderr


def test_generate_sings_from_the_export(onnx_export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.flac"
        arguments = ["--lyrics", "[verse] City lights are calling.", "--duration", "1.3", "--seed", "3"]
        model = ["--backend", "onnx", "--model", str(onnx_export), "--style", "rock", "--json"]
        assert main(["generate", *arguments, *model, "--out", str(out)]) == 0
        made.append(json.loads(capsys.readouterr().out)["songs"][0])
    assert made[0]["samples_sha256"] == made[1]["samples_sha256"]
    manifest = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert manifest["plan"]["backend"] == "onnxruntime" and manifest["style"]["name"] == "rock-glen"
    assert main(["replay", str(tmp_path / "a.flac")]) == 2
    assert "--backend onnx" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--lrc"], "--lrc"),
        (["--precision", "bfloat16"], "--precision bfloat16"),
        (["--model", "embedded"], "songbloom export onnx"),
        (["--set", "solver=ab2"], "solver ab2"),
        (["--style", "prompt.wav"], "the styles of the export"),
    ],
)
def test_what_graphs_cannot_do_is_refused_in_one_line(
    arguments: list[str], told: str, onnx_export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["generate", "--lyrics", "[verse] A song.", "--backend", "onnx", "--out", str(tmp_path / "x.flac")]
    model = [] if "--model" in arguments else ["--model", str(onnx_export)]
    assert main([*base, *model, *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert told in said[-1] and not (tmp_path / "x.flac").exists()


def test_the_benchmark_runs_exports_without_torch(onnx_export: Path, tmp_path: Path) -> None:
    found = in_own_process(ExportedCase(str(onnx_export), 1.28, 1, 1))
    assert found["name"] == "onnx" and found["rtf"] > 0 and found["plan"]["threads"] == 1
    assert found["tokens_per_second"] * found["block_s"] == pytest.approx(16)
    with pytest.raises(SongBloomError, match=re.escape(str(tmp_path))):
        in_own_process(ExportedCase(str(tmp_path), 1.28, 1, 1))


def test_eight_bits_are_smaller_and_near(onnx_export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "int8"
    shutil.copytree(onnx_export, folder)
    quantise_export(folder)
    assert check.main([str(folder)]) == 1  # Torch is loaded in this process; the rest of the report counts.
    report = json.loads(capsys.readouterr().out)
    assert set(report["relative_errors"]) == {"lm", "velocity", "render", "embed_block"}
    assert 0 < max(report["relative_errors"].values()) < check.LARGEST_QUANTISED_ERROR
    before, after = ExportFolder.open(onnx_export), ExportFolder.open(folder, check=True)
    assert after.kind == "int8"
    assert after.files["velocity"].stat().st_size < 0.6 * before.files["velocity"].stat().st_size
    assert after.files["decode"].stat().st_size == before.files["decode"].stat().st_size


def test_graphs_take_any_number_of_songs(onnx_export: Path) -> None:
    folder = ExportFolder.open(onnx_export)
    graphs = OnnxGraphs(folder.files, 1)
    rng = np.random.default_rng(0)
    config = folder.config
    latents = rng.standard_normal((4, config.block_size, config.latent_dim)).astype(np.float32)
    (together,) = graphs.run("embed_block", {"latents": latents})
    for song in range(4):
        (alone,) = graphs.run("embed_block", {"latents": latents[song : song + 1]})
        np.testing.assert_allclose(together[song], alone[0], atol=1e-5)
    frames = rng.standard_normal((3, config.latent_dim, 7)).astype(np.float32)
    phase = np.zeros(3)
    sound, _ = graphs.run("decode", {"latents": frames, "first": np.asarray([0]), "phase": phase})
    assert sound.shape == (3, 2, 7 * config.samples_per_frame)
    one, _ = graphs.run("decode", {"latents": frames[1:2], "first": np.asarray([0]), "phase": phase[:1]})
    np.testing.assert_allclose(sound[1], one[0], atol=1e-4)


def test_a_song_without_a_style_and_without_words(onnx_export: Path) -> None:
    folder = ExportFolder.open(onnx_export)
    task = SongTask((), None, folder.config.sampling, 16, min_frames=16)
    blocks = list(song_blocks(OnnxGraphs(folder.files, 1), folder, task, SeededDraws(0)))
    assert len(blocks) == 1 and (blocks[0].tokens >= folder.config.alignment.layout.sung).all()  # type: ignore[union-attr]


def broken(folder: Path, change: Any) -> Path:
    described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    change(folder, described)
    (folder / DESCRIPTION).write_text(json.dumps(described), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder, told: (folder / "lm.onnx").unlink(), "is missing"),
        (lambda folder, told: (folder / "lm.onnx").write_bytes(b"graph"), "is not the file"),
        (lambda folder, told: told.update(version=9), "version 9"),
        (lambda folder, told: told.pop("graphs"), "not a whole export"),
        (lambda folder, told: told["graphs"]["lm"]["files"].update({"../x": {}}), "is not in the folder"),
        (lambda folder, told: (folder / "tables.npz").write_bytes(b"PK"), "not a whole export"),
    ],
)
def test_damage_is_refused(change: Any, told: str, onnx_export: Path, tmp_path: Path) -> None:
    shutil.copytree(onnx_export, tmp_path / "export")
    with pytest.raises(CheckpointError, match=told):
        ExportFolder.open(broken(tmp_path / "export", change), check=True)


def test_another_model_under_the_same_name_fails_the_check(onnx_export: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(onnx_export, folder)
    song = dict(np.load(folder / "parity.npz"))
    song["noise"] = song["noise"] + np.float32(0.5)
    np.savez(folder / "parity.npz", **song)
    checked = without_torch(str(ROOT / "examples" / "onnx_runner.py"), str(folder), "--check")
    assert checked.returncode == 1


def test_onnx_of_a_released_model(tmp_path: Path) -> None:
    """The released layout: no alignment, a learned codec; its song is made without torch."""
    out = tmp_path / "onnx"
    found = export_graphs("onnx", str(ROOT / "tests" / "golden" / "prepend-flow"), out, 1.0, None)
    assert found["ok"] and found["equal_tokens"] == found["tokens"] > 0 and not found["torch_loaded"]
    checked = without_torch(str(ROOT / "examples" / "onnx_runner.py"), str(out), "--check")
    assert checked.returncode == 0, checked.stderr


def test_large_weights_lie_beside_their_graph(tmp_path: Path) -> None:
    """One file of protobuf holds 2 GB at most: from a size on the weights are a file of their own."""
    linear = torch.nn.Linear(64, 32)
    rows = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    graph = Graph("line", linear, {"input": rows}, {"input": {0: "songs"}}, ("output",))
    files = write_onnx(graph, tmp_path, external_bytes=1000)
    assert [file.name for file in files] == ["line.onnx", "line.onnx.data"]
    assert files[0].stat().st_size < 4000 < 64 * 32 * 4 <= files[1].stat().st_size
    (made,) = OnnxGraphs({"line": files[0]}).run("line", {"input": rows.repeat(2, 1).numpy()})
    np.testing.assert_allclose(made, linear(rows.repeat(2, 1)).detach().numpy(), atol=1e-5)


def test_torchscript_of_a_released_model(tmp_path: Path) -> None:
    out = tmp_path / "script"
    found = export_graphs("torchscript", str(ROOT / "tests" / "golden" / "prepend-flow"), out, 1.0, None)
    assert found["ok"] and found["equal_tokens"] == found["tokens"] > 0
    told = describe_export(str(out), None)
    assert told["kind"] == "torchscript" and told["bytes"]["all"] > 0
    with pytest.raises(SongBloomError, match="is there already"):
        export_graphs("torchscript", "embedded", out, 1.0, None)
    with pytest.raises(StyleError, match="no named styles"):
        ExportFolder.open(out).style("rock")


def test_torchscript_of_an_aligned_model(aligned_model: Path, tmp_path: Path) -> None:
    """With everything that such a configuration may turn on: vibrato, the regression's voice, a level of the voice."""
    loaded = native.load(aligned_model)
    config = loaded.model.config
    assert config.alignment is not None
    alignment = dataclasses.replace(config.alignment, vibrato_semitones=0.4, voice_from_prior=0.5)
    codec = dataclasses.replace(config.codec, voice_level_db=3.0)
    loaded.model.config = dataclasses.replace(config, alignment=alignment, codec=codec)
    native.save(tmp_path / "model", loaded.model, extra=loaded.extra, style_tags=loaded.style_tags)
    found = export_graphs("torchscript", str(tmp_path / "model"), tmp_path / "script", 2.0, None)
    assert found["ok"] and found["equal_tokens"] == 48


@pytest.mark.parametrize("storage", ["float32", "bfloat16", "float16"])
def test_plain_weights_sing_the_same_song(storage: Any, aligned_model: Path, tmp_path: Path) -> None:
    found = export_weights(storage, str(aligned_model), tmp_path / "weights", 1.3, None)
    assert found["ok"] and found["equal_tokens"] == found["tokens"] and found["max_error_sound"] <= 1e-5
    told = describe_export(str(tmp_path / "weights"), None)
    assert told["layout"] == "native" and len(told["sha256"]) == 64
