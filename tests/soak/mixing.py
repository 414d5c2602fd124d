"""Do mixed styles lie between their two? Short songs at several weights, by every method, measured.

    python tests/soak/mixing.py --pairs 20 --seconds 6 --out mixing.json

For every pair of the embedded model's styles and every weight of the second one, one song of one seed. Three distances
of each song to either style: timbre (features of ``evaluate.recognition``, against the styles' own sound), what a style
classifier thinks (fitted on pieces of the styles' own sound; minus the log-probability), and tempo (octaves between
the tempo estimated from the song and the style's). A method works where, in the mean over the pairs, the distance to
the first style grows with the weight and that to the second falls. Pairs that the file holds are not made again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from pathlib import Path

import numpy as np

from songbloom_x2.audio.analysis import estimate_tempo
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.evaluate.recognition import Recogniser, fit_recogniser, style_features
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.types import FloatArray, SongRequest, Style, StyleMix, Waveform

LYRICS = "[verse] Morning comes and rivers carry me home. Every window holds a little light."
METHODS = ("latents", "embeddings", "guidance")
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
PIECES = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    pipeline = SongPipeline.from_pretrained("embedded", RuntimeConfig(device="cpu", threads=1, batch_size=8))
    styles = pipeline.named_styles
    sounds = {style.name: pipeline.decode_style(style) for style in styles}
    recogniser = _classifier(sounds)
    pairs = list(itertools.combinations(styles, 2))
    np.random.default_rng(0).shuffle(pairs)
    rows = json.loads(args.out.read_text())["rows"] if args.out.exists() else []
    made = {row["pair"] for row in rows}
    for seed, (first, second) in enumerate(pairs[: args.pairs]):
        if seed in made:
            continue
        request = SongRequest(LYRICS, seed=seed, duration=args.seconds, sampling={"steps": args.steps})
        wanted = [("", 0.0, first), ("", 1.0, second)]
        for method, weight in itertools.product(METHODS, WEIGHTS[1:-1]):
            parts = ((first.name, 1 - weight), (second.name, weight))
            wanted.append((method, weight, pipeline.mix_styles(StyleMix(parts, method))))
        prepared = [pipeline.prepare(request, style=style)[0] for _, _, style in wanted]
        for number, song in pipeline.make(prepared):
            method, weight, _ = wanted[number]
            found = _measured(song.waveform, first, second, sounds, recogniser)
            rows += [
                {"pair": seed, "method": each, "weight": weight, **found} for each in ([method] if method else METHODS)
            ]
        args.out.write_text(json.dumps({"rows": rows, "summary": _summary(rows)}, indent=1))
        print(f"{seed + 1} of {args.pairs}: {first.name}, {second.name}", flush=True)
    print(json.dumps(_summary(rows)))


def _classifier(sounds: dict[str, Waveform]) -> Recogniser:
    features, labels = [], []
    for name, sound in sounds.items():
        for piece in np.array_split(sound.samples, PIECES, axis=1):
            features.append(style_features(Waveform(piece, sound.sample_rate)))
            labels.append(name)
    return fit_recogniser(np.stack(features), labels)


def _measured(
    song: Waveform, first: Style, second: Style, sounds: dict[str, Waveform], recogniser: Recogniser
) -> dict[str, float | None]:
    features = style_features(song)
    scores = recogniser.scores(features).astype(np.float64)
    chances = scores - np.logaddexp.reduce(scores)
    found: dict[str, float | None] = {}
    tempo = estimate_tempo(song)
    for side, style in (("first", first), ("second", second)):
        own = style_features(sounds[style.name])
        found[f"timbre_{side}"] = _distance(features, own, recogniser)
        found[f"style_{side}"] = float(-chances[recogniser.names.index(style.name)])
        known = tempo is not None and style.tempo is not None
        found[f"tempo_{side}"] = abs(math.log2(tempo / style.tempo)) if known else None
    return found


def _distance(one: FloatArray, other: FloatArray, recogniser: Recogniser) -> float:
    return float(np.sqrt(np.mean(np.square((one - other) / recogniser.scale))))


def _summary(rows: list[dict[str, float]]) -> dict[str, dict[str, list[float]]]:
    """For each method and distance, the mean over the pairs at each weight."""
    names = [f"{kind}_{side}" for kind in ("timbre", "style", "tempo") for side in ("first", "second")]
    told = {}
    for method in METHODS:
        told[method] = {
            name: [
                round(
                    float(np.mean([row[name] for row in rows if _is(row, method, weight) and row[name] is not None])), 3
                )
                for weight in WEIGHTS
            ]
            for name in names
        }
    return told


def _is(row: dict[str, float], method: str, weight: float) -> bool:
    return row["method"] == method and row["weight"] == weight


if __name__ == "__main__":
    main()
