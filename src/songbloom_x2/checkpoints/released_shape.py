"""The resolved sections of a released YAML -> :class:`SongConfig`.

What the YAML leaves out takes the default of the released constructor, since that is what such a file means. Keys
that would change the mathematics are refused by name; keys that only steer training are ignored.
Source: the format page ("Files of a released model", "Full-size model", "Lyrics -> conditioning").
"""

from __future__ import annotations

from typing import Any

from songbloom_x2.checkpoints.fields import Fields
from songbloom_x2.checkpoints.released_codec import ReleasedCodec
from songbloom_x2.checkpoints.released_sampling import read_sampling
from songbloom_x2.config import FRAME_RATE, LyricsConfig, PromptConfig, SongConfig

ADDED_SECONDS = 10
"""The released code raises ``max_dur`` by this before it builds the model."""

LONG_SECONDS = 240
"""From this ``max_dur`` on, the model is one of the 240 s release."""

LONG_ROPE_BASE_DIT = 20000.0
"""What the public code fixes for the DiT since that release, whatever ``rotary_base_val`` says."""

RELEASED_LICENCE = "academic use only, non-commercial (licence of the released SongBloom weights)"

_CHANGES = "is unknown and could change the model's mathematics; this model cannot be loaded exactly"
_MODEL_KEYS = (
    *("block_size", "dim", "num_heads", "num_pitch", "hidden_scale", "lm_layers", "diff_layers", "latent_dim"),
    *("norm", "pre_norm", "backend", "init_std", "time_cond_type", "timestep_features_dim", "diffusion_objective"),
    *("timestep_sampler", "rotary_base_val", "h_dropout", "cfg_dropout", "cfg_coef", "attribute_dropout"),
    *("condition_provider_cfg", "fuser_cfg"),
)
_LYRICS_KEYS = (
    *("type", "output_dim", "vocab_list", "max_len", "max_sentence_per_structure", "max_duration", "interpolate"),
    *("mode", "structure_tokens", "structure_split_tokens", "sentence_split_tokens"),
    *("structure_output_dim", "sentence_output_dim"),
)
_PROMPT_KEYS = ("type", "output_dim", "audio_tokenizer", "max_len", "cache")
_FUSER_KEYS = (
    *("sum", "prepend", "cross", "input_interpolate"),
    *("cross_attention_pos_emb", "cross_attention_pos_emb_scale"),
)
_NARROWEST_HEAD = 32
"""The DiT's rotary part is never narrower than this."""


def song_config(
    name: str, top: Fields, codec: ReleasedCodec, rope_base_dit: float | None
) -> tuple[SongConfig, tuple[str, ...]]:
    """The model's shape, and notes on what was decided; ``rope_base_dit`` overrides the rule for the DiT's base.

    ``top`` holds ``max_dur``, ``model`` and ``inference``. Raises ``CheckpointError``, naming the key.
    """
    model = top.fields("model")
    model.only(_MODEL_KEYS, _CHANGES)
    model.same("backend", "llama", "llama")
    model.same("pre_norm", False, False)
    _check_fuser(model.fields("fuser_cfg"))
    conditions = model.fields("condition_provider_cfg")
    conditions.only(("lyrics", "prompt_wav"), _CHANGES)
    dim, heads = _heads(model)
    latent_dim = model.integer("latent_dim", 64)
    if latent_dim != codec.latent_dim:
        raise model.error("latent_dim", f"is {latent_dim}, but the codec's is {codec.latent_dim}")
    features = model.integer("timestep_features_dim", 256)
    if features % 2:
        raise model.error("timestep_features_dim", f"is {features}; it must be even")
    rope_base_lm = float(model.number("rotary_base_val", 10000, least=1))
    max_dur = top.number("max_dur", least=1, most=36_000)
    long = max_dur >= LONG_SECONDS
    rope, notes = _rope(rope_base_lm, max_dur, rope_base_dit)
    sampling, max_frames = read_sampling(top.value("inference", {}), top.source, "inference")
    config = SongConfig(
        name=name,
        lyrics=_lyrics(conditions.fields("lyrics"), dim),
        prompt=_prompt(conditions.fields("prompt_wav"), dim),
        codec=codec.config,
        sampling=sampling,
        block_size=model.integer("block_size", 32, most=2**12),
        latent_dim=latent_dim,
        dim=dim,
        num_heads=heads,
        hidden_scale=model.number("hidden_scale", 4, least=1 / 64, most=64),
        lm_layers=model.integer("lm_layers", 16, most=512),
        diff_layers=model.integer("diff_layers", 8, most=512),
        num_pitch=model.integer("num_pitch", 128),
        time_cond_type=model.choice("time_cond_type", "prepend", ("prepend", "adaLN")),
        timestep_features_dim=features,
        diffusion_objective=model.choice("diffusion_objective", "v", ("v", "rectified_flow")),
        rope_base_lm=rope_base_lm,
        rope_base_dit=rope,
        max_frames=max_frames or int((max_dur + ADDED_SECONDS) * FRAME_RATE),
        instrumental_seconds=5.0 if long else 1.0,
        sample_rate=codec.sample_rate,
        samples_per_frame=codec.samples_per_frame,
        init_std=float(model.number("init_std", 0.02, least=0)),
        h_dropout=float(model.number("h_dropout", 0, least=0, most=1)),
        cfg_dropout=float(model.number("cfg_dropout", 0, least=0, most=1)),
        licence=RELEASED_LICENCE,
    )
    return config, notes


