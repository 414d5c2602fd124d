"""All ways to a style: names that come with a model, saved ones, words, sounds, and mixes of these."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from songbloom_x2.audio.loudness import integrated_lufs
from songbloom_x2.conditioning.mixing import blended, of_one_length
from songbloom_x2.config import FRAME_RATE, SongConfig
from songbloom_x2.editing.style_file import SUFFIX, read_style_file
from songbloom_x2.errors import StyleError
from songbloom_x2.style_mixes import checked_mix, is_mix, parse_mix
from songbloom_x2.style_prompts import (
    conversion_notes,
    encode_prompt,
    find_style,
    named_styles,
    prompt_window,
    read_style,
    tempo_and_key,
)
from songbloom_x2.style_words import described, parse_key
from songbloom_x2.types import SongRequest, Style, StyleMix, StylePart, StyleSource, Waveform
from songbloom_x2.workshop import Workshop

_QUIETEST_LUFS = -50.0


class StyleShelf:
    """Finds, encodes and mixes styles for one model."""

    def __init__(self, workshop: Workshop, saved: Path | None = None) -> None:
        """``saved``: the folder of the user's own styles (it need not exist); none: there are none."""
        self._workshop = workshop
        self._saved = saved
        self._named = named_styles(workshop.loaded.extra, workshop.loaded.style_tags)

    @property
    def named(self) -> Mapping[str, Style]:
        """The styles that come with the model, by name."""
        return self._named

    @property
    def _config(self) -> SongConfig:
        return self._workshop.config

    def style(self, source: str | Path | Waveform | Style, start: float | None = None) -> Style:
        """A style prompt; see ``SongPipeline.encode_style``."""
        if isinstance(source, str) and source not in self._named and is_mix(source) and not _is_file(source):
            if start is not None:
                raise StyleError("style start: can be chosen in one audio file only, not in a mix")
            return self.mix(parse_mix(source))
        found = self._found(source)
        if isinstance(found, Style):
            if start is not None:
                raise StyleError(f"style '{found.name}': a start can be chosen in an audio file only")
            return found
        return self._encoded(*found, start)

    def mix(self, mix: StyleMix) -> Style:
        """Several styles as one. Sounds are brought to one loudness first.

        The tempo is the weighted mean (on a logarithmic scale), the key that of the heaviest.
        Raises ``StyleError`` for weights that make no sense and styles that cannot be used.
        """
        mix = checked_mix(mix)
        for name, _ in mix.parts:
            if isinstance(name, str) and name not in self._named and is_mix(name) and not _is_file(name):
                raise StyleError(f"style '{name[:120]}': is a mix itself: name its styles instead")
        found = [self._found(name) for name, _ in mix.parts]
        for (name, _), part in zip(mix.parts, found, strict=True):
            if isinstance(part, Style) and part.parts:
                raise StyleError(f"style '{name}': is a mix itself: name its styles instead")
        reference = self._loudness(found)
        styles = [
            part if isinstance(part, Style) else self._encoded(part[0], part[1], _levelled(part[2], reference), None)
            for part in found
        ]
        return mixed(styles, mix)

    def _loudness(self, found: Sequence[Style | tuple[str, str, Waveform]]) -> float:
        """LUFS that sounds are brought to: those of a style that is latents already, else of the first sound."""
        for part in found:
            if isinstance(part, Style):
                sound = Waveform(self._workshop.decode(part.latents), self._workshop.codec.sample_rate)
                loudness = integrated_lufs(sound)
                if math.isfinite(loudness):
                    return loudness
        first = next(part for part in found if not isinstance(part, Style))
        return integrated_lufs(first[2])

    def _found(self, source: str | Path | Waveform | Style) -> Style | tuple[str, str, Waveform]:
        """A style that is there, or name, checksum and samples of a sound."""
        if isinstance(source, Style):
            return source
        if isinstance(source, Waveform):
            return "waveform", "", source
        if isinstance(source, str) and source not in self._named and (saved := self._saved_file(source)) is not None:
            source = saved
        found = source if isinstance(source, Path) else find_style(source, self._named)
        if isinstance(found, Style):
            return found
        if found.name.endswith(SUFFIX):
            return read_style_file(found, self._workshop.codec.latent_dim, self._workshop.description["sha256"])
        return found.name, hashlib.sha256(found.read_bytes()).hexdigest() if found.is_file() else "", read_style(found)

    def _saved_file(self, name: str) -> Path | None:
        if self._saved is None or Path(name).name != name:
            return None
        path = self._saved / f"{name}{SUFFIX}"
        return path if _is_file(str(path)) else None

    def _encoded(self, name: str, sha256: str, sound: Waveform, start: float | None) -> Style:
        codec, prompt, aligned = self._workshop.codec, self._config.prompt, self._config.alignment is not None
        frames = prompt.window or prompt.max_len
        window, start = prompt_window(sound, frames / FRAME_RATE, start)
        with self._workshop.scope():
            latents = encode_prompt(window, codec, frames, mono=not aligned)
        latents = latents.clone()
        seconds = latents.shape[1] / FRAME_RATE
        notes = conversion_notes(sound, codec, mono=not aligned)
        if sound.seconds > seconds + 1 / FRAME_RATE:
            notes.append(f"{start:.1f} to {start + seconds:.1f} s of {sound.seconds:.1f} s taken")
        heard = StyleSource(name, sha256, start, seconds)
        if not aligned:
            return Style(name, latents, source=heard, notes=tuple(notes))
        # The bar clock and the harmony of an aligned model run at the prompt's tempo and in its key.
        tempo, key = tempo_and_key(sound, start, seconds)
        return Style(name, latents, tempo, key, described((), tempo, key), heard, tuple(notes))


