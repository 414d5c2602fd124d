"""From a seed to a song record: compose, sing, play, balance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from songbloom_x2.train.corpus import mix, voice_params
from songbloom_x2.train.corpus.arrange import arrange
from songbloom_x2.train.corpus.lyrics import Lyricist
from songbloom_x2.train.corpus.record import BAND_RATE, Annotation, ChordSpan, LineSpan, SectionSpan, SongRecord
from songbloom_x2.train.corpus.render import SAMPLE_RATE as VOICE_RATE
from songbloom_x2.train.corpus.score import SILENCE, Score, compose
from songbloom_x2.train.corpus.singer import perform, timed_lines
from songbloom_x2.train.corpus.soundfont import Band
from songbloom_x2.train.corpus.style import Style
from songbloom_x2.train.corpus.synthesiser import Synthesiser
from songbloom_x2.train.corpus.timing import TimedLine
from songbloom_x2.train.corpus.vocabulary import load_vocabulary
from songbloom_x2.train.corpus.voice_params import VoiceFrames
from songbloom_x2.train.corpus.voices import Voice
from songbloom_x2.types import FloatArray

_TARGET_LUFS = (-16.0, -14.0)
_LEAD_DB = (1.0, 4.0)


def make_lyricist(cache: Path, *, held_out: bool = False) -> Lyricist:
    """A writer of lyrics whose vocabulary is kept in ``cache``; ``held_out``: of lines kept for evaluation."""
    return Lyricist(load_vocabulary(cache), held_out=held_out)


class Studio:
    """Everything that makes songs, loaded once in a process: lyricist, singer, bands (one a soundfont)."""

    def __init__(self, cache: Path, soundfonts: Sequence[Path], *, held_out: bool = False) -> None:
        """Load everything; ``held_out``: write only lyric lines kept for evaluation."""
        self._lyricist = make_lyricist(cache, held_out=held_out)
        self._synthesiser = Synthesiser(cache)
        self._bands = [Band(path) for path in soundfonts]

    def make(
        self, seed: int, *, style: Style | None = None, voice: Voice | None = None, seconds: float | None = None
    ) -> SongRecord:
        """The song of ``seed``, always the same on one machine; some things can be fixed."""
        score = compose(seed, self._lyricist, style=style, voice=voice, seconds=seconds)
        rng = np.random.default_rng([seed, 5])
        band = self._bands[int(rng.integers(len(self._bands)))]
        sung = perform(score, self._synthesiser)
        played = _played(score, band, rng)
        voice_frames, stem = _balanced(score, sung.frames, played, rng)
        annotation = annotate(score, sung.lines, band.soundfont.name)
        return SongRecord(annotation, voice_frames, np.round(stem * 32767).astype(np.int16))

    def sing(self, seed: int) -> SongRecord:
        """The song of ``seed`` without its band, which is never played: for what learns voices only.

        The voice is as loud as in a mixture, but how loud is drawn here, not measured against the band.
        """
        score = compose(seed, self._lyricist)
        sung = perform(score, self._synthesiser)
        frames = sung.frames
        if score.lines:
            rng = np.random.default_rng([seed, 5])
            frames = mix.evened(frames, mix.voice_wave(frames, seed))
            share = 1 / (1 + 10 ** (-rng.uniform(*_LEAD_DB) / 10))
            wanted = rng.uniform(*_TARGET_LUFS) + 10 * np.log10(share)
            level = mix.loudness(np.tile(mix.voice_wave(frames, seed), (2, 1)), VOICE_RATE)
            gain = np.float32(10 ** ((wanted - level) / 20))
            frames = VoiceFrames(voice_params.scale(frames.bands, gain), frames.f0, frames.voiced)
        return SongRecord(annotate(score, sung.lines, ""), frames, None)


def _played(score: Score, band: Band, rng: np.random.Generator) -> FloatArray:
    """The band in its room, dying away before the song's last silence: ``[2, N]`` at 48 kHz."""
    samples = round(score.seconds * BAND_RATE)
    sound = band.play(arrange(score), score.seconds)
    sound = mix.reverberate(sound, mix.room(rng.uniform(0.5, 1.8), rng), rng.uniform(0.08, 0.28))
    end = samples - round(SILENCE * BAND_RATE)
    fade = round(min(1.0, score.ring * 0.5) * BAND_RATE)
    sound[:, end - fade : end] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    sound[:, end:] = 0
    return sound


