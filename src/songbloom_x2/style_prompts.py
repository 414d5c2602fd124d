"""Style prompts: sound to latents in a model's own codec, and the named styles that come with a model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from songbloom_x2.audio.files import read_audio
from songbloom_x2.audio.mixdown import to_mono, to_stereo
from songbloom_x2.audio.resample import resample
from songbloom_x2.codec.base import Codec
from songbloom_x2.config import FRAME_RATE
from songbloom_x2.errors import AudioError, StyleError
from songbloom_x2.types import Style, Waveform

PREFIX = "style."
"""How a model's extra tensors name its styles: ``style.NAME.latents [D, T]``, ``.tempo``, ``.key``."""
SHORTEST_SAMPLES = 2048
"""A shorter prompt has no rows (format page)."""


def named_styles(extra: Mapping[str, Tensor]) -> dict[str, Style]:
    """The styles among a model's extra tensors, by name."""
    suffix = ".latents"
    names = [key[len(PREFIX) : -len(suffix)] for key in extra if key.startswith(PREFIX) and key.endswith(suffix)]
    styles = {}
    for name in sorted(names):
        tempo, key = extra.get(f"{PREFIX}{name}.tempo"), extra.get(f"{PREFIX}{name}.key")
        styles[name] = Style(
            name,
            extra[f"{PREFIX}{name}{suffix}"].float(),
            None if tempo is None else float(tempo),
            None if key is None else int(key),
            tuple(name.split("-")),
        )
    return styles


def find_style(source: str, styles: Mapping[str, Style]) -> Style | Path:
    """A style by name, or the audio file that ``source`` names. Raises ``StyleError`` where it is neither."""
    if source in styles:
        return styles[source]
    path = Path(source)
    if path.exists():
        return path
    known = f"known styles: {', '.join(styles)}" if styles else "this model has no named styles: give an audio file"
    near = difflib.get_close_matches(source, styles, n=1)
    raise StyleError(
        f"style '{source[:120]}': no such file and no style of that name; "
        + (f"did you mean '{near[0]}'?" if near else known)
    )


def read_style(path: Path) -> Waveform:
    """The sound of a style prompt. Raises ``StyleError`` where the file cannot be used."""
    try:
        return read_audio(path)
    except AudioError as error:
        raise StyleError(f"style {error}") from error


@torch.no_grad()
def encode_prompt(waveform: Waveform, codec: Codec, max_len: int, *, mono: bool = True) -> Tensor:
    """The first ``max_len`` latent frames of a sound, ``[D, T]`` on the CPU: resampled, the codec's mean.

    ``mono`` mixes it down first, as the released models want it. Raises ``StyleError`` where there is less than a
    frame's worth of sound.
    """
    seconds = max_len / FRAME_RATE
    # Cut before resampling: a long file would be resampled for nothing. The second more keeps the filter's edge out.
    first = Waveform(waveform.samples[:, : int((seconds + 1) * waveform.sample_rate)], waveform.sample_rate)
    resampled = resample(to_mono(first) if mono or codec.channels == 1 else first, codec.sample_rate)
    sound = to_stereo(resampled) if codec.channels == 2 else resampled
    samples = torch.from_numpy(sound.samples[:, : max_len * codec.samples_per_frame])
    if samples.shape[1] < SHORTEST_SAMPLES:
        raise StyleError(f"style prompt: {waveform.seconds:.2f} s is too short: give 1 to {seconds:g} s of music")
    if not samples.isfinite().all():
        raise StyleError("style prompt: has samples that are not finite numbers: export the sound again")
    device = next(codec.parameters()).device
    latents: Tensor = codec.encode(samples[None].to(device))[0].float().cpu()
    return latents[:, :max_len]
