"""The released names of the sampling settings (YAML ``inference``, golden ``gen``) and what they mean when left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from songbloom_x2.checkpoints.fields import Fields
from songbloom_x2.config import SamplingConfig

LEFT_OUT = SamplingConfig(
    cfg_lm=1.5,
    cfg_diff=1.5,
    dit_guidance="h",
    steps=50,
    use_sampling=True,
    temperature=1.0,
    diff_temperature=1.0,
    top_k=200,
    top_p=0.0,
    penalty_repeat=False,
    penalty_window=50,
)
"""What the released sampler takes where the YAML says nothing (its ``set_generation_params`` and ``generate``)."""

SETTINGS = (
    *("cfg_coef", "steps", "dit_cfg_type", "use_sampling", "top_k", "top_p", "temp", "diff_temp"),
    *("penalty_repeat", "penalty_window", "max_frames"),
)
"""The released names."""


def read_sampling(
    data: Mapping[str, Any], source: str, where: str, base: SamplingConfig = LEFT_OUT
) -> tuple[SamplingConfig, int | None]:
    """``base`` with the released settings of ``data`` on top, and its ``max_frames`` (none where it is left out).

    ``CheckpointError`` for a setting that is unknown or out of range.
    """
    fields = Fields(data, source, where)
    fields.only(SETTINGS, "is no setting of the released sampler")
    cfg_lm, cfg_diff = _guidance(fields, base)
    sampling = replace(
        base,
        cfg_lm=cfg_lm,
        cfg_diff=cfg_diff,
        dit_guidance=fields.choice("dit_cfg_type", base.dit_guidance, ("h", "global", "none")),
        steps=fields.integer("steps", base.steps, most=10_000),
        use_sampling=fields.boolean("use_sampling", base.use_sampling),
        temperature=float(fields.number("temp", base.temperature, least=-1e9)),
        diff_temperature=float(fields.number("diff_temp", base.diff_temperature, least=0)),
        top_k=fields.integer("top_k", base.top_k, least=0),
        top_p=float(fields.number("top_p", base.top_p, least=0, most=1)),
        penalty_repeat=fields.boolean("penalty_repeat", base.penalty_repeat),
        penalty_window=fields.integer("penalty_window", base.penalty_window),
    )
    return sampling, fields.integer("max_frames", most=2**24) if fields.has("max_frames") else None


def _guidance(fields: Fields, base: SamplingConfig) -> tuple[float, float]:
    """``cfg_coef``: one number for both factors, or the pair of them."""
    found = fields.value("cfg_coef")
    if found is None:
        return base.cfg_lm, base.cfg_diff
    if isinstance(found, list):
        if len(found) != 2:
            raise fields.error("cfg_coef", f"has {len(found)} numbers; one, or a pair [lm, diffusion], is meant")
        pair = Fields({"0": found[0], "1": found[1]}, fields.source, "cfg_coef")
        return float(pair.number("0", least=-1e9)), float(pair.number("1", least=-1e9))
    factor = float(fields.number("cfg_coef", least=-1e9))
    return factor, factor
