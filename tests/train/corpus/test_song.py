from __future__ import annotations

import numpy as np
import pytest

from songbloom_x2.errors import ConfigError
from songbloom_x2.train.corpus import mix
from songbloom_x2.train.corpus.record import SongRecord
from songbloom_x2.train.corpus.song import Studio
from songbloom_x2.train.corpus.soundfont import find_soundfonts
from songbloom_x2.train.corpus.styles import style_named
from songbloom_x2.train.corpus.voices import voice_named


@pytest.fixture(scope="module")
def song(studio: Studio) -> SongRecord:
    return studio.make(3, style=style_named("pop"), voice=voice_named("alma"), seconds=20.0)


def test_everything_has_the_same_length(song: SongRecord) -> None:
    frames = round(song.annotation.seconds * 100)
    assert frames % 4 == 0
    assert song.voice.bands.shape == (frames, 104)
    assert song.voice.f0.shape == song.voice.voiced.shape == (frames,)
    assert song.band is not None
    assert song.band.shape == (2, frames * 480)


def test_the_voice_is_voiced_in_vowels_and_sings_the_notes(song: SongRecord) -> None:
    cents, voiced = [], []
    for line in song.annotation.lines:
        for onset, duration, midi in line.notes:
            middle = slice(round((onset + 0.4 * duration) * 100), round((onset + 0.7 * duration) * 100) + 1)
            voiced.append(song.voice.voiced[middle].mean())
            pitch = 69 + 12 * np.log2(np.median(song.voice.f0[middle]) / 440)
            cents.append(abs(pitch - midi) * 100)
    assert np.mean(np.asarray(cents) < 60) > 0.9
    assert np.mean(voiced) > 0.8


def test_levels_are_those_of_a_mixture(song: SongRecord) -> None:
    mixed = mix.mixture(song)
    assert song.band is not None
    voice = mix.upsampled(mix.voice_wave(song.voice, song.annotation.seed))
    assert -18.0 < mix.loudness(mixed.samples, 48000) < -13.0
    assert np.abs(mixed.samples).max() <= 1.0
    sings = np.repeat(song.voice.voiced, 480)
    band = song.band / 32767
    over = 10 * np.log10((voice[: len(sings)][sings] ** 2).mean() / (band[:, sings] ** 2).mean())
    assert 0.0 < over < 6.0


def test_songs_end_in_silence(song: SongRecord) -> None:
    assert song.band is not None
    assert np.abs(song.band[:, -24000:]).max() == 0
    assert np.abs(song.band[:, -48000 * 3 :]).max() > 300
    assert not song.voice.voiced[-50:].any()


def test_a_song_does_not_depend_on_its_neighbours(studio: Studio, song: SongRecord) -> None:
    studio.make(99, style=style_named("rock"), voice=voice_named("glen"), seconds=15.0)
    again = studio.make(3, style=style_named("pop"), voice=voice_named("alma"), seconds=20.0)
    assert again.annotation == song.annotation
    assert np.array_equal(again.voice.bands, song.voice.bands)
    assert again.band is not None
    assert song.band is not None
    assert np.array_equal(again.band, song.band)


def test_a_voice_alone_sings_what_it_sings_with_its_band_and_as_loud(studio: Studio) -> None:
    alone, whole = studio.sing(7), studio.make(7)
    assert alone.band is None
    assert alone.annotation.lines == whole.annotation.lines
    assert np.array_equal(alone.voice.f0, whole.voice.f0)
    sounds = whole.voice.voiced
    gain = (alone.voice.bands - whole.voice.bands)[sounds, 4:24]
    assert float(gain.std()) < 0.05
    assert abs(float(gain.mean())) < np.log(10 ** (6 / 20))


def test_voices_differ_in_timbre(studio: Studio) -> None:
    means = {}
    for name in ("alma", "dawn", "hugo", "lars"):
        sung = studio.make(11, style=style_named("folk"), voice=voice_named(name), seconds=15.0).voice
        shape = sung.bands[sung.voiced][:, :64].mean(0)
        means[name] = (shape - shape.mean()) * 8.69
    names = list(means)
    for index, left in enumerate(names):
        for right in names[index + 1 :]:
            assert np.sqrt(((means[left] - means[right]) ** 2).mean()) > 1.5


def test_loudness_of_a_full_scale_sine_is_that_of_the_standard() -> None:
    time = np.arange(48000 * 4) / 48000
    tone = np.sin(2 * np.pi * 997 * time)[None].astype(np.float32)
    assert mix.loudness(tone, 48000) == pytest.approx(-3.01, abs=0.1)
    assert mix.loudness(0.1 * tone, 48000) == pytest.approx(-23.01, abs=0.1)
    assert mix.loudness(np.zeros_like(tone), 48000) == float("-inf")


def test_a_missing_soundfont_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]  # pytest's own fixture
    with pytest.raises(ConfigError, match="--soundfont"):
        find_soundfonts([tmp_path / "none.sf2"])
