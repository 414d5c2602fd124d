"""Does a song that goes on stay the song? Songs of many styles, each gone on from its own end, measured at the seam.

    python tests/soak/going_on.py --songs 10 --seconds 12 --added 8 --work going --out tests/soak/results/going_on.json

Each song is written, read and gone on from with new words and another seed, then a stretch of the longer one is made
anew. All is measured in the files that were written, by what stands in ``audio`` and ``evaluate``; nothing asks the
model what it meant.

- kept: how far before the old end the samples begin to differ; how far outside the stretch that is made anew.
- step: how much the level (root mean square of the second before and after) changes where what is new begins (the seam
  lies before that, where old and new are the same), in dB, against the same at all places of the same old song, a
  quarter of a second apart.
- beat: the phase of the onsets at the told tempo, in the old part and in the new one; how far apart both are, in beats
  (by chance 0.25 in the mean). ``pulse`` is how strong that phase is in either part, 0 to 1.
- key: share of the twelve pitch classes' strength that lies in the seven of the told key (by chance 0.58), in either
  part; and how alike the pitch classes of the old and the new part are (correlation), against the other songs' new
  parts. ``same_tempo_heard`` and ``same_key_heard``: in how many songs the estimates of either part are the same (half
  and double tempo taken for the same).

Songs that lie in ``--work`` already are not made again.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from ground import report

from songbloom_x2.audio.analysis import estimate_key, estimate_tempo, onset_envelope, pitch_classes
from songbloom_x2.audio.files import read_audio
from songbloom_x2.config import FRAME_RATE, RuntimeConfig
from songbloom_x2.evaluate.rhythm import tempo_error
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.replay import find_manifest
from songbloom_x2.request_checks import unheard_frames
from songbloom_x2.song_files import save_song
from songbloom_x2.style_words import parse_key
from songbloom_x2.types import ExtendRequest, FloatArray, RepaintRequest, SongRequest, Waveform

WORDS = "[verse] Morning comes and rivers carry me home. Every window holds a little light."
MORE = "[chorus] Hold on to the morning light. Let the rivers carry you home."
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
ANEW = (5.0, 8.0)
"""Seconds between which the longer song is made anew."""
LEVEL_SECONDS, STEP_SECONDS = 1.0, 0.25
SAME_TEMPO = 0.04

Found = dict[str, Any]


def main() -> int:
    """Make what is missing, measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--added", type=float, default=8.0)
    parser.add_argument("--work", type=Path, required=True, help="folder of what is made already")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    pipeline = SongPipeline.from_pretrained("embedded", RuntimeConfig(device="cpu"))
    # Spread over the styles, so that all kinds of music are among few songs.
    styles = [pipeline.styles[number * len(pipeline.styles) // args.songs] for number in range(args.songs)]
    _make_first(pipeline, args, styles)
    rows = []
    for number, style in enumerate(styles):
        _make_missing(pipeline, args, number)
        rows.append({"song": number, "style": style, **_measured(args.work, number, unheard_frames(pipeline.config))})
        print({name: value for name, value in rows[-1].items() if name != "classes"}, flush=True)
    summary = _summary(rows)
    goals = {
        "kept": summary["kept_before_the_old_end"]["most"] <= 2.5,
        "outside": summary["changed_outside_the_stretch"]["most"] <= 1.0,
        "step": summary["step"]["where_new_begins"] <= summary["step"]["elsewhere"] + 1.0,
        "beat": summary["beat"]["apart"] <= 0.1,
        "key": summary["key"]["alike"] > summary["key"]["alike_others"],
    }
    facts = {
        "command": f"python tests/soak/going_on.py --songs {args.songs} --seconds {args.seconds:g} --added "
        f"{args.added:g}",
        "model": pipeline.description["sha256"],
        "summary": summary,
        "goals": goals,
        "songs": [{name: value for name, value in row.items() if name != "classes"} for row in rows],
    }
    return report(args, facts, all(goals.values()))


def _make_first(pipeline: SongPipeline, args: argparse.Namespace, styles: Sequence[str]) -> None:
    files = [args.work / f"{number}-first.flac" for number in range(len(styles))]
    missing = [number for number, file in enumerate(files) if not file.exists()]
    requests = [SongRequest(WORDS, styles[number], number, args.seconds) for number in missing]
    for place, song in pipeline.songs(requests):
        save_song(song, files[missing[place]])


def _make_missing(pipeline: SongPipeline, args: argparse.Namespace, number: int) -> None:
    first, longer, anew = (args.work / f"{number}-{name}.flac" for name in ("first", "longer", "anew"))
    if not longer.exists():
        save_song(pipeline.extend(ExtendRequest(str(first), MORE, args.added, seed=100 + number)).whole(), longer)
    if not anew.exists():
        request = RepaintRequest(str(longer), *ANEW, seed=200 + number, candidates=1)
        save_song(pipeline.repaint(request).whole(), anew)


def _measured(work: Path, number: int, unheard: int) -> Found:
    first, longer, anew = (read_audio(work / f"{number}-{name}.flac") for name in ("first", "longer", "anew"))
    manifest = find_manifest(work / f"{number}-longer.flac")
    told, rate = manifest["music"], first.sample_rate
    at = (manifest["edit"]["kept_frames"] - unheard) / FRAME_RATE
    old, new = _part(longer, 0.0, at), _part(longer, at, longer.seconds)
    apart = _first_difference(first.samples, longer.samples)
    key = parse_key(told["key"]["told"])
    # The end dies away: its last two seconds tell little.
    phases = _phases(longer, told["tempo"]["told"], at, longer.seconds - 2.0)
    turn = abs(float(np.angle(phases[0] * np.conj(phases[1])))) / (2 * math.pi)
    classes = [pitch_classes(part) for part in (old, new)]
    assert classes[0] is not None and classes[1] is not None
    heard = [(estimate_tempo(part), estimate_key(part)) for part in (old, new)]
    changed = np.flatnonzero((anew.samples != longer.samples).any(axis=0)) / rate
    elsewhere = np.arange(LEVEL_SECONDS, at - 2 * LEVEL_SECONDS, STEP_SECONDS)
    return {
        "kept_before_the_old_end": first.seconds - apart / rate,
        "added": longer.seconds - first.seconds,
        "changed_outside_the_stretch": float(max(ANEW[0] - changed.min(), changed.max() - ANEW[1])),
        "step": _step(longer, at),
        "steps_elsewhere": float(np.mean([_step(longer, second) for second in elsewhere])),
        "apart": turn,
        "pulse": [float(abs(phase)) for phase in phases],
        "in_key": [_in_key(values, key) for values in classes],
        "classes": classes,
        "tempo_heard": [each[0] for each in heard],
        "key_heard": [each[1] for each in heard],
    }


def _part(sound: Waveform, start: float, end: float) -> Waveform:
    rate = sound.sample_rate
    return Waveform(sound.samples[:, round(start * rate) : round(end * rate)], rate)


def _first_difference(one: FloatArray, other: FloatArray) -> int:
    length = min(one.shape[1], other.shape[1])
    different = (one[:, :length] != other[:, :length]).any(axis=0)
    return int(different.argmax()) if different.any() else length


def _step(sound: Waveform, second: float) -> float:
    """How far apart the levels before and after are, in dB."""
    before, after = (
        np.sqrt(np.mean(np.square(_part(sound, start, start + LEVEL_SECONDS).samples))) + 1e-9
        for start in (second - LEVEL_SECONDS, second)
    )
    return abs(float(20 * np.log10(after / before)))


def _phases(sound: Waveform, tempo: float, at: float, end: float) -> tuple[complex, complex]:
    """Of the onsets at the beat's frequency, before and after second ``at``: where the beats fall, and how clearly."""
    onsets, rate = onset_envelope(sound)
    turning = np.exp(-2j * np.pi * tempo / 60 * np.arange(len(onsets)) / rate) * onsets
    parts = (slice(0, round(at * rate)), slice(round(at * rate), round(end * rate)))
    old, new = (complex(turning[part].sum() / max(float(onsets[part].sum()), 1e-9)) for part in parts)
    return old, new


def _in_key(classes: FloatArray, key: int) -> float:
    root, minor = divmod(key, 2)
    inside = [(root + step) % 12 for step in (MINOR if minor else MAJOR)]
    return float(classes[inside].sum() / classes.sum())


def _summary(rows: Sequence[Found]) -> Found:
    kept = [row["kept_before_the_old_end"] for row in rows]
    outside = [row["changed_outside_the_stretch"] for row in rows]
    alike = np.corrcoef(np.stack([row["classes"][0] for row in rows]), np.stack([row["classes"][1] for row in rows]))
    across = alike[: len(rows), len(rows) :]
    others = across[~np.eye(len(rows), dtype=bool)]
    same_tempo = [
        None not in row["tempo_heard"] and tempo_error(row["tempo_heard"][1], row["tempo_heard"][0]) <= SAME_TEMPO
        for row in rows
    ]
    return {
        "kept_before_the_old_end": {"mean": _rounded(kept), "most": round(max(kept), 3)},
        "changed_outside_the_stretch": {"mean": _rounded(outside), "most": round(max(outside), 3)},
        "added": {
            "least": round(min(row["added"] for row in rows), 3),
            "most": round(max(row["added"] for row in rows), 3),
        },
        "step": {
            "where_new_begins": _rounded([row["step"] for row in rows]),
            "elsewhere": _rounded([row["steps_elsewhere"] for row in rows]),
            "most_where_new_begins": round(max(row["step"] for row in rows), 3),
        },
        "beat": {
            "apart": _rounded([row["apart"] for row in rows]),
            "most": round(max(row["apart"] for row in rows), 3),
            "pulse": [_rounded([row["pulse"][part] for row in rows]) for part in (0, 1)],
            "same_tempo_heard": sum(same_tempo),
        },
        "key": {
            "in_key": [_rounded([row["in_key"][part] for row in rows]) for part in (0, 1)],
            "alike": _rounded(np.diag(across).tolist()),
            "alike_others": _rounded(others.tolist()),
            "same_key_heard": sum(row["key_heard"][0] == row["key_heard"][1] for row in rows),
        },
    }


def _rounded(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 3)


if __name__ == "__main__":
    sys.exit(main())
