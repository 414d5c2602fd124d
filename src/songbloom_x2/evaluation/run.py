"""An evaluation of a model: songs are made, measured and kept; what is there already is not made again.

The folder holds ``settings.json``, for each song ``000.json`` (its figures and what was heard), ``000.flac``,
``000-voice.flac`` and ``000.npz`` (sketch tokens, features), then ``figures.json`` and ``index.html``. Style and voice
are recognised anew in each run, from the kept features: another listener needs no other songs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from songbloom_x2.audio.atomic import write_atomically
from songbloom_x2.audio.files import write_audio
from songbloom_x2.audio.limiter import levelled
from songbloom_x2.config import OutputConfig
from songbloom_x2.errors import ConfigError, SongBloomError
from songbloom_x2.evaluate.recognition import STYLE_WIDTH, style_features
from songbloom_x2.evaluate.transcribe import WHISPER_RATE, Hears
from songbloom_x2.evaluation import measure
from songbloom_x2.evaluation.listener import Listener
from songbloom_x2.evaluation.measure import Figures, Prompt
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.text.duration import in_tempo
from songbloom_x2.types import PreparedLyrics, Progress, Song, SongRequest, Style, Waveform


@dataclass(frozen=True)
class LyricsLine:
    """Lyrics to sing: a name, the language for the transcription, and the words."""

    idx: str
    lang: str
    lyrics: str


@dataclass(frozen=True)
class EvaluationPlan:
    """What is evaluated: ``songs`` songs of ``lines`` in turn; ``style`` none: the model's named styles in turn."""

    lines: tuple[LyricsLine, ...]
    songs: int
    style: str | None = None
    seed: int = 0
    sampling: Mapping[str, Any] = field(default_factory=dict)
    duration: float | None = None


def read_lyrics_lines(path: Path) -> tuple[LyricsLine, ...]:
    """Lines of JSON with ``lyrics``, and perhaps ``idx`` and ``lang``. Raises ``ConfigError`` with file and line."""
    lines = []
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--lyrics-file {path}: cannot be read: {error}") from None
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"--lyrics-file {path}, line {number}: is not JSON: {error}") from None
        if not isinstance(entry, dict) or not isinstance(entry.get("lyrics"), str) or not entry["lyrics"].strip():
            raise ConfigError(f'--lyrics-file {path}, line {number}: must be an object with "lyrics"')
        lines.append(LyricsLine(str(entry.get("idx", number)), str(entry.get("lang", "en")), entry["lyrics"]))
    if not lines:
        raise ConfigError(f"--lyrics-file {path}: holds no lyrics")
    return tuple(lines)


def plan_id(plan: EvaluationPlan, model_hash: str) -> str:
    """A name for the folder of a plan with a model: another plan or model has another."""
    return hashlib.sha256(json.dumps([asdict(plan), model_hash], sort_keys=True).encode()).hexdigest()[:10]


class _Noted:
    """Observes one song: its prepared lyrics and its style."""

    def __init__(self) -> None:
        self.lyrics: PreparedLyrics | None = None
        self.style: Style | None = None

    def prepared(self, song: int, lyrics: PreparedLyrics) -> None:
        self.lyrics = lyrics

    def styled(self, song: int, style: Style | None) -> None:
        self.style = style

    def progressed(self, song: int, progress: Progress) -> None:
        pass