def _balanced(
    score: Score, frames: VoiceFrames, band: FloatArray, rng: np.random.Generator
) -> tuple[VoiceFrames, FloatArray]:
    """Voice and band at the mixture's levels: voice 1 to 4 dB over the band where it sings, -16 to -14 LUFS in all."""
    lead = rng.uniform(*_LEAD_DB)
    target = rng.uniform(*_TARGET_LUFS)
    wave = mix.voice_wave(frames, score.seed)
    gain = 1.0
    voice = np.zeros(band.shape[1], np.float32)
    if score.lines:
        frames = mix.evened(frames, wave)
        wave = mix.voice_wave(frames, score.seed)
        hop = VOICE_RATE // 100
        power = (wave.reshape(-1, hop) ** 2).mean(1)
        under = (band**2).mean(0).reshape(-1, BAND_RATE // 100).mean(1)[: len(power)]
        sings = power > 0.02 * np.percentile(power[frames.voiced], 80)
        gain = float(10 ** (lead / 20) * np.sqrt(under[sings].mean() / power[sings].mean()))
        doubled = mix.upsampled(wave)
        voice[: len(doubled)] = doubled[: len(voice)] * gain
    both = band + voice
    overall = 10 ** ((target - mix.loudness(both, BAND_RATE)) / 20)
    stem = mix.soft_limited(band * overall)
    peak = float(np.abs(stem + voice * overall).max())
    if peak > mix.PEAK:
        overall *= mix.PEAK / peak
        stem *= mix.PEAK / peak
    return VoiceFrames(voice_params.scale(frames.bands, gain * overall), frames.f0, frames.voiced), stem


def annotate(score: Score, lines: Sequence[TimedLine], soundfont: str) -> Annotation:
    """The annotation of ``score`` sung as ``lines``."""
    sections = []
    for section in score.sections:
        chords = tuple(
            ChordSpan(chord.root, chord.minor, round(section.start + bar * score.bar, 4))
            for bar, chord in enumerate(section.chords)
        )
        sections.append(SectionSpan(section.name, round(section.start, 4), round(section.end, 4), len(chords), chords))
    spans = tuple(
        LineSpan(
            section=written.section,
            text=written.lyric.text,
            start=timed.phonemes[0][1],
            end=timed.phonemes[-1][2],
            words=written.lyric.words,
            notes=tuple((round(n.onset, 4), round(n.duration, 4), n.midi) for group in written.notes for n in group),
            phonemes=timed.phonemes,
        )
        for written, timed in zip(score.lines, lines, strict=True)
    )
    return Annotation(
        score.seed,
        score.style.name,
        score.voice.name,
        score.tempo,
        score.key.index,
        score.style.beats,
        score.seconds,
        lyrics_text(score),
        soundfont,
        tuple(sections),
        spans,
    )


def annotation_only(
    seed: int,
    lyricist: Lyricist,
    *,
    style: Style | None = None,
    voice: Voice | None = None,
    seconds: float | None = None,
) -> Annotation:
    """The annotation of ``seed``'s song without any sound, for the sketch LM: a hundred a second; see ``compose``."""
    score = compose(seed, lyricist, style=style, voice=voice, seconds=seconds)
    return annotate(score, timed_lines(score), "")


def lyrics_text(score: Score) -> str:
    """The lyrics in the released grammar: ``[verse] line. line. , [inst] [inst]``, one tag a second where nobody
    sings.
    """
    parts = []
    for index, section in enumerate(score.sections):
        lines = [line.lyric.text for line in score.lines if line.section == index]
        if lines:
            parts.append(f"[{section.name}] " + " ".join(f"{line}." for line in lines))
        else:
            parts.append(" ".join([f"[{section.name}]"] * max(1, round(section.end - section.start))))
    return " , ".join(parts)
