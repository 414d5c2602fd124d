"""The model that ships: it loads, sings offline, keeps its promises of size, and has styles to choose from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.types import Song, SongRequest

LYRICS = "[verse] Morning light is on the water. I can hear the river calling."


@pytest.fixture(scope="module")
def pipeline() -> SongPipeline:
    return SongPipeline.from_pretrained("embedded")


@pytest.fixture(scope="module")
def song(pipeline: SongPipeline) -> Song:
    return pipeline.generate(SongRequest(LYRICS, style="pop-edie", seed=3, duration=8))[0]


def test_the_weights_fit_into_the_package() -> None:
    folder = Path(str(resources.files("songbloom_x2").joinpath("assets/embedded")))
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 40_000_000
    assert "Licence" in (folder / "README.md").read_text(encoding="utf-8")


def test_there_are_styles_of_both_kinds_of_voice(pipeline: SongPipeline) -> None:
    assert len(pipeline.styles) >= 8
    assert {"female", "male"} <= {tag for name in pipeline.styles for tag in pipeline.encode_style(name).tags}


def test_it_makes_sound_in_stereo(song: Song) -> None:
    samples = song.waveform.samples
    assert song.waveform.sample_rate == 48000
    assert samples.shape[0] == 2
    assert 6 < song.waveform.seconds <= 8
    assert np.isfinite(samples).all()
    assert 0.02 < float(np.sqrt((samples**2).mean())) < 0.5
    assert float(np.abs(samples[0] - samples[1]).max()) > 0.01


def test_voice_and_band_add_up_to_the_song(pipeline: SongPipeline, song: Song) -> None:
    voice, band = pipeline.stems(song)
    assert float(np.abs(voice.samples + band.samples - song.waveform.samples).max()) < 1e-3
    assert float(np.abs(voice.samples).max()) > 0.05


def test_it_sings_the_words_in_order(pipeline: SongPipeline, song: Song) -> None:
    layout = pipeline.config.alignment.layout  # type: ignore[union-attr]  # the embedded model has an alignment
    sung = song.tokens[song.tokens < layout.sung] // layout.pitches
    heard = [layout.phonemes[p] for i, p in enumerate(sung) if i == 0 or sung[i - 1] != p]
    assert heard[:8] == ["M", "AO", "R", "N", "IH", "NG", "L", "AY"]


@pytest.mark.long
def test_the_same_request_gives_the_same_samples_and_the_stream_is_the_song(pipeline: SongPipeline, song: Song) -> None:
    request = SongRequest(LYRICS, style="pop-edie", seed=3, duration=8)
    streamed = np.concatenate([sound for _, sound in pipeline.stream(request)], axis=1)
    assert streamed.shape == song.waveform.samples.shape
    assert float(np.abs(streamed - song.waveform.samples).max()) < 1e-4
