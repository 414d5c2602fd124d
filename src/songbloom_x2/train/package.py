"""Joins the trained parts into one model folder, with named styles from songs that were never trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from songbloom_x2.checkpoints import native
from songbloom_x2.config import SongConfig
from songbloom_x2.errors import CheckpointError
from songbloom_x2.song_model import SongModel
from songbloom_x2.train.corpus.voices import voice_named
from songbloom_x2.train.songs import Songs, TrainingSong

FEWEST_ROWS = 45
"""Lyric rows that a song has at least whose voice is to be heard in its style."""
STYLE_FRAMES = 180
"""Latent frames (7.2 s) of a named style."""
_CODEC_PARTS = ("voice_whitening.", "band_whitening.", "band_decoder.")
"""The codec's parts are trained by themselves and stored without the model's prefix."""


def assembled(config: SongConfig, files: Sequence[Path]) -> SongModel:
    """A model with the weights of several part files.

    Raises:
        CheckpointError: the files together do not cover the model, or hold what it has not.
    """
    model = SongModel(config)
    tensors: dict[str, Tensor] = {}
    for file in files:
        for name, tensor in load_file(file).items():
            tensors[f"codec.{name}" if name.startswith(_CODEC_PARTS) else name] = tensor
    expected = set(model.state_dict())
    idle = {name for name in expected if name.startswith("sketch.classifier.")}
    if missing := sorted(expected - tensors.keys() - idle):
        raise CheckpointError(f"the parts lack {missing[0]} (and {len(missing) - 1} more tensors): name them all")
    if unknown := sorted(tensors.keys() - expected):
        raise CheckpointError(f"the parts hold {unknown[0]}, which the model has not: made for another configuration")
    model.load_state_dict(tensors, strict=False)
    return model.eval()


def liveliest(song: TrainingSong, voicing: slice) -> Tensor:
    """The stretch of a song with most singing, ``[D, T]`` float32."""
    latents = song.clean.float()
    length = min(STYLE_FRAMES, len(latents))
    voiced = (latents[:, voicing].mean(1) > 0).float()
    sums = torch.cat([voiced.new_zeros(1), voiced.cumsum(0)])
    start = int((sums[length:] - sums[: len(sums) - length]).argmax())
    return latents[start : start + length].T.contiguous()


def named_styles(songs: Songs, chosen: Mapping[str, int]) -> dict[str, Tensor]:
    """Extra tensors of a model folder: ``style.NAME.{latents,tempo,key}`` for each name and its song's index."""
    first = songs.codec.voice_components
    voicing = slice(first, first + songs.codec.sub_frames)
    extra: dict[str, Tensor] = {}
    for name, index in chosen.items():
        song = songs.songs[index]
        extra[f"style.{name}.latents"] = liveliest(song, voicing).half()
        extra[f"style.{name}.tempo"] = torch.tensor(song.sketch.tempo)
        extra[f"style.{name}.key"] = torch.tensor(song.sketch.key)
    return extra


def style_tags(songs: Songs, chosen: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Style, voice, and ``female`` or ``male`` of each named style; the rest can be read off its tempo and key."""
    tags: dict[str, tuple[str, ...]] = {}
    for name, index in chosen.items():
        song = songs.songs[index]
        sex = "female" if voice_named(song.voice).sex == "f" else "male"
        tags[name] = (song.style, song.voice, sex)
    return tags


def library(songs: Songs, count: int) -> dict[str, int]:
    """``count`` songs by name (``style-voice``), or as many as there are: one of every style that has words enough,
    then a second of each and so on, always in the voice that was taken least so far.
    """
    chosen: dict[str, int] = {}
    used: Counter[str] = Counter()
    fit = [i for i, song in enumerate(songs.songs) if len(song.sketch.ids) > FEWEST_ROWS]
    styles = sorted({songs.songs[i].style for i in fit})
    while len(chosen) < count:
        before = len(chosen)
        for style in styles:
            left = [i for i in fit if songs.songs[i].style == style and style_name(songs.songs[i]) not in chosen]
            if left and len(chosen) < count:
                index = min(left, key=lambda i: (used[songs.songs[i].voice], -len(songs.songs[i].sketch.ids)))
                used[songs.songs[index].voice] += 1
                chosen[style_name(songs.songs[index])] = index
        if len(chosen) == before:
            break
    return chosen


def style_name(song: TrainingSong) -> str:
    """``style-voice``."""
    return f"{song.style}-{song.voice}"


def save_package(
    model: SongModel,
    styles: Mapping[str, Tensor],
    folder: Path,
    source: str,
    tags: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write the model folder: networks in bfloat16, codec in float16; ``tags`` describe the styles by their names."""
    native.save(
        folder, model, dtype="bfloat16", codec_dtype="float16", source=source, extra=dict(styles), style_tags=tags
    )