def _heads(model: Fields) -> tuple[int, int]:
    dim = model.integer("dim", 1024, most=2**16)
    heads = model.integer("num_heads", 8, most=2**10)
    if dim % heads or (dim // heads) % 2 or dim // heads < _NARROWEST_HEAD:
        raise model.error("num_heads", f"is {heads}: the heads of 'dim' {dim} must be even and 32 wide or wider")
    return dim, heads


def _rope(base_lm: float, max_dur: float, override: float | None) -> tuple[float, tuple[str, ...]]:
    """The DiT's RoPE base, and a note where it is not the LM's."""
    if override is not None:
        return override, (f"DiT RoPE base {override:g}: as asked",)
    if max_dur >= LONG_SECONDS:
        why = f"max_dur is {max_dur:g}, and the public code fixes it from {LONG_SECONDS} on"
        return LONG_ROPE_BASE_DIT, (f"DiT RoPE base {LONG_ROPE_BASE_DIT:g}: {why} (rotary_base_val is {base_lm:g})",)
    return base_lm, (f"DiT RoPE base {base_lm:g}: rotary_base_val, since max_dur is {max_dur:g}",)


def _check_fuser(fuser: Fields) -> None:
    """Both conditions are prepended; their order in the list never mattered (prompt, lyrics, then the song)."""
    fuser.only(_FUSER_KEYS, _CHANGES)
    prepend = fuser.value("prepend")
    if not isinstance(prepend, list) or sorted(map(str, prepend)) != ["lyrics", "prompt_wav"]:
        raise fuser.error("prepend", "is not [lyrics, prompt_wav], the only arrangement supported")
    for key in ("sum", "cross", "input_interpolate"):
        fuser.same(key, [], [])


def _lyrics(fields: Fields, dim: int) -> LyricsConfig:
    fields.only(_LYRICS_KEYS, _CHANGES)
    fields.same("type", "phoneme_tokenizer", None)
    fields.same("output_dim", dim, dim)
    fields.same("mode", "sum", "sum")
    vocabulary = _vocabulary(fields)
    tags = [symbol for symbol in vocabulary if len(symbol) > 1 and symbol[0] == "[" and symbol[-1] == "]"]
    fields.same("structure_tokens", tags, tags)
    fields.same("structure_split_tokens", [","], [","])
    fields.same("sentence_split_tokens", ["."], ["."])
    return LyricsConfig(
        vocabulary=vocabulary,
        max_len=fields.integer("max_len", 600),
        max_sentences=fields.integer("max_sentence_per_structure", 50, least=2),
    )


def _vocabulary(fields: Fields) -> tuple[str, ...]:
    symbols: Any = fields.value("vocab_list")
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        raise fields.error("vocab_list", "is not a list of symbols (quote those that YAML reads as something else)")
    if not symbols or symbols[0] != "" or not {".", ","} <= set(symbols):
        raise fields.error("vocab_list", "must begin with the empty symbol and hold '.' and ','")
    return tuple(symbols)


def _prompt(fields: Fields, dim: int) -> PromptConfig:
    fields.only(_PROMPT_KEYS, _CHANGES)
    fields.same("type", "audio_tokenizer_wrapper", None)
    fields.same("output_dim", dim, dim)
    fields.same("audio_tokenizer", None, None)
    return PromptConfig(max_len=fields.integer("max_len", 250))
