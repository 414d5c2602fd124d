"""``songbloom generate --backend onnx``: songs from an exported model, without torch.

Random numbers are numpy's, so that a seed gives another song than with torch; the same seed gives the same one again.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from songbloom_x2.config import FRAME_RATE, RuntimeConfig, SamplingConfig
from songbloom_x2.errors import ConfigError, LyricsError, SongBloomError, StyleError
from songbloom_x2.manifest import build_manifest, samples_sha256
from songbloom_x2.onnx_runtime.draws import SeededDraws
from songbloom_x2.onnx_runtime.folder import ExportFolder, is_export
from songbloom_x2.onnx_runtime.graphs import OnnxGraphs
from songbloom_x2.onnx_runtime.song import SongTask, song_blocks
from songbloom_x2.onnx_runtime.sound import SoundStream
from songbloom_x2.request_checks import asked_seconds, check_request, least_frames, most_frames, requested_sampling
from songbloom_x2.settings.folders import models_folder
from songbloom_x2.song_music import music_of
from songbloom_x2.style_words import choose_by_words
from songbloom_x2.text.duration import in_tempo
from songbloom_x2.text.instrumental import instrumental_lyrics
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.types import PreparedLyrics, Progress, Song, SongRequest, Style, Waveform

if TYPE_CHECKING:
    from songbloom_x2.cli.progress import ProgressLines
    from songbloom_x2.settings.resolve import Settings


def refuse_for_onnx(args: argparse.Namespace, settings: Settings) -> None:
    """Raise ``ConfigError`` for what the exported graphs do not serve."""
    asked = {
        "--lrc": args.lrc,
        "--midi": args.midi,
        "--input-jsonl": args.input_jsonl,
        "--style-start": args.style_start,
        "--lora": args.lora,
        "--stems": args.stems,
        "--best-of": args.best_of,
        "--bpm": args.bpm,
        "--key": args.key,
    }
    for flag, given in asked.items():
        if given:
            raise ConfigError(f"{flag}: not with --backend onnx; leave it out, or take --backend torch")
    for key in ("device", "precision", "attention", "optimisation", "quantise", "compile", "packing"):
        name = f"runtime.{key}"
        plain = settings[name] in ("auto", "cpu", "float32", "minimal", "none", None, False)
        if settings.origin(name) == "flag" and not plain:
            raise ConfigError(f"--{key} {settings[name]}: exported graphs run on the CPU, as they were written")


class OnnxPipeline:
    """An exported model, ready to make songs one after the other."""

    def __init__(self, settings: Settings) -> None:
        """Raises ``CheckpointError`` for a folder that is no sound export."""
        self._folder = ExportFolder.open(_export_at(settings), check=True)
        self._graphs = OnnxGraphs(self._folder.files, settings.section(RuntimeConfig).threads)
        self._styles = {
            name: Style(name, cast(Any, style.latents), style.tempo, style.key, style.tags)
            for name, style in self._folder.styles.items()
        }

    @property
    def graphs(self) -> OnnxGraphs:
        """What runs."""
        return self._graphs

    def songs(self, request: SongRequest, n: int, observer: ProgressLines) -> Iterator[tuple[int, Song]]:
        """``n`` songs with seeds that count up. Raises as ``SongPipeline.generate`` does."""
        prepared = self._prepared(request)
        for number in range(n):
            take = dataclasses.replace(request, seed=request.seed + number)
            style = self._style(take)
            observer.prepared(number, prepared)
            observer.styled(number, style)
            yield number, self._song(number, take, prepared, style, observer)

    def _prepared(self, request: SongRequest) -> PreparedLyrics:
        config = self._folder.config
        check_request(request, config)
        words, seconds = request.lyrics, asked_seconds(request, config)
        if request.instrumental:
            words = instrumental_lyrics(seconds or 0.0, config.instrumental_seconds, config.lyrics.max_len)
        lyrics = prepare_lyrics(
            words,
            config.lyrics,
            instrumental_seconds=config.instrumental_seconds,
            instrumental=request.instrumental,
            duration=None if request.instrumental else seconds,
        )
        errors = [finding for finding in lyrics.findings if finding.severity == "error"]
        if errors:
            raise LyricsError(f"lyrics, line {errors[0].line}, column {errors[0].column}: {errors[0].message}")
        return lyrics

    def _style(self, request: SongRequest) -> Style | None:
        if request.style is None:
            names = list(self._styles)
            return self._styles[names[request.seed % len(names)]] if names else None
        if request.style in self._styles:
            return self._styles[request.style]
        if Path(request.style).suffix:
            raise StyleError(
                f"style '{request.style}': --backend onnx sings in the styles of the export, by name or words"
            )
        return choose_by_words(request.style, self._styles)

    def _song(
        self, number: int, request: SongRequest, lyrics: PreparedLyrics, style: Style | None, observer: ProgressLines
    ) -> Song:
        folder, config = self._folder, self._folder.config
        sampling = _served(requested_sampling(request, config))
        limit = most_frames(request, config) or sampling.max_frames or config.max_frames
        prompt = None if style is None else folder.style(style.name)
        task = SongTask(tuple(lyrics.ids), prompt, sampling, limit, least_frames(request, config))
        stream = SoundStream(self._graphs, folder)
        tokens, latents, sound = [], [], []
        started = time.perf_counter()
        seconds = in_tempo(lyrics, None if style is None else style.tempo)
        expected = max(1, -(-round(min(seconds * FRAME_RATE, limit)) // config.block_size))
        for block in song_blocks(self._graphs, folder, task, SeededDraws(request.seed)):
            tokens.append(block.tokens)
            latents.append(block.latents)
            sound.append(stream.push(block.latents))
            made = len(tokens) * config.block_size / FRAME_RATE
            spent = time.perf_counter() - started
            observer.progressed(number, Progress(len(tokens), max(expected, len(tokens)), made, spent))
        if not tokens:
            raise SongBloomError(
                f"seed {request.seed}: the model ended the song before its first block: try another seed or more lyrics"
            )
        sound.append(stream.flush())
        making = time.perf_counter() - started
        waveform = Waveform(np.ascontiguousarray(np.concatenate(sound, axis=1)), config.sample_rate)
        frames = len(tokens) * config.block_size
        model = folder.described["model"]
        manifest = build_manifest(
            request=request,
            lyrics=lyrics,
            style=style,
            sampling=sampling,
            model={**model, "notes": [f"exported: {folder.kind}"]},
            plan=self._graphs.description,
            batch={"size": 1, "index": 0, "takes": True},
            result={
                "ending": "length" if frames >= limit else "end",
                "frames": frames,
                "seconds": waveform.seconds,
                "sample_rate": waveform.sample_rate,
                "channels": int(waveform.samples.shape[0]),
                "samples": int(waveform.samples.shape[1]),
                "samples_sha256": samples_sha256(waveform),
            },
            music=music_of(waveform, style),
            timings={"making": making, "real_time_factor": making / (frames / FRAME_RATE)},
        )
        return Song(waveform, np.concatenate(tokens), np.concatenate(latents, axis=1), manifest)


def _served(sampling: SamplingConfig) -> SamplingConfig:
    """``sampling``, or ``ConfigError`` where it asks for what the loop in numpy does not have."""
    if sampling.solver != "released":
        raise ConfigError(
            f"solver {sampling.solver}: not with --backend onnx; take solver=released, or --backend torch"
        )
    if (sampling.guidance_from, sampling.guidance_until) != (0.0, 1.0):
        raise ConfigError("guidance_from and guidance_until: not with --backend onnx; take --backend torch")
    return sampling


def _export_at(settings: Settings) -> Path:
    """The export's folder: as given, or of that name among the models."""
    given = settings["models.default"]
    among = models_folder(settings["models.folder"], os.environ) / given
    for path in (Path(given), among):
        if is_export(path):
            return path
    raise ConfigError(
        f"model '{given}': --backend onnx wants the folder of an export: songbloom export onnx --out DIR writes one"
    )
