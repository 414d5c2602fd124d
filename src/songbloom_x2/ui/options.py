"""What can be chosen for a song, as the page draws it: kind of field, range and default. Texts are in ``languages``.

Defaults come from ``config``; a model's own are told with the model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from songbloom_x2.config import (
    PRESETS,
    JobLimits,
    Optimisation,
    Precision,
    Preset,
    Quantisation,
    RuntimeConfig,
    SamplingConfig,
    SolverName,
)
from songbloom_x2.jobs.requests import TEMPO_RANGE

FieldKind = Literal["number", "slider", "switch", "choice", "key"]


@dataclass(frozen=True)
class OptionField:
    """One field. ``sampling``: it overrides a sampling setting; ``machine``: how the model runs; ``beside``: it stands
    beside the request.

    ``simple``: shown in Simple too. ``optional``: a choice may be none. ``told``: only for models whose requests may
    name tempo and key.
    """

    name: str
    group: Literal["song", "model", "quality", "sketch", "sound"]
    kind: FieldKind
    default: Any = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    sampling: bool = False
    machine: bool = False
    beside: bool = False
    simple: bool = False
    optional: bool = False
    told: bool = False


def option_fields(limits: JobLimits, runtime: RuntimeConfig) -> tuple[OptionField, ...]:
    """Every option, in the order of the page; ``runtime``: what the server asks of the machine by itself."""
    usual = SamplingConfig()

    def sampling(name: str, group: Literal["quality", "sketch", "sound"], kind: FieldKind, **more: Any) -> OptionField:
        return OptionField(name, group, kind, default=getattr(usual, name), sampling=True, **more)

    def machine(name: str, choices: tuple[str, ...]) -> OptionField:
        return OptionField(name, "model", "choice", default=getattr(runtime, name), choices=choices, machine=True)

    return (
        OptionField("duration", "song", "number", low=1, high=limits.max_duration, step=1, simple=True),
        OptionField(
            "samples", "song", "slider", default=1, low=1, high=limits.max_samples, step=1, beside=True, simple=True
        ),
        OptionField("seed", "song", "number", low=0, step=1),
        OptionField("instrumental", "song", "switch", default=False),
        OptionField("bpm", "song", "number", low=TEMPO_RANGE[0], high=TEMPO_RANGE[1], step=1, told=True),
        OptionField("key", "song", "key", optional=True, told=True),
        OptionField("model", "model", "choice"),
        machine("precision", get_args(Precision)),
        machine("quantise", get_args(Quantisation)),
        machine("optimisation", get_args(Optimisation)),
        OptionField("preset", "quality", "choice", choices=get_args(Preset), simple=True, optional=True),
        sampling("steps", "quality", "slider", low=1, high=min(80, limits.max_steps), step=1),
        sampling("solver", "quality", "choice", choices=get_args(SolverName)),
        sampling("cfg_lm", "sketch", "slider", low=0, high=5, step=0.05),
        sampling("temperature", "sketch", "slider", low=0, high=2, step=0.05),
        sampling("top_k", "sketch", "number", low=0, high=1_000_000, step=1),
        sampling("top_p", "sketch", "slider", low=0, high=1, step=0.01),
        sampling("use_sampling", "sketch", "switch"),
        sampling("penalty_repeat", "sketch", "switch"),
        sampling("penalty", "sketch", "slider", low=0.5, high=2, step=0.05),
        sampling("penalty_window", "sketch", "number", low=0, high=100_000, step=1),
        sampling("cfg_diff", "sound", "slider", low=0, high=5, step=0.05),
        sampling("guidance_from", "sound", "slider", low=0, high=1, step=0.05),
        sampling("guidance_until", "sound", "slider", low=0, high=1, step=0.05),
        sampling("diff_temperature", "sound", "slider", low=0, high=1, step=0.05),
        sampling("dit_guidance", "sound", "choice", choices=("h", "global", "none")),
    )


def options_json(limits: JobLimits, runtime: RuntimeConfig) -> dict[str, Any]:
    """The fields and the presets of each kind of model, as plain values."""
    presets = {kind: {name: dict(values) for name, values in of.items()} for kind, of in PRESETS.items()}
    return {"fields": [asdict(field) for field in option_fields(limits, runtime)], "presets": presets}
