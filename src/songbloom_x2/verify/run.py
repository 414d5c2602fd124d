"""Verification of a folder: load the model, find its golden files, recompute, compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from songbloom_x2.checkpoints.load import LoadedModel, load_model
from songbloom_x2.checkpoints.released_sampling import SETTINGS, read_sampling
from songbloom_x2.checkpoints.safe_yaml import read_json
from songbloom_x2.config import RuntimeConfig, SamplingConfig
from songbloom_x2.errors import CheckpointError, SongBloomError
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.verify.conditions import NotRecordedError
from songbloom_x2.verify.recompute import INPUTS, OUTPUTS, Recomputation
from songbloom_x2.verify.report import Comparison, Skip, VerifyReport

MODULE_TOLERANCE = 1e-4
"""Absolute, on the output of one module, float32 on a CPU."""

GENERATION_TOLERANCE = 1e-3
"""Absolute, on latents and sound of a whole generation."""

GOLDEN_SUFFIX = ".golden.safetensors"
REFERENCE_RUNTIME = RuntimeConfig(device="cpu", precision="float32", optimisation="minimal")
"""Where and in what the tolerances are meant."""


def verify(path: Path, runtime: RuntimeConfig = REFERENCE_RUNTIME) -> VerifyReport:
    """Recompute every expected output of the golden files beside a model (a folder, or its YAML).

    Where there are no such files the report holds no comparison, and is not ``ok``. Raises ``CheckpointError`` where
    the model or a golden file cannot be read, ``RuntimePlanError`` where ``runtime`` asks for what is not there.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted(folder.glob(f"*{GOLDEN_SUFFIX}"))
    plan = resolve(runtime)
    loaded = load_model(path, plan)
    comparisons: list[Comparison] = []
    skipped: list[Skip] = []
    notes = list(loaded.notes)
    if not files:
        notes.append(f"there is no NAME{GOLDEN_SUFFIX} beside the model: nothing to compare with")
    with apply(plan):
        for file in files:
            tensors, described = _read_golden(file)
            sampling, ignored = _settings(described, loaded, file)
            notes += [f"{file.name}: the setting '{name}' of its JSON is unknown and was ignored" for name in ignored]
            run = Recomputation(loaded.model, plan, tensors, described, sampling)
            for name in sorted(tensors.keys() - set(INPUTS)):
                _judge(run, file.name, name, tensors[name], comparisons, skipped)
    return VerifyReport(
        loaded.config.name, loaded.hash, plan.to_json(), tuple(comparisons), tuple(skipped), tuple(notes)
    )


def _read_golden(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the reader is no mapping
    except (SafetensorError, OSError, ValueError):
        raise CheckpointError(f"{path.name}: not a sound safetensors file; fetch it again") from None
    beside = path.with_name(path.name.removesuffix(".safetensors") + ".json")
    described = read_json(beside) if beside.is_file() else {}
    if not isinstance(described, Mapping):
        raise CheckpointError(f"{beside.name}: not a mapping")
    return tensors, described


def _settings(described: Mapping[str, Any], loaded: LoadedModel, file: Path) -> tuple[SamplingConfig, tuple[str, ...]]:
    """The YAML's sampling settings with the JSON's ``gen`` on top, and the names of ``gen`` that mean nothing.

    Golden generations are arg-max unless ``gen`` says otherwise.
    """
    base = replace(loaded.config.sampling, use_sampling=False)
    given = described.get("gen", {})
    if not isinstance(given, Mapping):
        raise CheckpointError(f"{file.name}: 'gen' of its JSON is not a mapping")
    known = {name: value for name, value in given.items() if name in SETTINGS}
    sampling, max_frames = read_sampling(known, file.name, "gen", base)
    return replace(sampling, max_frames=max_frames), tuple(sorted(given.keys() - known.keys()))


def _judge(
    run: Recomputation,
    file: str,
    name: str,
    expected: Tensor,
    comparisons: list[Comparison],
    skipped: list[Skip],
) -> None:
    if name not in OUTPUTS:
        skipped.append(Skip(file, name, "no output of this name is known"))
        return
    tolerance = _tolerance(name)
    try:
        ours = run.output(name)
    except NotRecordedError as reason:
        skipped.append(Skip(file, name, str(reason)))
    except (SongBloomError, RuntimeError, ValueError, IndexError) as error:
        # Inputs of the wrong shape fail somewhere inside the model.
        problem = " ".join(str(error).split())[:160]
        comparisons.append(Comparison(file, name, None, tolerance, f"cannot be computed: {problem}"))
    else:
        comparisons.append(_compare(file, name, ours.cpu(), expected, tolerance))


def _tolerance(name: str) -> float:
    if name == "gen.tokens":
        return 0.0
    return GENERATION_TOLERANCE if name in ("gen.latents", "gen.audio") else MODULE_TOLERANCE


def _compare(file: str, name: str, ours: Tensor, expected: Tensor, tolerance: float) -> Comparison:
    if ours.shape != expected.shape:
        shapes = f"shape {list(ours.shape)}, expected {list(expected.shape)}"
        return Comparison(file, name, None, tolerance, shapes)
    if not expected.numel():
        return Comparison(file, name, 0.0, tolerance)
    error = (ours.to(torch.float64) - expected.to(torch.float64)).abs().max().item()
    if error != error:
        return Comparison(file, name, None, tolerance, "not a number")
    return Comparison(file, name, error, tolerance)
