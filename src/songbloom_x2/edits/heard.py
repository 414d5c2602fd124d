"""Going on from a recording by what is heard in it: its latents and the sketch that the recogniser makes of it.

Only where the recogniser is more often right than wrong about this recording; otherwise ``foreign`` has another way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from songbloom_x2.audio.beats import BeatGrid, beat_grid
from songbloom_x2.audio.crossfade import fades
from songbloom_x2.audio.limiter import LOOK_AHEAD, limited_gain
from songbloom_x2.audio.loudness import integrated_lufs
from songbloom_x2.audio.mixdown import to_mono, to_stereo
from songbloom_x2.audio.resample import resample
from songbloom_x2.conditioning import clock
from songbloom_x2.config import FRAME_RATE, SongConfig
from songbloom_x2.editing.heard import heard_state
from songbloom_x2.editing.memory import Remembered
from songbloom_x2.edits.extend import SEAM_SECONDS, prepare_extension
from songbloom_x2.edits.parents import Parent
from songbloom_x2.recognise.recogniser import RecognisedSketch
from songbloom_x2.request_checks import unheard_frames
from songbloom_x2.song_making import PreparedSong
from songbloom_x2.types import ExtendRequest, FloatArray, SongLevel, SongRequest, Style, Waveform
from songbloom_x2.workshop import Workshop

WAY = "latents and heard sketch"
CONFIDENT = 0.5
"""Mean confidence of the recogniser over the stretch from which on its sketch is gone on from."""
_SECONDS, _LEAST_BLOCKS = 10.0, 4
_BEATS_A_BAR = 4
_CEILING = 10 ** (-1 / 20)

Hears = Callable[[Waveform], RecognisedSketch]


@dataclass(frozen=True)
class HeardStretch:
    """The end of a recording, as heard: ``sketch`` of whole blocks from second ``begin`` (a beat) on."""

    sketch: RecognisedSketch
    begin: float

    @property
    def confidence(self) -> float:
        """From 0 to 1: the mean over its frames."""
        return float(self.sketch.confidence.mean())

    @property
    def trusted(self) -> bool:
        """Whether the song can go on from it."""
        return self.confidence >= CONFIDENT

    def told(self) -> dict[str, float]:
        """What a manifest says about it."""
        seconds = len(self.sketch.tokens) / FRAME_RATE
        return {"confidence": round(self.confidence, 3), "needed": CONFIDENT, "from": self.begin, "seconds": seconds}


def listened(
    sound: Waveform, until: float, tempo: float | None, hears: Hears, config: SongConfig
) -> HeardStretch | None:
    """What is heard in the last seconds before ``until``, from a beat on; none where there is no beat or no time.

    Of the beats of a bar that one is taken for the first at which the clock agrees best with the beats that are heard.
    """
    beats = beat_grid(sound, until)
    first = max(0.0, until - _SECONDS)
    if tempo is None or beats is None or until - first < _LEAST_BLOCKS * config.block_size / FRAME_RATE:
        return None
    rate = sound.sample_rate
    heard = hears(Waveform(sound.samples[:, round(first * rate) : round(until * rate)], rate))
    candidates = [part for part in (_from(heard, first, beat, until, config) for beat in _bar(beats, first)) if part]
    return max(candidates, key=lambda part: _agreement(part.sketch, tempo), default=None)


def _bar(beats: BeatGrid, first: float) -> list[float]:
    start = beats.first_from(first)
    return [start + beat * beats.period for beat in range(_BEATS_A_BAR)]


def _from(heard: RecognisedSketch, first: float, begin: float, until: float, config: SongConfig) -> HeardStretch | None:
    skipped, block = round((begin - first) * FRAME_RATE), config.block_size
    blocks = min(int((until - begin) * FRAME_RATE), len(heard.tokens) - skipped) // block
    if blocks < _LEAST_BLOCKS:
        return None
    kept = slice(skipped, skipped + blocks * block)
    parts = {field.name: getattr(heard, field.name)[kept] for field in dataclasses.fields(heard)}
    return HeardStretch(RecognisedSketch(**parts), begin)


def _agreement(sketch: RecognisedSketch, tempo: float) -> float:
    return float((clock.beat(torch.arange(len(sketch.beat)), torch.tensor(tempo)).numpy() == sketch.beat).mean())


def prepare_heard(
    workshop: Workshop, parent: Parent, request: ExtendRequest, style: Style, heard: HeardStretch, until: float
) -> PreparedSong:
    """The song that begins with the heard stretch and goes on as ``request`` says. Raises as ``prepare_extension``."""
    config, codec, sound = workshop.config, workshop.codec, parent.sound
    frames = len(heard.sketch.tokens)
    lead = unheard_frames(config)
    assert style.tempo is not None
    state, lyrics = heard_state(heard.sketch, _latents(workshop, sound, heard.begin, frames), style.tempo, config)
    asked = SongRequest("", request.style, request.seed, title=request.title)
    facts = {
        "manifest": {"request": {**dataclasses.asdict(asked), "sampling": {}}},
        "fade": None,
        "level": dataclasses.asdict(SongLevel(0.0, None)),
    }
    # Its own sound is put in place afterwards, at its own rate.
    silent = Waveform(np.zeros((codec.channels, frames * codec.samples_per_frame), np.float32), codec.sample_rate)
    itself = Parent(parent.path, silent, parent.sha256, Remembered(state, lyrics, style, facts))
    duration = request.duration
    if duration is not None:
        duration += until - heard.begin - (frames - lead) / FRAME_RATE
    longer = dataclasses.replace(request, start=None, style=None, duration=duration)
    prepared, _ = prepare_extension(workshop, itself, longer, None)
    return dataclasses.replace(prepared, way=None)


def _latents(workshop: Workshop, sound: Waveform, begin: float, frames: int) -> torch.Tensor:
    """Of the recording, which they lag behind by what a song's beginning leaves unheard; silence before it begins."""
    codec, rate = workshop.codec, workshop.codec.sample_rate
    part = resample(to_stereo(sound) if codec.channels == 2 else to_mono(sound), rate).samples
    first = round(begin * rate) - unheard_frames(workshop.config) * codec.samples_per_frame
    part = np.pad(part, ((0, 0), (max(0, -first), 0)))[:, max(first, 0) :][:, : frames * codec.samples_per_frame]
    missing = frames * codec.samples_per_frame - part.shape[1]
    part = np.pad(part, ((0, 0), (0, missing)))
    with workshop.scope():
        tensor = torch.from_numpy(np.ascontiguousarray(part))[None].to(workshop.plan.torch_device)
        return codec.encode(tensor)[0, :, :frames].float().cpu()


