"""Released state-dict keys <-> our parameter names, as a table.

``{n}`` stands for a layer's number. Source: the format page, "State-dict keys".
"""

from __future__ import annotations

import re

_CONDITIONERS = "model.condition_provider.conditioners"

TABLE: tuple[tuple[str, str], ...] = (
    (f"{_CONDITIONERS}.lyrics.output_proj.weight", "lyrics.symbol.weight"),
    (f"{_CONDITIONERS}.lyrics.sentence_idx_in_structure_emb.weight", "lyrics.sentence.weight"),
    (f"{_CONDITIONERS}.lyrics.blank_emb", "lyrics.blank"),
    (f"{_CONDITIONERS}.prompt_wav.output_proj.weight", "prompt.project.weight"),
    ("model.bos_token", "sketch.bos"),
    ("model.skeleton_emb.weight", "sketch.embedding.weight"),
    ("model.ar_transformer.layers.{n}.self_attn.q_proj.weight", "sketch.layers.{n}.attention.q.weight"),
    ("model.ar_transformer.layers.{n}.self_attn.k_proj.weight", "sketch.layers.{n}.attention.k.weight"),
    ("model.ar_transformer.layers.{n}.self_attn.v_proj.weight", "sketch.layers.{n}.attention.v.weight"),
    ("model.ar_transformer.layers.{n}.self_attn.o_proj.weight", "sketch.layers.{n}.attention.o.weight"),
    ("model.ar_transformer.layers.{n}.mlp.gate_proj.weight", "sketch.layers.{n}.mlp.gate.weight"),
    ("model.ar_transformer.layers.{n}.mlp.up_proj.weight", "sketch.layers.{n}.mlp.up.weight"),
    ("model.ar_transformer.layers.{n}.mlp.down_proj.weight", "sketch.layers.{n}.mlp.down.weight"),
    ("model.ar_transformer.layers.{n}.input_layernorm.weight", "sketch.layers.{n}.attention_norm.weight"),
    ("model.ar_transformer.layers.{n}.post_attention_layernorm.weight", "sketch.layers.{n}.mlp_norm.weight"),
    ("model.ar_transformer.norm.weight", "sketch.norm.weight"),
    ("model.skeleton_classifier.0.weight", "sketch.classifier.0.weight"),
    ("model.skeleton_classifier.2.weight", "sketch.classifier.2.weight"),
    ("model.skeleton_classifier.2.bias", "sketch.classifier.2.bias"),
    ("model.block_conv.1.weight", "block_embedding.0.weight"),
    ("model.block_conv.1.bias", "block_embedding.0.bias"),
    ("model.block_conv.3.weight", "block_embedding.2.weight"),
    ("model.block_conv.3.bias", "block_embedding.2.bias"),
    ("model.project_in.weight", "dit.latent_in.weight"),
    ("model.project_in.bias", "dit.latent_in.bias"),
    ("model.project_out.weight", "dit.latent_out.weight"),
    ("model.project_out.bias", "dit.latent_out.bias"),
    ("model.timestep_features.weight", "dit.time_features.weight"),
    ("model.to_timestep_embed.0.weight", "dit.time_embed.0.weight"),
    ("model.to_timestep_embed.2.weight", "dit.time_embed.2.weight"),
    ("model.to_timestep_embed.2.bias", "dit.time_embed.2.bias"),
    ("model.nar_dit.layers.{n}.pre_norm.gamma", "dit.layers.{n}.attention_norm.gamma"),
    ("model.nar_dit.layers.{n}.self_attn.to_qkv.weight", "dit.layers.{n}.attention.qkv.weight"),
    ("model.nar_dit.layers.{n}.self_attn.to_out.weight", "dit.layers.{n}.attention.out.weight"),
    ("model.nar_dit.layers.{n}.ff_norm.gamma", "dit.layers.{n}.mlp_norm.gamma"),
    ("model.nar_dit.layers.{n}.ff.ff.0.up_proj.weight", "dit.layers.{n}.mlp.up.weight"),
    ("model.nar_dit.layers.{n}.ff.ff.0.gate_proj.weight", "dit.layers.{n}.mlp.gate.weight"),
    ("model.nar_dit.layers.{n}.ff.ff.2.weight", "dit.layers.{n}.mlp.down.weight"),
    ("model.nar_dit.layers.{n}.to_scale_shift_gate.1.weight", "dit.layers.{n}.modulation.weight"),
)

CODEC = "vae.vae."
"""What stands before a codec key in the released state dict; ours is :data:`OUR_CODEC`."""

CODEC_COPY = f"{_CONDITIONERS}.prompt_wav.tokenizer.vae."
"""The same codec once more, in older files."""

OUR_CODEC = "codec."

ZERO_BUFFERS: tuple[str, ...] = ("model.nar_dit.layers.{n}.pre_norm.beta", "model.nar_dit.layers.{n}.ff_norm.beta")
"""Shifts of the DiT's norms: always zero and no parameter of ours."""

_LAYER = re.compile(r"(?<=\.layers\.)(0|[1-9][0-9]*)(?=\.)")
_OURS = dict(TABLE)
_RELEASED = {ours: released for released, ours in TABLE}


def to_ours(key: str) -> str | None:
    """Our name of a released key; none where it has no counterpart (copies, zero buffers, unknown keys)."""
    if key.startswith(CODEC):
        return OUR_CODEC + key[len(CODEC) :]
    return _translate(key, _OURS)


def to_released(name: str) -> str | None:
    """The released key of one of our names; none where the released model has no such part."""
    if name.startswith(OUR_CODEC):
        return CODEC + name[len(OUR_CODEC) :]
    return _translate(name, _RELEASED)


def is_zero_buffer(key: str) -> bool:
    """Whether a released key is one of the shifts that are always zero."""
    return _LAYER.sub("{n}", key) in ZERO_BUFFERS


def zero_buffers(layers: int) -> frozenset[str]:
    """The released keys of all such shifts in a DiT of so many layers."""
    return frozenset(pattern.format(n=layer) for pattern in ZERO_BUFFERS for layer in range(layers))


def _translate(key: str, table: dict[str, str]) -> str | None:
    layer = _LAYER.search(key)
    if layer is None:
        return None if "{n}" in key else table.get(key)
    found = table.get(_LAYER.sub("{n}", key))
    return None if found is None else found.format(n=layer.group(1))