class Evaluation:
    """One plan with one model, in one folder."""

    def __init__(
        self,
        pipeline: SongPipeline,
        plan: EvaluationPlan,
        folder: Path,
        hear: Hears,
        listener: Listener | None,
    ) -> None:
        """Raises ``ConfigError`` where the folder was begun with another plan or model."""
        self.pipeline, self.plan, self.folder = pipeline, plan, folder
        self._hear, self._listener = hear, listener
        self._prompts: tuple[Prompt, ...] = ()
        folder.mkdir(parents=True, exist_ok=True)
        settings = {**asdict(plan), "lines": [asdict(line) for line in plan.lines], "model": pipeline.description}
        settings = json.loads(json.dumps(settings))
        path = folder / "settings.json"
        grown = ("songs",)
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            if {k: v for k, v in before.items() if k not in grown} != {
                k: v for k, v in settings.items() if k not in grown
            }:
                raise ConfigError(f"{folder}: holds an evaluation with other settings: use another --out")
        write_atomically(path, (json.dumps(settings, indent=1, ensure_ascii=False) + "\n").encode())

    def run(self, report: Callable[[int, Figures, bool], None], numbers: Sequence[int] | None = None) -> list[Figures]:
        """Make and measure what is missing; ``report`` gets number, figures, and whether they were there already.

        ``numbers``: only these songs, in a process that shares the folder with others; none: all.
        """
        songs = []
        for number in range(self.plan.songs) if numbers is None else numbers:
            path = self.folder / f"{number:03d}.json"
            there = path.exists()
            if there:
                figures: Figures = json.loads(path.read_text(encoding="utf-8"))
                figures |= self._recognised_again(number, figures)
            else:
                figures = self._measured(number)
            if not there or self._listener is not None:
                write_atomically(path, (json.dumps(figures, indent=1, ensure_ascii=False) + "\n").encode())
            report(number, figures, there)
            songs.append(figures)
        return songs

    def _measured(self, number: int) -> Figures:
        """Make one song, keep it, measure it."""
        plan, pipeline = self.plan, self.pipeline
        line = plan.lines[number % len(plan.lines)]
        named = pipeline.styles
        asked = plan.style or (named[number % len(named)] if named else None)
        request = SongRequest(
            line.lyrics, asked, plan.seed + number, duration=plan.duration, sampling=dict(plan.sampling)
        )
        noted = _Noted()
        try:
            song = pipeline.generate(request, observer=noted)[0]
        except SongBloomError as error:
            return {"idx": line.idx, "failed": str(error)}
        voice, band = self._stems(song)
        features = measure.Features.of(song.waveform if band is None else band, voice)
        delivered = self._keep(number, song, voice, features)
        style, found = noted.style, measure.of_sound(song.waveform) | measure.of_file(delivered)
        figures: Figures = {"idx": line.idx, "lang": line.lang, "style": asked, "seed": request.seed, **found}
        heard_mix = self._hear(measure.at_rate(song.waveform, WHISPER_RATE), line.lang)
        heard = heard_mix
        figures |= measure.of_words(line.lyrics, heard_mix, "mix")
        if voice is not None:
            heard = self._hear(measure.at_rate(voice, WHISPER_RATE), line.lang)
            figures |= measure.of_words(line.lyrics, heard, "voice")
        figures |= measure.of_form(line.lyrics, heard)
        tempo, key = (None, None) if style is None else (style.tempo, style.key)
        figures |= measure.of_prompt(song.waveform, found, tempo, key)
        if pipeline.config.alignment is not None and voice is not None:
            figures |= measure.of_tune(voice, song.tokens, pipeline.config.alignment.layout, key)
        if song.score is not None:
            figures |= measure.of_choruses(song.waveform, voice, line.lyrics, song.score.words)
        figures |= measure.of_recognition(features, style, self._listener, self._named_prompts())
        assert noted.lyrics is not None
        result = song.manifest["result"]
        figures |= measure.of_ending(result["ending"], song.waveform.seconds, in_tempo(noted.lyrics, tempo))
        figures["real_time_factor"] = round(song.manifest["timings"]["real_time_factor"], 4)
        return figures

    def _stems(self, song: Song) -> tuple[Waveform | None, Waveform | None]:
        if self.pipeline.config.codec.kind != "two_stem" or self.pipeline.config.alignment is None:
            return None, None
        return self.pipeline.stems(song)

    def _recognised_again(self, number: int, figures: Figures) -> Figures:
        """What the listener of this run makes of a song that is kept."""
        style = next((style for style in self.pipeline.named_styles if style.name == figures.get("style")), None)
        path = self.folder / f"{number:03d}.npz"
        if style is None or not path.exists():
            return {}
        with np.load(path) as kept:
            if "band" not in kept:
                return {}
            features = measure.Features(kept["band"], kept.get("voice"))
        if len(features.band) != STYLE_WIDTH:
            raise ConfigError(f"{path}: kept by another version, with other features: use another --out")
        return measure.of_recognition(features, style, self._listener, self._named_prompts())

    def _keep(self, number: int, song: Song, voice: Waveform | None, features: measure.Features) -> Waveform:
        """Write song, voice, tokens and features; gives the song at the level that files have."""
        delivered = _levelled(song.waveform)
        write_audio(self.folder / f"{number:03d}.flac", delivered, format="flac")
        if voice is not None:
            write_audio(self.folder / f"{number:03d}-voice.flac", _levelled(voice), format="flac")
        arrays: dict[str, Any] = {"tokens": song.tokens, "band": features.band}
        if features.voice is not None:
            arrays["voice"] = features.voice
        np.savez(self.folder / f"{number:03d}.npz", **arrays)
        return delivered

    def _named_prompts(self) -> Sequence[Prompt]:
        """The model's styles as they sound, made once."""
        if self._listener is not None and not self._prompts and self.pipeline.config.codec.kind == "two_stem":
            self._prompts = tuple(
                Prompt(style.name, style_features(self.pipeline.decode_style_stems(style)[1]))
                for style in self.pipeline.named_styles
            )
        return self._prompts


def _levelled(waveform: Waveform) -> Waveform:
    """As ``songbloom generate`` writes it: a song may leave the model above full scale."""
    output = OutputConfig()
    assert output.loudness is not None
    return levelled(waveform, target_lufs=output.loudness, ceiling_db=output.true_peak_ceiling).made.waveform