def mixed(styles: Sequence[Style], mix: StyleMix) -> Style:
    """``styles`` as one, with the weights of ``mix``, which sum to 1. Raises ``StyleError`` where they cannot be."""
    if mix.spherical and len(styles) != 2:
        raise StyleError(f"style mix: a sphere lies between two styles, not {len(styles)}")
    shares = [weight for _, weight in mix.parts]
    latents = of_one_length([style.latents for style in styles])
    known = [(share, style.tempo) for share, style in zip(shares, styles, strict=True) if style.tempo is not None]
    total = sum(share for share, _ in known)
    tempo = math.exp(sum(share * math.log(beats) for share, beats in known) / total) if known else None
    keyed = [(share, style.key) for share, style in zip(shares, styles, strict=True) if style.key is not None]
    key = max(keyed, key=lambda each: each[0])[1] if keyed else None
    parts = tuple(
        StylePart(style.name, share, style.latents, style.source) for share, style in zip(shares, styles, strict=True)
    )
    name = " ".join(f"{part.name}:{part.weight:.2g}" for part in parts)
    notes = tuple(f"{style.name}: {note}" for style in styles for note in style.notes)
    whole = blended(latents, shares, spherical=mix.spherical)
    return Style(
        name,
        whole,
        tempo,
        key,
        described((), tempo, key),
        None,
        (f"mixed in {mix.method}", *notes),
        parts,
        mix.method,
        mix.spherical,
    )


def renamed(style: Style, name: str) -> Style:
    """The same style under another name."""
    return replace(style, name=name)


def in_tempo_and_key(request: SongRequest, style: Style | None) -> Style | None:
    """The style with the tempo and key that were asked for. Raises ``StyleError`` for what is no key."""
    if request.bpm is None and request.key is None:
        return style
    if style is None:
        raise StyleError("bpm, key: this model has no styles of its own: name one with them")
    tempo = style.tempo if request.bpm is None else request.bpm
    key = style.key if request.key is None else parse_key(request.key)
    kept = [tag for tag in style.tags if tag not in described((), style.tempo, style.key)]
    return replace(style, tempo=tempo, key=key, tags=described(tuple(kept), tempo, key))


def _levelled(sound: Waveform, lufs: float) -> Waveform:
    here = integrated_lufs(sound)
    if not (math.isfinite(here) and math.isfinite(lufs)) or here < _QUIETEST_LUFS:
        # Silence and what is near it: refused or heard as it is, further on.
        return sound
    return Waveform(sound.samples * 10 ** ((lufs - here) / 20), sound.sample_rate)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
