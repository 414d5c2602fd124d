"""The parts of a model as modules of tensors alone, each with inputs to try it on and names for its axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from songbloom_x2.codec.autoencoder import OobleckAutoencoder
from songbloom_x2.codec.base import Codec
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.conditioning.window import COLUMNS
from songbloom_x2.config import SongConfig
from songbloom_x2.diffusion.dit import DiffusionTransformer
from songbloom_x2.errors import ConfigError
from songbloom_x2.export.aligned_graph import AlignedRender, GuideChoose, GuideRows
from songbloom_x2.export.lm_graph import LmGraph
from songbloom_x2.export.two_stem_graph import TwoStemDecode, TwoStemEncode, decoder_context
from songbloom_x2.song_model import SongModel

Axes = Mapping[int, str]


@dataclass(frozen=True)
class Graph:
    """One exported function.

    ``inputs``: example tensors by name, in the order of ``module.forward``; ``axes``: names of their axes of any
    length; ``outputs``: names in the order in which ``module`` gives them. ``quantised``: worth 8-bit weights.
    """

    name: str
    module: nn.Module
    inputs: Mapping[str, Tensor]
    axes: Mapping[str, Axes]
    outputs: tuple[str, ...]
    quantised: bool = False


class Prefix(nn.Module):
    """Lyrics tables and style prompt to the rows in front of the sketch (``SongModel.prefix``)."""

    def __init__(self, model: SongModel) -> None:
        super().__init__()
        self.lyrics, self.project = model.lyrics, model.prompt.project

    def forward(self, symbol: Tensor, structure: Tensor, sentence: Tensor, used: Tensor, prompt: Tensor) -> Tensor:
        """Tables ``[B, L]`` (``used`` bool), ``prompt [B, P, D]``, zeros where there is none -> ``[B, P + L, dim]``."""
        return torch.cat((self.project(prompt), self.lyrics.summed(symbol, structure, sentence, used)), dim=1)


class BlockEmbedding(nn.Module):
    """A block's latents to the LM input that closes it (``SongModel.embed_block``)."""

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding

    def forward(self, latents: Tensor) -> Tensor:
        """``[N, block, D]`` -> ``[N, dim]``."""
        out: Tensor = self.embedding(latents.flatten(1))
        return out


class OobleckDecode(nn.Module):
    """Latents ``[B, D, T]`` to sound ``[B, C, T * samples_per_frame]``."""

    def __init__(self, codec: OobleckAutoencoder) -> None:
        super().__init__()
        self.decoder = codec.decoder

    def forward(self, latents: Tensor) -> Tensor:
        """See the class."""
        out: Tensor = self.decoder(latents)
        return out


class OobleckEncode(nn.Module):
    """Audio ``[B, C, N]`` to the posterior's mean ``[B, D, T]``."""

    def __init__(self, codec: OobleckAutoencoder) -> None:
        super().__init__()
        self.encoder = codec.encoder

    def forward(self, audio: Tensor) -> Tensor:
        """See the class."""
        out: Tensor = self.encoder(audio).chunk(2, dim=1)[0]
        return out


def graphs_of(model: SongModel) -> list[Graph]:
    """Everything that a song of ``model`` needs. Raises ``ConfigError`` where the model has no codec."""
    if model.codec is None:
        raise ConfigError(f"model '{model.config.name}' has no codec: there is nothing to make sound with")
    return [_apart(graph) for graph in _parts(model)]


def _apart(graph: Graph) -> Graph:
    """Every input in memory of its own: an exporter takes two names of one tensor for one input."""
    return replace(graph, inputs={name: tensor.clone() for name, tensor in graph.inputs.items()})


def _parts(model: SongModel) -> list[Graph]:
    assert model.codec is not None
    parts = [*_language_model(model), _velocity(model.dit, model.config), *_codec(model.codec)]
    if model.alignment is None:
        hidden = torch.randn(3, model.config.dim)
        parts.append(
            Graph("logits", model.sketch.classifier, {"input": hidden}, {"input": {0: "rows"}}, ("logits",), True)
        )
    else:
        parts += _aligned(model)
    return parts


def decode_context(codec: Codec) -> tuple[int, int]:
    """Latent frames before and behind a window that its sound depends on."""
    if isinstance(codec, TwoStemCodec):
        return decoder_context(codec)
    assert isinstance(codec, OobleckAutoencoder)
    return codec.decoder_context.left, codec.decoder_context.right


def _language_model(model: SongModel) -> list[Graph]:
    config, lm = model.config, model.sketch
    batch, length = 3, 7
    used = torch.ones(batch, length, dtype=torch.bool)
    ids = torch.zeros(batch, length, dtype=torch.int64)
    tables = dict.fromkeys(("symbol", "structure", "sentence"), ids) | {"used": used}
    prompt = torch.randn(batch, config.prompt.max_len, config.latent_dim)
    lyric_axes = {0: "songs", 1: "lyric_rows"}
    cached = torch.randn(len(lm.layers), batch, lm.heads, 11, lm.head_dim)
    cache_axes = {1: "rows", 3: "cached"}
    rows, position = torch.randn(batch, 5, config.dim), torch.tensor([4, 11, 0])
    return [
        Graph(
            "prefix",
            Prefix(model),
            {**tables, "prompt": prompt},
            {**dict.fromkeys(tables, lyric_axes), "prompt": {0: "songs"}},
            ("rows",),
        ),
        Graph(
            "lm",
            LmGraph(lm),
            {"rows": rows, "keys": cached, "values": cached, "position": position},
            {"rows": {0: "rows", 1: "new"}, "keys": cache_axes, "values": cache_axes, "position": {0: "rows"}},
            ("hidden", "new_keys", "new_values"),
            True,
        ),
        Graph("embed", lm.embedding, {"input": torch.tensor([1, 2, 3])}, {"input": {0: "tokens"}}, ("rows",)),
        Graph(
            "embed_block",
            BlockEmbedding(model.block_embedding),
            {"latents": torch.randn(batch, config.block_size, config.latent_dim)},
            {"latents": {0: "songs"}},
            ("row",),
            True,
        ),
    ]


