"""Recordings from elsewhere: what is kept of them is theirs, and it is said which way was taken."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from songbloom_x2.audio.files import read_audio
from songbloom_x2.editing.heard import heard_state
from songbloom_x2.editing.memory import opened, read_memory
from songbloom_x2.edits.foreign import foreign_extension
from songbloom_x2.edits.parents import open_parent
from songbloom_x2.errors import ConfigError, LyricsError, SongBloomError
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.recognise.recogniser import RecognisedSketch
from songbloom_x2.replay import replay
from songbloom_x2.song_files import save_song
from songbloom_x2.types import ExtendRequest, RepaintRequest, Song, Waveform


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Six seconds of chords on a beat, mono at 44.1 kHz."""
    time = np.arange(6 * 44100) / 44100
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 261.63, 329.63))
    beat = np.exp(-(time % 0.5) / 0.08)
    path = tmp_path / "record.wav"
    soundfile.write(path, 0.15 * chord * beat, 44100, subtype="PCM_16")
    return path


@pytest.mark.parametrize("model", ["aligned", "endless"])
def test_going_on(model: str, recording: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    pipeline: SongPipeline = request.getfixturevalue(model)
    song = pipeline.extend(ExtendRequest(str(recording), "[verse] City lights", 3.0, seed=2)).whole()
    edit = song.manifest["edit"]
    assert edit["way"] == "style and crossfade" and edit["kind"] == "extend"
    saved = save_song(song, tmp_path / "longer.wav", format="wav")
    old, new = read_audio(recording), read_audio(saved.audio)
    assert new.sample_rate == 44100 and new.samples.shape[0] == 1
    kept = edit["seam"]["start"]
    assert kept >= old.samples.shape[1] - 2.5 * 44100
    assert np.array_equal(new.samples[:, :kept], old.samples[:, :kept])
    assert 3.0 - 0.64 <= new.seconds - old.seconds <= 3.0
    again = pipeline.extend(ExtendRequest(str(saved.audio), duration=2.0)).whole()
    assert again.manifest["edit"]["way"] == "style and crossfade"


def test_a_stretch(aligned: SongPipeline, recording: Path) -> None:
    old = read_audio(recording).samples
    song = aligned.repaint(RepaintRequest(str(recording), 2.0, 3.5, seed=2)).whole()
    new = song.waveform.samples
    assert new.shape == old.shape
    assert np.array_equal(new[:, : int(1.0 * 44100)], old[:, : int(1.0 * 44100)])
    assert np.array_equal(new[:, int(4.5 * 44100) :], old[:, int(4.5 * 44100) :])
    assert not np.array_equal(new[:, int(2.2 * 44100) : int(3.3 * 44100)], old[:, int(2.2 * 44100) : int(3.3 * 44100)])
    assert song.manifest["edit"]["way"] == "style and crossfade"
    assert song.manifest["style"]["tempo"] == pytest.approx(120, abs=2)


def test_a_song_of_ours_without_its_memory(aligned: SongPipeline, aligned_song: Path, tmp_path: Path) -> None:
    shutil.copy(aligned_song, tmp_path / "song.flac")
    request = ExtendRequest(str(tmp_path / "song.flac"), "[verse] Stay", 2.0, foreign=True)
    song = aligned.extend(request).whole()
    kept = song.manifest["edit"]["seam"]["start"]
    assert np.array_equal(song.waveform.samples[:, :kept], read_audio(aligned_song).samples[:, :kept])


def test_it_is_made_again_from_the_recording(aligned: SongPipeline, recording: Path) -> None:
    song = aligned.extend(ExtendRequest(str(recording), "[verse] City lights", 2.0, seed=2)).whole()
    assert replay(aligned, song.manifest).identical


def test_what_there_is_nothing_to_go_by(aligned: SongPipeline, tmp_path: Path) -> None:
    path = tmp_path / "record.wav"
    for seconds, level, said in ((0.5, 0.3, "at least 1 s"), (6.0, 0.0, "is what to go by: the style audio is silent")):
        time = np.arange(round(seconds * 44100)) / 44100
        soundfile.write(path, level * np.sin(2 * np.pi * 220 * time), 44100)
        for edit in (
            lambda: aligned.extend(ExtendRequest(str(path), duration=2.0)),
            lambda: aligned.repaint(RepaintRequest(str(path), 0.0, 0.4)),
        ):
            with pytest.raises(SongBloomError, match=f"record.wav: .*{said}"):
                edit()


def as_heard(pipeline: SongPipeline, confidence: float) -> Callable[[Waveform], RecognisedSketch]:
    """A recogniser that hears an A sung for half a second in every second, over A minor, on the beats of the record."""
    alignment = pipeline.config.alignment
    assert alignment is not None
    layout = alignment.layout

    def hears(sound: Waveform) -> RecognisedSketch:
        frames = math.ceil(sound.seconds * 25)
        time = np.arange(frames)
        sung = time % 25 < 12
        phoneme = np.where(sung, layout.phonemes.index("AA"), len(layout.phonemes))
        pitch = np.where(sung, 57 - layout.lowest_pitch, layout.pitches)
        chord, beat = np.full(frames, 19), time * 4 // 25 % 8
        tokens = np.where(sung, phoneme * layout.pitches + pitch, layout.sung + chord * layout.beats + beat)
        sure = np.full(frames, confidence, np.float32)
        return RecognisedSketch(tokens, sure, phoneme, pitch, chord, beat)

    return hears


def heard_extension(pipeline: SongPipeline, request: ExtendRequest, confidence: float) -> Song:
    workshop, hears = pipeline._workshop, as_heard(pipeline, confidence)
    parent = open_parent(Path(request.song), workshop)
    return foreign_extension(workshop, pipeline._shelf, parent, request, pipeline._prepare, hears).whole()


def test_going_on_from_what_is_heard(aligned: SongPipeline, recording: Path) -> None:
    song = heard_extension(aligned, ExtendRequest(str(recording), "[chorus] City lights", 4.0, seed=2), 0.9)
    edit, old = song.manifest["edit"], read_audio(recording).samples
    assert edit["way"] == "latents and heard sketch" and edit["on_beats"]
    assert edit["heard"]["confidence"] == pytest.approx(0.9) and edit["heard"]["needed"] == 0.5
    first = edit["seam"]["start"]
    assert first >= old.shape[1] - 2.5 * 44100
    new = song.waveform
    assert new.sample_rate == 44100 and new.samples.shape[0] == 1
    assert np.array_equal(new.samples[:, :first], old[:, :first]) and float(np.abs(new.samples).max()) <= 1
    assert 10 - 0.64 <= new.seconds <= 10.0
    # What was heard comes before the new words, and the tune goes on from it.
    assert song.manifest["lyrics"]["symbols"].startswith("[verse] AA . AA") and song.score is not None
    assert [word.text for word in song.score.words] in ([], ["City"], ["City", "lights"])
    assert song.score.notes[0].pitch == 57 and song.manifest["music"]["tempo"]["told"] == pytest.approx(120, abs=2)


def test_what_is_not_heard_well_is_not_gone_on_from(aligned: SongPipeline, recording: Path) -> None:
    song = heard_extension(aligned, ExtendRequest(str(recording), "[chorus] City lights", 2.0, seed=2), 0.3)
    assert song.manifest["edit"]["way"] == "style and crossfade"
    assert song.manifest["edit"]["heard"]["confidence"] == pytest.approx(0.3)


def test_the_recogniser_that_ships_is_asked(aligned: SongPipeline, recording: Path) -> None:
    song = aligned.extend(ExtendRequest(str(recording), "[verse] City lights", 2.0, seed=2)).whole()
    assert 0 < song.manifest["edit"]["heard"]["confidence"] < 1


def test_a_sketch_that_is_heard_rightly_is_the_song(aligned: SongPipeline, aligned_song: Path) -> None:
    """From the parts of a song's own tokens comes the trail that the engine left."""
    memory = opened(read_memory(aligned_song.with_suffix(".state.safetensors")))
    state, style = memory.state, memory.style
    alignment = aligned.config.alignment
    assert alignment is not None and style is not None and style.tempo is not None
    trail = {name: values.numpy() for name, values in state.trail.items()}
    chord = np.where(np.arange(state.frames) == 0, trail["lead"][1], trail["chord"][:-1])
    beat = np.zeros(state.frames, np.int64)
    sure = np.ones(state.frames, np.float32)
    parts = (trail["current"][1:], trail["pitch"][1:], chord, beat)
    heard = RecognisedSketch(state.tokens.numpy(), sure, *parts)
    again, lyrics = heard_state(heard, state.latents, style.tempo, aligned.config)
    assert np.array_equal(again.tokens, state.tokens)
    for name in ("current", "pitch", "run", "pointer", "frame", "chord"):
        assert np.array_equal(again.trail[name], trail[name]), name
    # A chord that nobody has played yet is not heard: the last one stands in for it.
    assert np.array_equal(again.trail["lead"][:-16], trail["lead"][:-16])
    sung = [symbol for symbol in memory.lyrics.symbols if symbol in alignment.layout.phonemes]
    heard_phonemes = [symbol for symbol in lyrics.symbols if symbol in alignment.layout.phonemes]
    assert heard_phonemes == sung[: int(trail["pointer"][-1])]


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"start": 9.0}, ConfigError, "lasts 6.00 s"),
        ({"start": 0.2}, ConfigError, "lasts 6.00 s"),
        ({"duration": -1.0}, ConfigError, "more than 0"),
        ({"duration": None, "lyrics": ""}, LyricsError, "nothing to sing"),
    ],
)
def test_what_cannot_be(
    aligned: SongPipeline, recording: Path, changes: dict[str, object], kind: type[Exception], said: str
) -> None:
    asked = {"song": str(recording), "lyrics": "[verse] Stay", "duration": 2.0, **changes}
    with pytest.raises(kind, match=said):
        aligned.extend(ExtendRequest(**asked))  # type: ignore[arg-type]  # as a caller could
    with pytest.raises(ConfigError, match="inside it"):
        aligned.repaint(RepaintRequest(str(recording), 5.0, 7.0))
