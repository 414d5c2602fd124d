"""A folder of songs with lyrics as training songs: the recogniser hears the sketch, the lyrics say what is sung.

``NAME.flac`` (or .wav, .mp3, .ogg) with ``NAME.txt``, or with the lyrics in the manifest of a song that this program
made; ``NAME-voice.flac``: its dry voice, without which a voice cannot be learned, only the band.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from songbloom_x2.audio.analysis import estimate_key, estimate_tempo
from songbloom_x2.audio.files import read_audio
from songbloom_x2.audio.mixdown import to_stereo
from songbloom_x2.audio.resample import resample
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.conditioning import clock
from songbloom_x2.config import FRAME_RATE, SongConfig
from songbloom_x2.errors import AudioError, ConfigError, LyricsError
from songbloom_x2.recognise.recogniser import SketchRecogniser, load_recogniser
from songbloom_x2.text.prepare import prepare_lyrics
from songbloom_x2.train.aligned import AlignedSketch
from songbloom_x2.train.forced_alignment import align_phonemes
from songbloom_x2.train.prepare import MIXTURE_FRAMES
from songbloom_x2.train.songs import TrainingSong
from songbloom_x2.train.voice_analysis import analyse_voice
from songbloom_x2.types import FloatArray, IntArray, PreparedLyrics, Waveform

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
VOICE = "-voice"


@dataclass(frozen=True)
class ForeignSongs:
    """``voices``: every song came with its dry voice."""

    songs: list[TrainingSong]
    voices: bool


def foreign_songs(
    folder: Path,
    codec: TwoStemCodec,
    config: SongConfig,
    report: Callable[[str], None],
    recogniser: SketchRecogniser | None = None,
) -> ForeignSongs:
    """Read every song that has lyrics; ``report`` is told what is left out and why.

    If some songs have a voice of their own and others not, those without are left out.
    """
    recogniser = recogniser or load_recogniser()
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    voices = {path.stem.removesuffix(VOICE): path for path in files if path.stem.endswith(VOICE)}
    whole = [path for path in files if not path.stem.endswith(VOICE)]
    if not whole:
        raise ConfigError(f"--songs {folder}: holds neither a corpus nor sound files ({', '.join(SUFFIXES)})")
    songs = []
    for path in whole:
        voice = voices.get(path.stem)
        if voices and voice is None:
            report(f"{path.name}: left out: other songs have a {VOICE} file, it has none")
            continue
        try:
            song = foreign_song(path, voice, codec, config, recogniser)
        except (AudioError, LyricsError, ValueError) as error:
            report(f"{path.name}: left out: {error}")
            continue
        report(f"{path.name}: tempo {song.sketch.tempo:.1f}, key {song.sketch.key}, {len(song.sketch.ids)} lyric rows")
        songs.append(song)
    if songs and not voices:
        report(f"no {VOICE} files: the band is learned, the voice stays the model's")
    return ForeignSongs(songs, bool(voices))


@torch.inference_mode()
def foreign_song(
    path: Path, voice_path: Path | None, codec: TwoStemCodec, config: SongConfig, recogniser: SketchRecogniser
) -> TrainingSong:
    """One song. Raises ``ValueError``, ``AudioError`` or ``LyricsError`` where it cannot be used."""
    assert config.alignment is not None
    sound = to_stereo(resample(read_audio(path), codec.sample_rate))
    lyrics = prepare_lyrics(
        _lyrics_of(path), config.lyrics, instrumental_seconds=config.instrumental_seconds, instrumental=True
    )
    tempo = estimate_tempo(sound)
    if tempo is None:
        raise ValueError("no beat is heard: the bar clock needs one")
    start = _first_bar(sound, tempo, recogniser)
    sound = _from(sound, start)
    voice = None if voice_path is None else _from(read_audio(voice_path), start)
    clean = _latents(sound, voice, codec)
    lead, block = config.alignment.lead, config.block_size
    frames = (clean.shape[1] + lead) // block * block
    sketch = heard_sketch(sound, frames, tempo, lyrics, config, recogniser)
    quiet = codec.encode(clean.new_zeros(1, 2, lead * codec.samples_per_frame))[0]
    latents = torch.cat([quiet, clean], 1)[:, :frames]
    length = min(MIXTURE_FRAMES, clean.shape[1])
    middle = (clean.shape[1] - length) // 2
    first, per_frame = middle * codec.samples_per_frame, codec.samples_per_frame
    part = torch.from_numpy(sound.samples[:, first : first + length * per_frame])[None]
    return TrainingSong(
        sketch=sketch,
        latents=latents.T.half(),
        clean=clean.T.half(),
        mixture=codec.encode(part)[0].T.half(),
        style=path.stem,
        voice=path.stem,
    )


def heard_sketch(
    sound: Waveform, frames: int, tempo: float, lyrics: PreparedLyrics, config: SongConfig, recogniser: SketchRecogniser
) -> AlignedSketch:
    """The sketch of ``frames`` frames, phonemes as the lyrics have them, the rest as it is heard.

    The sound begins with a bar. Raises ``ValueError`` where the lyrics do not fit into it.
    """
    layout = recogniser.layout
    chances = recogniser.chances(sound)
    padded = {name: _padded(np.log(value + 1e-6), frames) for name, value in chances.items()}
    index = {symbol: i for i, symbol in enumerate(layout.phonemes)}
    sung = [index[symbol] for symbol in lyrics.symbols if symbol in index]
    current, pointer = align_phonemes(padded["phoneme"], sung)
    pitch = padded["pitch"][:, : layout.pitches].argmax(1)
    pitch = np.where(current < len(layout.phonemes), pitch, layout.pitches)
    place = clock.slot(torch.arange(frames), torch.tensor(tempo)).numpy()
    slots = _slots(padded["chord"], place)
    run = np.ones(frames, dtype=np.int64)
    for t in range(1, frames):
        if current[t] == current[t - 1] and pointer[t] == pointer[t - 1]:
            run[t] = run[t - 1] + 1
    key = estimate_key(sound)
    return AlignedSketch(
        ids=lyrics.ids,
        current=current,
        pitch=pitch.astype(np.int64),
        pointer=pointer,
        chord=slots[place],
        run=run,
        slots=slots,
        tempo=tempo,
        key=layout.chords if key is None else key,
    )


def _slots(log_chords: FloatArray, place: IntArray) -> IntArray:
    """The likeliest chord of every harmony slot, and one more for what lies ahead."""
    sums = np.zeros((int(place.max()) + 3, log_chords.shape[1]))
    np.add.at(sums, place, log_chords)
    found = sums.argmax(1)
    found[int(place.max()) + 1 :] = found[int(place.max())]
    return np.asarray(found, dtype=np.int64)


def _first_bar(sound: Waveform, tempo: float, recogniser: SketchRecogniser) -> float:
    """Second at which a bar begins, within the first bar: where the heard beats fit the clock best."""
    chances = recogniser.chances(sound)["beat"]
    logs = np.log(chances + 1e-6)
    bar = round(240 / tempo * FRAME_RATE)
    fits = []
    for offset in range(bar):
        beats = clock.beat(torch.arange(len(logs) - offset), torch.tensor(tempo)).numpy()
        fits.append(logs[offset:][np.arange(len(beats)), beats].mean() if len(beats) else -np.inf)
    return int(np.argmax(fits)) / FRAME_RATE


def _latents(sound: Waveform, voice: Waveform | None, codec: TwoStemCodec) -> torch.Tensor:
    """Clean latents ``[D, T]``: voice and band apart where the voice is known, else all in the band."""
    mix = torch.from_numpy(np.ascontiguousarray(sound.samples))[None]
    if voice is None:
        return codec.encode(mix)[0]
    stereo = to_stereo(resample(voice, codec.sample_rate)).samples
    length = min(stereo.shape[1], mix.shape[2])
    band = mix.clone()
    band[0, :, :length] -= torch.from_numpy(np.ascontiguousarray(stereo[:, :length]))
    frames = analyse_voice(voice)
    bands, f0, voiced = (torch.from_numpy(part)[None] for part in (frames.bands, frames.f0, frames.voiced))
    return codec.encode_stems(bands, f0, voiced, band)[0]


def _from(waveform: Waveform, start: float) -> Waveform:
    return Waveform(
        np.ascontiguousarray(waveform.samples[:, round(start * waveform.sample_rate) :]), waveform.sample_rate
    )


def _padded(values: FloatArray, frames: int) -> FloatArray:
    """Cut or held to ``frames`` rows."""
    if len(values) >= frames:
        return values[:frames]
    return np.concatenate([values, np.repeat(values[-1:], frames - len(values), axis=0)])


def _lyrics_of(path: Path) -> str:
    text = path.with_suffix(".txt")
    if text.is_file():
        return text.read_text(encoding="utf-8-sig")
    beside = path.with_suffix(".json")
    if beside.is_file():
        try:
            found = json.loads(beside.read_text(encoding="utf-8"))["request"]["lyrics"]
        except (ValueError, KeyError, TypeError):
            found = ""
        if isinstance(found, str) and found.strip():
            return found
    raise ValueError(f"has no lyrics: write them to {text.name}")