def _velocity(dit: DiffusionTransformer, config: SongConfig) -> Graph:
    block = torch.randn(3, config.block_size, config.latent_dim)
    inputs = {
        "noisy": block,
        "t": torch.tensor([0.2, 0.5, 0.9]),
        "hidden": torch.randn(3, dit.dim),
        "sketch": torch.randn(3, dit.sketch_rows, dit.dim),
        "previous": block,
    }
    return Graph("velocity", dit, inputs, {name: {0: "rows"} for name in inputs}, ("velocity",), True)


def _codec(codec: Codec) -> list[Graph]:
    left, right = decode_context(codec)
    latents = torch.randn(2, codec.latent_dim, left + right + 3)
    audio = 0.1 * torch.randn(2, codec.channels, codec.samples_per_frame * 9)
    latent_axes, audio_axes = {0: "songs", 2: "frames"}, {0: "songs", 2: "samples"}
    if isinstance(codec, TwoStemCodec):
        inputs = {
            "latents": latents,
            "first": torch.tensor([5]),
            "phase": torch.tensor([0.25, 0.5], dtype=torch.float64),
        }
        axes: dict[str, Axes] = {"latents": latent_axes, "phase": {0: "songs"}}
        decode = Graph("decode", TwoStemDecode(codec), inputs, axes, ("sound", "phases"))
        encode: nn.Module = TwoStemEncode(codec)
    else:
        assert isinstance(codec, OobleckAutoencoder)
        decode = Graph("decode", OobleckDecode(codec), {"latents": latents}, {"latents": latent_axes}, ("sound",))
        encode = OobleckEncode(codec)
    return [decode, Graph("encode", encode, {"audio": audio}, {"audio": audio_axes}, ("latents",))]


def _aligned(model: SongModel) -> list[Graph]:
    assert model.alignment is not None and model.config.alignment is not None
    config, layout = model.config.alignment, model.config.alignment.layout
    songs, phonemes, context = 3, 9, config.context
    start = [len(layout.phonemes), layout.pitches, 0, 0, 0, layout.chords, layout.chords]
    state = torch.tensor([start] * songs)
    later = [3, 5, 2, 4, 17, 3, 4]
    state[1] = torch.tensor(later)
    ints = torch.randint(0, 3, (songs, phonemes))
    score = {
        "classes": ints,
        "gap": torch.zeros(songs, phonemes + 1, dtype=torch.int64),
        "left": torch.ones(songs, phonemes + 1, dtype=torch.int64),
        "count": torch.tensor([9, 7, 0]),
    }
    score_axes: dict[str, Axes] = {
        "classes": {0: "songs", 1: "phonemes"},
        "gap": {0: "songs", 1: "places"},
        "left": {0: "songs", 1: "places"},
        "count": {0: "songs"},
    }
    tempo, statistics = torch.tensor([90.0, 120.0, 101.5]), torch.randn(songs, 2 * model.config.latent_dim)
    window = torch.zeros(songs, context, len(COLUMNS), dtype=torch.int64)
    window[:, context // 2 :, 2] = 1
    by_song: Axes = {0: "songs"}
    profile = {"tempo": tempo, "key": torch.tensor([0, 3, 24]), "statistics": statistics}
    sung = {"lowest": torch.tensor([0, 3, 9]), "highest": torch.tensor([30, 20, 15])}
    chosen = {
        "hidden": torch.randn(songs, model.config.dim),
        "state": state,
        "window": window,
        "uniforms": torch.rand(songs, 3, dtype=torch.float64),
        "may_end": torch.tensor([True, False, True]),
    }
    return [
        Graph(
            "guide_rows",
            GuideRows(model.alignment),
            {"state": state, **score, **profile},
            {"state": by_song, **score_axes, **dict.fromkeys(profile, by_song)},
            ("rows",),
        ),
        Graph(
            "guide_choose",
            GuideChoose(model.alignment, model.config.block_size),
            {**chosen, "temperature": torch.tensor([1.0]), **score, "tempo": tempo, **sung},
            {**dict.fromkeys(chosen, by_song), **score_axes, "tempo": by_song, **dict.fromkeys(sung, by_song)},
            ("token", "state_after", "window_after"),
        ),
        Graph(
            "render",
            AlignedRender(model),
            {"window": window, "statistics": statistics, "state": state},
            {"window": by_song, "statistics": by_song, "state": by_song},
            ("style_row", "rows", "known", "expected"),
            True,
        ),
    ]
