"""Style prompts: sound to latents in a model's own codec, and the named styles that come with a model."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from songbloom_x2.audio.analysis import estimate_key, estimate_tempo
from songbloom_x2.audio.files import read_audio
from songbloom_x2.audio.mixdown import to_mono, to_stereo
from songbloom_x2.audio.resample import resample
from songbloom_x2.audio.window import choose_window
from songbloom_x2.codec.base import Codec
from songbloom_x2.config import FRAME_RATE
from songbloom_x2.errors import AudioError, StyleError
from songbloom_x2.style_words import choose_by_words, described
from songbloom_x2.types import Style, Waveform

PREFIX = "style."
"""How a model's extra tensors name its styles: ``style.NAME.latents [D, T]``, ``.tempo``, ``.key``."""
SHORTEST_SAMPLES = 2048
"""A shorter prompt has no rows (format page)."""
LONGEST_SECONDS = 1200.0
"""How long the file of a style may be; a few seconds of it become the prompt."""
_ANALYSED_SECONDS = 300.0
"""Tempo and key are taken from the whole file up to this length, and from this much around the prompt beyond it."""
_LIKE_A_PATH = re.compile(r"[/\\]|\.\w{2,4}$")


def named_styles(extra: Mapping[str, Tensor], tags: Mapping[str, tuple[str, ...]] | None = None) -> dict[str, Style]:
    """The styles among a model's extra tensors, by name.

    ``tags`` describe them; without any, the words of the name do. Those of tempo and key are added.
    """
    suffix = ".latents"
    names = [key[len(PREFIX) : -len(suffix)] for key in extra if key.startswith(PREFIX) and key.endswith(suffix)]
    styles = {}
    for name in sorted(names):
        tempo, key = extra.get(f"{PREFIX}{name}.tempo"), extra.get(f"{PREFIX}{name}.key")
        beats = None if tempo is None else float(tempo)
        tonic = None if key is None else int(key)
        words = (tags or {}).get(name) or tuple(name.split("-"))
        latents = extra[f"{PREFIX}{name}{suffix}"].float()
        styles[name] = Style(name, latents, beats, tonic, described(words, beats, tonic))
    return styles


def find_style(source: str, styles: Mapping[str, Style]) -> Style | Path:
    """A style by name, the audio file that ``source`` names, or the style that its words describe best.

    Raises ``StyleError`` where it is none of these.
    """
    if source in styles:
        return styles[source]
    path = Path(source)
    if _is_there(path):
        return path
    if styles and not _LIKE_A_PATH.search(source):
        return choose_by_words(source, styles)
    known = f"known styles: {', '.join(styles)}" if styles else "this model has no named styles: give an audio file"
    near = difflib.get_close_matches(source, styles, n=1)
    raise StyleError(
        f"style '{source[:120]}': no such file and no style of that name; "
        + (f"did you mean '{near[0]}'?" if near else known)
    )


def read_style(path: Path) -> Waveform:
    """The sound of a style prompt. Raises ``StyleError`` where the file cannot be used."""
    try:
        return read_audio(path, max_seconds=LONGEST_SECONDS)
    except AudioError as error:
        raise StyleError(f"style {error}") from error


def prompt_window(waveform: Waveform, seconds: float, start: float | None = None) -> tuple[Waveform, float]:
    """The stretch of ``seconds`` that stands for the style, and where it starts: see ``audio.window.choose_window``.

    A second more is kept at its end, so that resampling has something to look at. Raises ``StyleError`` for silence,
    noise, less than a second of sound, and samples that are no numbers.
    """
    refuse_broken(waveform)
    window = choose_window(waveform, seconds, start=start)
    rate = waveform.sample_rate
    first = round(window.start * rate)
    return Waveform(waveform.samples[:, first : first + round((seconds + 1) * rate)], rate), window.start


def refuse_broken(waveform: Waveform) -> None:
    """Raise ``StyleError`` where there are samples that are not finite."""
    if not torch.from_numpy(waveform.samples).isfinite().all():
        raise StyleError("style prompt: has samples that are not finite numbers: export the sound again")


def tempo_and_key(waveform: Waveform, start: float, seconds: float) -> tuple[float | None, int | None]:
    """Beats a minute and key of a recording whose prompt starts at ``start``; none where they are not heard."""
    rate, longest = waveform.sample_rate, _ANALYSED_SECONDS
    if waveform.seconds > longest:
        middle = start + seconds / 2
        first = min(max(middle - longest / 2, 0.0), waveform.seconds - longest)
        part = waveform.samples[:, round(first * rate) : round((first + longest) * rate)]
        waveform = Waveform(part, rate)
    return estimate_tempo(waveform), estimate_key(waveform)


def conversion_notes(waveform: Waveform, codec: Codec, *, mono: bool) -> list[str]:
    """What ``encode_prompt`` does to a sound, in words."""
    notes = []
    channels = waveform.samples.shape[0]
    if channels > 1 and (mono or channels != codec.channels):
        notes.append(f"{channels} channels mixed down to one")
    if waveform.sample_rate != codec.sample_rate:
        notes.append(f"resampled from {waveform.sample_rate} to {codec.sample_rate} Hz")
    return notes


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
    refuse_broken(sound)
    device = next(codec.parameters()).device
    latents: Tensor = codec.encode(samples[None].to(device))[0].float().cpu()
    return latents[:, :max_len]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
