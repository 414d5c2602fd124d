"""Every default of the project, in frozen dataclasses. No torch, no files, no environment here.

``SongConfig`` is the shape of a model (released or our own); ``SamplingConfig`` how a song is drawn from it;
``RuntimeConfig`` what the user asks of the machine (``runtime`` turns it into a plan).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

FRAME_RATE = 25
"""Latent frames a second, for every model."""

_AS_IT_IS: Mapping[str, Any] = MappingProxyType({})

TimeConditioning = Literal["prepend", "adaLN"]
Objective = Literal["rectified_flow", "v"]
DitGuidance = Literal["h", "global", "none"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
AttentionKernel = Literal["auto", "flash", "flash_attn", "efficient", "math"]
MixMethod = Literal["latents", "embeddings", "guidance"]
"""Where styles are mixed: in the prompt's latents; in what the model makes of them; or in each of its predictions."""
Preset = Literal["draft", "fast", "balanced", "best"]
SolverName = Literal["released", "midpoint", "ab2", "multistep"]
Optimisation = Literal["auto", "minimal", "standard", "aggressive"]
Quantisation = Literal["auto", "none", "int8", "int8_weights", "int4"]
Kernels = Literal["auto", "torch", "own"]
Offload = Literal["none", "stage", "layer"]
CacheFormat = Literal["auto", "model", "bfloat16", "int8"]
AudioFormatName = Literal["wav", "flac", "mp3", "opus"]


@dataclass(frozen=True)
class SamplingConfig:
    """How a song is drawn (format page, "Generation, per block").

    ``cfg_lm`` and ``cfg_diff`` are the released ``cfg_coef`` (one number, or the pair).
    """

    cfg_lm: float = 1.5
    """Guidance of the sketch: 1 is none, more follows lyrics and style more closely."""
    cfg_diff: float = 1.5
    """Guidance of the diffusion."""
    dit_guidance: DitGuidance = "h"
    """Where the diffusion is guided: inside the DiT, on the final latents, or nowhere."""
    steps: int = 36
    """Diffusion steps a block: more takes longer and sounds cleaner."""
    solver: SolverName = "released"
    """How the diffusion goes from noise to latents: the released way, or with fewer evaluations for the same error."""
    guidance_from: float = 0.0
    """Below this time (0 is the end of the diffusion) it is not guided, which halves the work there."""
    guidance_until: float = 1.0
    """Above this time (1 is its beginning) it is not guided."""
    use_sampling: bool = True
    """Draw the sketch's tokens; false takes the likeliest each time."""
    temperature: float = 0.9
    """How freely tokens are drawn; 0 takes the likeliest."""
    diff_temperature: float = 0.95
    """Share of the noise that the diffusion starts from."""
    top_k: int = 100
    """Only so many of the likeliest tokens are drawn from; 0: all."""
    top_p: float = 0.0
    """Only the likeliest tokens of this summed probability are drawn from, instead of top_k; 0: off."""
    penalty_repeat: bool = True
    """Make tokens of the last moments less likely."""
    penalty_window: int = 50
    """How many tokens back that reaches."""
    penalty: float = 1.1
    """What their logits are divided by."""
    max_frames: int | None = None
    """Longest song in latent frames, 25 a second; none: what the model says."""


@dataclass(frozen=True)
class LyricPace:
    """How long a model takes over lyrics, in seconds: for the estimate, nothing follows it.

    ``sentence``: breath and held last note; ``section``: what a section takes beyond its sentences; ``song``: before
    the first word and after the last; ``close``: what an ``[outro]`` at the end takes beyond its tags. A sentence takes
    ``sentence_bars`` bars more, as long as the tempo makes them.
    """

    syllable: float = 0.36
    sentence: float = 0.8
    section: float = 1.0
    song: float = 0.0
    close: float = 0.0
    sentence_bars: float = 0.0


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
    pace: LyricPace = LyricPace()


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
    pitch_from_sketch: bool = True
    """F0 is the sketch's melody, smoothed, not the DiT's: a note is in tune or it is not, and noise on F0 is heard."""
    voice_from_prior: float = 0.0
    """Share of the regression's mean in the voice's spectrum: the DiT's draw scatters about it, and words blur."""
    vibrato_semitones: float = 0.0
    """Vibrato of held notes above and below their pitch, where F0 is the sketch's melody."""
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
    voice_level_db: float = 0.0
    """How much louder the voice is in the sum than it was in the songs that the model learned from."""

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

    @property
    def kind(self) -> Literal["released", "embedded"]:
        """Which presets apply: the embedded models have an alignment."""
        return "released" if self.alignment is None else "embedded"


