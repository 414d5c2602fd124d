"""Remakes what docs/corpus.md shows: spectrograms of three songs, and the table of the voices' distances.

python scripts/corpus_page.py --cache runs/corpus-cache
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from songbloom_x2.audio.picture import spectrogram_png
from songbloom_x2.train.corpus.mix import mixture
from songbloom_x2.train.corpus.song import Studio, make_lyricist
from songbloom_x2.train.corpus.soundfont import find_soundfonts
from songbloom_x2.train.corpus.styles import style_named
from songbloom_x2.train.corpus.synthesiser import Synthesiser
from songbloom_x2.train.corpus.timbre import distances, mean_spectra
from songbloom_x2.train.corpus.voices import voice_named

SAMPLES = ((71, "soul", "cora"), (72, "rock", "ivor"), (73, "bossa", "jude"))
IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"


def main() -> int:
    """Write the images, print the table."""
    parser = argparse.ArgumentParser(description="Remake the images and the table of docs/corpus.md.")
    parser.add_argument("--cache", type=Path, required=True, help="folder for derived files")
    cache = parser.parse_args().cache
    studio = Studio(cache, find_soundfonts())
    for seed, style, voice in SAMPLES:
        song = studio.make(seed, style=style_named(style), voice=voice_named(voice), seconds=16)
        path = IMAGES / f"corpus-{style}-{voice}.png"
        path.write_bytes(spectrogram_png(mixture(song), width=800, height=220))
        print(f"{path.name}: {song.annotation.lyrics}", file=sys.stderr)
    spectra = mean_spectra(make_lyricist(cache), Synthesiser(cache))
    apart = distances(spectra)
    print("| | " + " | ".join(spectra) + " |\n| --- |" + " --- |" * len(spectra))
    for name, row in zip(spectra, apart, strict=True):
        print(f"| {name} | " + " | ".join("" if value == 0 else f"{value:.1f}" for value in row) + " |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
