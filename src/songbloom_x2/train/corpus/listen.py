"""Songs of a corpus as sound files, for ears."""

from __future__ import annotations

from pathlib import Path

import soundfile

from songbloom_x2.train.corpus import mix
from songbloom_x2.train.corpus.record import read_shard, shard_stems


def write_examples(folder: Path, count: int) -> None:
    """Write the first ``count`` songs that have their stem kept to ``folder/wav``: mixture, dry voice, annotation."""
    target = folder / "wav"
    written = 0
    for stem in shard_stems(folder) if count else []:
        target.mkdir(exist_ok=True)
        for song in read_shard(stem):
            if written == count or song.band is None:
                return
            note = song.annotation
            name = f"{written:03d}-{note.style}-{note.voice}"
            mixed = mix.mixture(song)
            soundfile.write(target / f"{name}.wav", mixed.samples.T, mixed.sample_rate)
            soundfile.write(target / f"{name}-voice.wav", mix.voice_wave(song.voice, note.seed), 24000)
            (target / f"{name}.json").write_text(note.to_json(), encoding="utf-8")
            written += 1