DEFAULT_MIX_METHOD: MixMethod = "embeddings"
"""How styles are mixed, where nobody says (docs/editing.md has the measurements)."""

PITCH_CENTRE, PITCH_UNIT = 60.0, 2.0
"""F0 in the embedded codec's latents is ``(midi - centre) / unit``. Two semitones are one unit: a renderer whose
latents are off by a tenth is then off by 20 cents, not by 80."""
INSTRUMENTAL_SECONDS = 30.0
"""How long a song without words is, where nobody says."""

PRESETS: Mapping[str, Mapping[Preset, Mapping[str, Any]]] = MappingProxyType(
    {
        "released": MappingProxyType(
            {
                "draft": MappingProxyType({"steps": 12}),
                "fast": MappingProxyType({"steps": 12, "solver": "ab2"}),
                "balanced": _AS_IT_IS,
                "best": MappingProxyType({"steps": 72}),
            }
        ),
        "embedded": MappingProxyType(
            {
                "draft": MappingProxyType({"steps": 5}),
                "fast": MappingProxyType({"steps": 10, "solver": "ab2"}),
                "balanced": _AS_IT_IS,
                "best": MappingProxyType({"steps": 32}),
            }
        ),
    }
)
"""What a preset changes of a model's own ``SamplingConfig``, by kind of model (``SongConfig.kind``)."""


@dataclass(frozen=True)
class RuntimeConfig:
    """What the user asks of the machine. ``runtime.plan`` resolves it once."""

    device: Device = "auto"
    """What computes; auto takes the fastest there is."""
    precision: Precision = "auto"
    """Number format of LM and DiT; the codec is always float32."""
    attention: AttentionKernel = "auto"
    """Which attention kernel runs."""
    optimisation: Optimisation = "auto"
    """A bundle: minimal is torch's plain path, standard what changes no more than rounding, aggressive adds int8; auto:
    standard on a CPU, else minimal."""
    packing: bool | None = None
    """Join projections, and lay weights out once for the CPU's kernels; none: what the bundle says."""
    quantise: Quantisation = "auto"
    """Number format of the weights of LM and DiT, see docs/performance.md; auto: what the bundle says."""
    kernels: Kernels = "auto"
    """Whose kernels compute in float32 and int8 on a CPU: torch's, or our own, compiled here; auto: own if possible."""
    kv_cache: CacheFormat = "auto"
    """Number format of the LM's keys and values: the model's or smaller; auto: int8 with own int8 kernels."""
    compile: bool | None = None
    """Compile the LM's step and the DiT's evaluation, at the cost of a slow first song; none: what the bundle says."""
    tf32: bool = True
    """Let Ampere and later GPUs multiply float32 in TF32."""
    codec_tf32: bool = False
    """The same for the codec, which it can be heard in."""
    cudnn_benchmark: bool = True
    """Let cuDNN try which convolution is fastest."""
    offload: Offload = "none"
    """Weights wait in the host's memory and come to the GPU by stage (LM, DiT) or by layer: less memory, slower."""
    memory: str | None = None
    """How much may be used at most, such as 6GB: songs side by side, then exactness are given up for it; none: any."""
    threads: int | None = None
    """CPU threads; none: what torch takes by itself."""
    batch_size: int = 4
    """Songs made side by side at most, also those of several jobs of a server."""


@dataclass(frozen=True)
class OutputConfig:
    """How a song is written."""

    file: str = "song.flac"
    """Where a song is written, where nobody says."""
    format: AudioFormatName = "flac"
    """File format, where no file name decides it."""
    loudness: float | None = -14.0
    """Level in LUFS that songs are brought to; none leaves it as the model made it."""
    true_peak_ceiling: float = -1.0
    """True peak in dBTP that the level may not push a song beyond."""


