"""The benchmark's parts; nothing here asserts how long something takes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch

from songbloom_x2.bench import peer
from songbloom_x2.bench import run as bench_run
from songbloom_x2.bench.case import Case
from songbloom_x2.bench.configurations import CONFIGURATIONS, configuration
from songbloom_x2.bench.price import block_flops
from songbloom_x2.bench.quality import _compared, _record
from songbloom_x2.bench.report import append_log, as_json, table
from songbloom_x2.bench.sizes import random_config, read_model, write_weights
from songbloom_x2.bench.worker import measure
from songbloom_x2.cli import main
from songbloom_x2.config import SamplingConfig
from songbloom_x2.errors import ConfigError, SongBloomError


@pytest.mark.long
def test_one_configuration_is_measured() -> None:
    case = Case("standard_fp32", "embedded", 1.28, {"device": "cpu", "optimisation": "standard"}, {"steps": 2})
    found = measure(case)
    assert found.rtf > 0 and found.first_audio_s > 0 and found.codec_rtf is not None
    assert found.plan["packing"] and found.state_bytes > 0
    assert 0 < found.weights_bytes < found.process_peak_bytes
    json.dumps(found.to_json(), allow_nan=False)
    assert {"bytes", "share_of_bandwidth", "share_of_arithmetic"} <= found.price.keys()


@pytest.mark.long
def test_quality_finds_no_difference_where_there_is_none() -> None:
    plain = {"device": "cpu", "optimisation": "minimal"}
    case = Case("float32", "embedded", 2.56, plain)
    with torch.no_grad():
        recorded, logits = _record(case)
        same = _compared(case, recorded, logits)
        rounded = _compared(Case("int8", "embedded", 2.56, {**plain, "quantise": "int8"}), recorded, logits)
    assert (same["token_agreement"], same["logits_kl_worst"], same["velocity_error_worst"]) == (1, 0, 0)
    assert 0 < rounded["logits_kl"] < 0.1 and 0 < rounded["velocity_error"] < 0.3


def test_weights_are_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from songbloom_x2.bench import sizes

    monkeypatch.setattr(sizes, "_SHAPES", {"small": (64, 1, 1, 1)})
    config = random_config("small")
    write_weights(config, tmp_path / "a.safetensors")
    torch.rand(3)
    write_weights(config, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert read_model(config, tmp_path / "a.safetensors").codec is None
    peer.write_released(tmp_path / "a.safetensors", tmp_path / "released.safetensors")
    from safetensors import safe_open

    with safe_open(tmp_path / "released.safetensors", "pt") as file:
        keys = set(file.keys())
    assert "ar_transformer.layers.0.self_attn.q_proj.weight" in keys
    assert not any(key.startswith("model.") or "condition_provider" in key for key in keys)


def test_operations_of_a_block() -> None:
    """The released 2B model: about 1.4 G parameters in the LM's layers, 0.45 G in the DiT's."""
    config = random_config("full")
    lm, dit = block_flops(config, SamplingConfig(), 1, 1000)
    assert lm == pytest.approx(2 * 17 * 2 * 1.5e9, rel=0.1)
    assert dit == pytest.approx(2 * 36 * 100 * 0.45e9, rel=0.1)
    assert block_flops(config, SamplingConfig(steps=12, cfg_diff=1.0), 1, 1000)[1] == pytest.approx(dit / 6)


def test_configurations() -> None:
    assert configuration("memory_int8") == CONFIGURATIONS["memory_int8"]
    free = configuration("precision=bfloat16, quantise=int8, steps=12")
    assert free == {"runtime": {"precision": "bfloat16", "quantise": "int8"}, "sampling": {"steps": 12}}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fastest", "configuration 'fastest' is unknown; known are baseline_fp32"),
        ("speed=9", "'speed' is neither a runtime nor a sampling setting"),
        ("steps=many", "steps cannot be 'many'"),
    ],
)
def test_unknown_configurations(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        configuration(name)


def test_report(tmp_path: Path) -> None:
    results = [
        {"name": "peer_fp32", "rtf": 2.0, "peak_memory_bytes": 10**9},
        {"name": "fast", "rtf": 0.25, "state_bytes": 5},
    ]
    lines = table(results).splitlines()
    assert "RTF" in lines[0] and "peak MB" in lines[0] and "first s" not in lines[0]
    assert lines[1].split() == ["peer_fp32", "2.000", "1000", "-"]
    answer = as_json(results, {"size": "small"})
    assert {"machine", "revision", "results", "size"} == answer.keys() and answer["machine"]["cores"]
    append_log(tmp_path / "log" / "bench.jsonl", answer)
    append_log(tmp_path / "log" / "bench.jsonl", answer)
    logged = [json.loads(line) for line in (tmp_path / "log" / "bench.jsonl").read_text().splitlines()]
    assert len(logged) == 2 and logged[0]["versions"]["torch"] == torch.__version__


def test_bfloat16_is_left_out_with_the_reason_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured here: what each side would be asked for."""
    asked: list[str] = []

    def ask(*args: object, dtype: str, **_: object) -> dict[str, float]:
        asked.append(f"peer {dtype}")
        return {"rtf": 2.0, "block_s": 1.0}

    def own(case: Case, threads: int) -> dict[str, object]:
        asked.append(case.name)
        return {"name": case.name, "rtf": 1.0, "block_s": 1.0}

    monkeypatch.setattr(peer, "ask", ask)
    monkeypatch.setattr(bench_run, "in_own_process", own)
    monkeypatch.setattr(bench_run, "write_weights", lambda *_: None)
    monkeypatch.setattr(peer, "write_released", lambda *_: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    python = tmp_path / "python"
    python.touch()
    command = ["bench", "--size", "small", "--against", "peer", "--peer-python", str(python), "--json"]
    for has, expected in ((False, ["peer float32"]), (True, ["peer float32", "peer bfloat16"])):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        asked.clear()
        assert main(command) == 0
        answer = json.loads(capsys.readouterr().out)
        assert [name for name in asked if name.startswith("peer")] == expected
        assert ("optimized_bf16" in asked) == has
        assert set(answer.get("left_out", {})) == (set() if has else {"optimized_bf16", "peer_bf16"})
        assert answer["results"][-1]["speedup_vs_peer"] == 2.0
    asked.clear()
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert main([*command, "--configs", "standard_bf16", "--peer-precision", "both"]) == 0
    assert asked == ["peer float32", "peer bfloat16", "standard_bf16"]


def test_where_the_peer_lies_must_be_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SONGBLOOM_PEER_PYTHON", raising=False)
    assert main(["bench", "--size", "small", "--against", "peer", "--seconds", "1", "--json"]) != 0
    said = capsys.readouterr()
    assert not said.out and "--setup-peer DIR makes it" in said.err and "SONGBLOOM_PEER_PYTHON" in said.err


def test_the_peers_failure_is_one_line(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'no such module' >&2\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(SongBloomError, match="the peer failed: no such module"):
        peer.ask(
            python, random_config("small"), tmp_path,
            blocks=1, steps=1, dtype="float32", device="cpu", runs=1, threads=1,
        )  # fmt: skip
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(SongBloomError, match="is not empty"):
        peer.set_up(tmp_path / "full")


def test_the_gpu_script_is_sound() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "gpu.sh"
    subprocess.run(["bash", "-n", script], check=True)
    done = subprocess.run(["bash", script, "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no part 'nothing'" in done.stderr
