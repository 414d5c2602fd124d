"""Every default of the project, in frozen dataclasses. No torch, no files, no environment here.

``SongConfig`` is the shape of a model (released or our own); ``SamplingConfig`` how a song is drawn from it;
``RuntimeConfig`` what the user asks of the machine (``runtime`` turns it into a plan).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FRAME_RATE = 25
"""Latent frames a second, for every model."""

TimeConditioning = Literal["prepend", "adaLN"]
Objective = Literal["rectified_flow", "v"]
DitGuidance = Literal["h", "global", "none"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
AttentionKernel = Literal["auto", "flash", "efficient", "math"]


@dataclass(frozen=True)
class SamplingConfig:
    """How a song is drawn (format page, "Generation, per block").

    ``cfg_lm`` and ``cfg_diff`` are the released ``cfg_coef`` (one number, or the pair).
    """

    cfg_lm: float = 1.5
    cfg_diff: float = 1.5
    dit_guidance: DitGuidance = "h"
    steps: int = 36
    use_sampling: bool = True
    temperature: float = 0.9
    diff_temperature: float = 0.95
    top_k: int = 100
    top_p: float = 0.0
    penalty_repeat: bool = True
    penalty_window: int = 50
    penalty: float = 1.1
    max_frames: int | None = None
    """Overrides ``SongConfig.max_frames`` when set."""


@dataclass(frozen=True)
class LyricsConfig:
    """The lyrics conditioner. ``vocabulary[i]`` is the symbol of id ``i``; id 0 is ``""``."""

    vocabulary: tuple[str, ...]
    max_len: int = 600
    max_sentences: int = 50
    pad: bool = True
    """Pad the rows to ``max_len`` (released); false: as many rows as the lyrics have (embedded)."""
    folding: Literal["none", "sung"] = "none"
    """How phonemes are folded before look-up: ``sung`` maps every language to the embedded model's 40 phonemes."""


@dataclass(frozen=True)
class PromptConfig:
    """The style prompt conditioner."""

    max_len: int = 250
    """Rows, one a latent frame."""
    window: int | None = None
    """Latent frames of a prompt that are encoded, where they are more than the rows (the embedded model takes the
    statistics of all of them)."""


@dataclass(frozen=True)
class SketchLayout:
    """What the embedded model's sketch tokens mean: phoneme x pitch where it sings, chord x beat where it does not.

    Ids: ``phoneme * pitches + (midi - lowest_pitch)`` for sung frames, then ``sung + chord * beats + beat``.
    A chord is ``2 * root + minor``; a beat is an eighth of the bar, 0 to 7.
    """

    phonemes: tuple[str, ...]
    lowest_pitch: int = 40
    pitches: int = 40
    chords: int = 24
    beats: int = 8

    @property
    def sung(self) -> int:
        """Number of sung tokens, which come first."""
        return len(self.phonemes) * self.pitches

    @property
    def size(self) -> int:
        """Number of sketch tokens, EOS not counted."""
        return self.sung + self.chords * self.beats


@dataclass(frozen=True)
class AlignmentConfig:
    """The embedded model's alignment: lyric pointer, run length, bar clock, harmony. The released config has none."""

    layout: SketchLayout
    pointer_rows: int = 4
    """How many of the next sung lyric rows are added to the sketch LM's input."""
    run_buckets: int = 64
    gap_buckets: int = 32
    left_buckets: int = 64
    clock_bars: int = 32
    clock_ticks: int = 32
    """Ticks a bar; a bar has four quarters."""
    tempo_buckets: int = 40
    lead: int = 8
    """Frames by which the sketch runs ahead of the latents, so that the renderer knows what comes next."""
    context: int = 48
    """Sketch frames the renderer looks at: those of the block, and what came before."""
    reach: int = 15
    """Distances to the start and end of a phoneme are counted up to this many frames."""
    prior_dim: int = 256
    prior_layers: int = 6
    pitch_temperature: float = 0.6
    chord_temperature: float = 0.8


@dataclass(frozen=True)
class OobleckConfig:
    """The released autoencoder (Stable-Audio "Oobleck")."""

    kind: Literal["oobleck"] = "oobleck"
    channels: int = 128
    multipliers: tuple[int, ...] = (1, 2, 4, 8, 16)
    strides: tuple[int, ...] = (2, 4, 4, 6, 10)
    final_tanh: bool = True
    audio_channels: int = 2


@dataclass(frozen=True)
class TwoStemConfig:
    """The embedded codec: a source-filter voice and a mel band, rendered apart and summed.

    A latent frame (40 ms) is ``[voice spectrum | voicing x 4 | F0 x 4 | band]``.
    """

    kind: Literal["two_stem"] = "two_stem"
    voice_components: int = 48
    harmonic_bands: int = 64
    noise_bands: int = 40
    sub_frames: int = 4
    band_components: int = 64
    mid_mels: int = 128
    side_mels: int = 64
    decoder_dim: int = 320
    decoder_layers: int = 8
    n_fft: int = 2048
    voice_rate: int = 24000

    @property
    def voice_dim(self) -> int:
        """Width of the voice part of a latent frame."""
        return self.voice_components + 2 * self.sub_frames

    @property
    def latent_dim(self) -> int:
        """Width of a latent frame."""
        return self.voice_dim + self.band_components


CodecConfig = OobleckConfig | TwoStemConfig


@dataclass(frozen=True)
class SongConfig:
    """The shape of a song model. Field names follow the released YAML where it has them."""

    name: str
    lyrics: LyricsConfig
    prompt: PromptConfig
    codec: CodecConfig
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    alignment: AlignmentConfig | None = None
    block_size: int = 16
    latent_dim: int = 64
    dim: int = 1536
    num_heads: int = 24
    hidden_scale: float = 4
    lm_layers: int = 36
    diff_layers: int = 12
    diff_dim: int | None = None
    """Width of the DiT where it is not ``dim`` (the embedded model)."""
    diff_heads: int | None = None
    num_pitch: int = 16384
    sketch_fusion: Literal["rows", "add"] = "rows"
    """How the DiT sees the sketch: as rows of its own (released), or added to the latent rows (embedded)."""
    time_cond_type: TimeConditioning = "prepend"
    timestep_features_dim: int = 256
    diffusion_objective: Objective = "rectified_flow"
    rope_base_lm: float = 20000
    rope_base_dit: float = 20000
    max_frames: int = 150 * FRAME_RATE
    instrumental_seconds: float = 1.0
    """How long one ``[intro]``, ``[inst]`` or ``[outro]`` tag lasts."""
    sample_rate: int = 48000
    samples_per_frame: int = 1920
    init_std: float = 0.02
    h_dropout: float = 0.05
    cfg_dropout: float = 0.1
    prompt_dropout: float = 0.1
    licence: str = "unknown"


@dataclass(frozen=True)
class RuntimeConfig:
    """What the user asks of the machine. ``runtime.plan`` resolves it once."""

    device: Device = "auto"
    precision: Precision = "auto"
    attention: AttentionKernel = "auto"
    tf32: bool = True
    codec_tf32: bool = False
    cudnn_benchmark: bool = True
    threads: int | None = None
    """CPU threads; none: what torch takes by itself."""
    batch_size: int = 4
    """Songs made side by side at most."""


@dataclass(frozen=True)
class OutputConfig:
    """How a song is written."""

    file: str = "song.flac"
    format: str = "flac"
    loudness: float | None = -14.0
    """LUFS; none leaves the level as the model made it."""
    true_peak_ceiling: float = -1.0
    """dBTP."""