def placed(sound: Waveform, new: Waveform, begin: float, seconds: float) -> tuple[Waveform, int, int]:
    """``new``, which begins at second ``begin`` of ``sound`` and is the same music for ``seconds``, from there on.

    Gives the whole, and where the equal-power crossfade begins and how long it is, in samples. The new sound is as loud
    as the recording is in what both have; its peaks are held back.
    """
    rate, channels = sound.sample_rate, sound.samples.shape[0]
    fitted = resample(to_stereo(new) if channels == 2 else to_mono(new), rate).samples
    both = round(seconds * rate)
    place = round(begin * rate)
    wanted = integrated_lufs(Waveform(sound.samples[:, place : place + both], rate))
    here = integrated_lufs(Waveform(fitted[:, :both], rate))
    if np.isfinite(wanted) and np.isfinite(here):
        fitted = fitted * np.float32(10 ** ((wanted - here) / 20))
    fitted = fitted * limited_gain(fitted, _CEILING, max(4, int(LOOK_AHEAD * rate)))
    if channels > 2:
        fitted = np.repeat(fitted, channels, axis=0)
    samples = min(round(SEAM_SECONDS * rate), both)
    first = place + both - samples
    less, more = fades(samples, "equal_power")
    middle = sound.samples[:, first : first + samples] * less + fitted[:, both - samples : both] * more
    whole: FloatArray = np.concatenate([sound.samples[:, :first], middle, fitted[:, both:]], axis=1).astype(np.float32)
    return Waveform(whole, rate), first, samples


def shared_seconds(frames: int, workshop: Workshop) -> float:
    """For how long the decoded song cannot differ yet from the ``frames`` that were heard."""
    return max(frames - unheard_frames(workshop.config) - workshop.codec.reach, 0) / FRAME_RATE
