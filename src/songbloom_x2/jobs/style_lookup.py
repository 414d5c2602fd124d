"""Styles that requests name: uploaded ones by their ids, names and words of a model, and mixes of these. Never paths.

Lives in worker processes only.
"""

from __future__ import annotations

from pathlib import Path

from songbloom_x2.errors import StyleError
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.request_fields import UPLOADED
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.style_mixes import is_mix, parse_mix, written_mix
from songbloom_x2.style_words import choose_by_words
from songbloom_x2.types import Style, StyleMix


class StyleLookup:
    """The styles that one model's requests may name."""

    def __init__(self, pipeline: SongPipeline, folder: DataFolder) -> None:
        """Nothing is looked up yet."""
        self._pipeline = pipeline
        self._folder = folder
        self._named = {known.name: known for known in pipeline.named_styles}

    def style(self, text: str, start: float | None = None) -> Style:
        """The style of a request's text; ``start`` chooses a stretch of an uploaded one. Raises ``StyleError``."""
        if UPLOADED.fullmatch(text):
            return self._pipeline.encode_style(self._uploaded(text), start)
        if start is not None:
            raise StyleError("style start: belongs to an uploaded style")
        if text in self._named:
            return self._named[text]
        if is_mix(text):
            return self.mixed(parse_mix(text))
        return self._by_words(text)

    def mixed(self, mix: StyleMix) -> Style:
        """The mix; of one part alone that style. Raises ``StyleError``."""
        if len(mix.parts) == 1:
            return self.style(mix.parts[0][0])
        parts = tuple((self._exact(name), weight) for name, weight in mix.parts)
        return self._pipeline.mix_styles(StyleMix(parts, mix.method, mix.spherical))

    def exact(self, text: str) -> str:
        """The same style as the pipeline takes it in a request: exact names, and the files of uploaded ones."""
        if text in self._named or not is_mix(text):
            return self._exact(text)
        return written_mix([(self._exact(name), weight) for name, weight in parse_mix(text).parts])

    def _exact(self, text: str) -> str:
        if UPLOADED.fullmatch(text):
            return str(self._uploaded(text))
        return text if text in self._named else self._by_words(text).name

    def _by_words(self, text: str) -> Style:
        # Not the pipeline's own way from words to a style: that one looks for a file of this name first.
        if not self._named:
            raise StyleError(f"model '{self._pipeline.config.name}' comes without styles: upload one")
        return choose_by_words(text, self._named)

    def _uploaded(self, style: str) -> Path:
        file = self._folder.style_file(style)
        if not file.is_file():
            raise StyleError(f"style '{style}': is no longer there; upload it again")
        return file
