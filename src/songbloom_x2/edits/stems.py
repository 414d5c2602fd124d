"""A song's voice and band apart, where the codec keeps them so."""

from __future__ import annotations

import torch

from songbloom_x2.audio.stages import Chain, Dropped, FadeOut, Level, Stage, joined
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.request_checks import unheard_frames
from songbloom_x2.types import Song, Waveform
from songbloom_x2.workshop import Workshop


def stems(workshop: Workshop, codec: TwoStemCodec, song: Song) -> tuple[Waveform, Waveform]:
    """Voice and band; their sum is the song (for one made of another song: but for seams and peaks held back)."""
    fade = None if song.memory is None else song.memory.facts["fade"]
    with workshop.scope():
        latents = torch.from_numpy(song.latents)[None].to(workshop.plan.torch_device)
        apart = [stem[0].cpu().numpy() for stem in codec.decode_stems(latents)]
    heard = []
    for sound in apart:
        stages: list[Stage] = [Dropped(unheard_frames(workshop.config) * codec.samples_per_frame)]
        if fade is not None:
            stages.append(FadeOut(*fade))
        if song.level is not None:
            stages.append(Level(song.level.gain_db, None, codec.sample_rate))
        way = Chain(stages)
        heard.append(Waveform(joined([way.push(sound), way.flush()]), codec.sample_rate))
    return heard[0], heard[1]