@dataclass(frozen=True)
class ModelsConfig:
    """Which model makes songs, where models lie and where they are fetched from."""

    default: str = "embedded"
    """The model that is used where nobody names one: a known name or a folder."""
    folder: str | None = None
    """Where downloaded models lie; none: models in the user's data folder of this program."""
    repository: str | None = None
    """Hub repository to download from; none: the mirror that songbloom models list shows."""
    revision: str = "main"
    """Branch, tag or commit of that repository."""


ExecutorName = Literal["local", "ray"]


@dataclass(frozen=True)
class JobsConfig:
    """The server's jobs: where they are kept, which workers make songs, and how long songs stay."""

    data_dir: str | None = None
    """Where songs, styles and the database lie; none: server in the user's data folder of this program."""
    database: str | None = None
    """URL of the database, for example postgresql://user@host/songs; none: SQLite in the data folder."""
    executor: ExecutorName = "local"
    """Where workers run: as processes of this machine, or as actors of a Ray cluster."""
    workers: int = 1
    """Worker processes on this machine; each loads the model for itself."""
    ray_address: str | None = None
    """The Ray cluster; none: one on this machine alone."""
    min_replicas: int = 1
    """Ray actors that are always there."""
    max_replicas: int = 1
    """Ray actors at most, when jobs wait."""
    gpus_per_replica: float = 0.0
    """GPUs that each Ray actor takes."""
    attempts: int = 5
    """How often a job is begun at most, where its worker is lost each time."""
    lease_seconds: float = 30.0
    """After so long without a sign of life from its worker, a job is given to another."""
    stall_seconds: float = 900.0
    """A worker that has not finished a block, or loading, for so long is taken for stuck and replaced."""
    drain_seconds: float = 20.0
    """How long a worker may go on with its songs when the server stops, before they go back to the queue."""
    preload: bool = True
    """Workers load the default model when they start, not with the first job."""
    idle_unload_seconds: float | None = None
    """A worker without jobs for so long frees its model's memory; none: never."""
    keep_days: float | None = None
    """Songs older than this are deleted, favourites excepted; none: never."""
    keep_gigabytes: float | None = None
    """The oldest songs are deleted while all take more than this, favourites excepted; none: no limit."""
    trash_days: float = 7.0
    """How long a deleted song can be brought back."""


@dataclass(frozen=True)
class JobLimits:
    """What one request, and one owner, may ask of the server."""

    max_duration: float = 600.0
    """Longest song in seconds."""
    max_lyrics: int = 10_000
    """Characters of lyrics."""
    max_steps: int = 200
    """Diffusion steps a block."""
    max_samples: int = 8
    """Songs of one job."""
    max_queued: int = 1000
    """Jobs that wait, of all owners."""
    max_queued_per_owner: int | None = None
    """Jobs that wait, of one owner; none: as many as fit."""
    max_running_per_owner: int | None = None
    """Jobs of one owner that are made at the same time; none: as many as there are workers."""
    max_songs_per_day: int | None = None
    """Songs that one owner may ask for in 24 hours; none: any number."""
    max_styles_per_owner: int = 500
    """Uploaded styles that one owner may keep."""
    max_upload_bytes: int = 50 * 2**20
    """Size of an uploaded sound."""
    max_upload_seconds: float = 600.0
    """Length of an uploaded sound, decoded."""


LogFormat = Literal["text", "json"]


@dataclass(frozen=True)
class ServerConfig:
    """The HTTP server. What it may be asked for stands in the section limits, how it makes songs in jobs."""

    host: str = "127.0.0.1"
    """The address it listens at; one that others reach needs API keys."""
    port: int = 8000
    """The port it listens at; 0 takes any that is free."""
    insecure: bool = False
    """Let everybody who reaches the server use it, where there are no API keys."""
    cors_origins: str | None = None
    """Origins of other web pages that may use it, with spaces between; none: no page but its own."""
    log_format: LogFormat = "text"
    """Logs for people, or one JSON object a line."""
    requests_per_minute: int | None = 1200
    """Requests that one client may send in a minute; none: any number."""
    page: bool = True
    """Show the web page at /, where the extra ui is installed."""
    stop_seconds: float = 5.0
    """How long open connections may take to end when the server stops, before they are cut."""
