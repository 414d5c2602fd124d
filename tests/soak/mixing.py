"""Do mixed styles lie between their two? Short songs at several weights, by every method, measured.

    python tests/soak/mixing.py --pairs 20 --seconds 6 --steps 4 --work mixing --out tests/soak/results/mixing.json

For every pair of the embedded model's styles (of two kinds of music, in two voices) and every weight of the second one,
songs of one seed. How far each is from either style, by

- timbre: features of band and voice (``evaluate.recognition``) against those of the style's own sound, in units of
  their spread over the styles;
- style: minus the log-probability of either by a classifier that is fitted on the songs in one pure style of all other
  pairs, so that it never heard the song's own pair; two classes, the pair's two bands;
- tempo: octaves between the tempo that is heard and the style's, as heard and with half and double time as the same.

``listener`` is what the listener that comes with the model thinks; ``recognised`` says how often it and the fitted
classifier are right about pure songs: a measure that is wrong about these says nothing about mixes.

A method works where, in the mean over the pairs, the distance to the first style grows with the weight and that to the
second falls. The better one goes in proportion: ``off`` is how far (root mean square over the inner weights, means over
the pairs) the way that is gone is from the weight. What is made is kept in ``--work`` pair by pair and not made again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from ground import report

from songbloom_x2.audio.analysis import estimate_tempo
from songbloom_x2.config import DEFAULT_MIX_METHOD, RuntimeConfig
from songbloom_x2.evaluate.recognition import Recogniser, fit_recogniser, style_features, voice_features
from songbloom_x2.evaluation.listener import load_listener, shipped_listener
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.types import FloatArray, SongRequest, Style, StyleMix, Waveform

LYRICS = "[verse] Morning comes and rivers carry me home. Every window holds a little light."
METHODS = ("latents", "embeddings", "guidance", "embeddings, spherical")
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
MEASURES = ("timbre", "style", "listener", "tempo", "tempo_class")
RESAMPLES = 500
"""Bootstrap over the pairs."""

Found = dict[str, Any]


def main() -> int:
    """Make what is missing, measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--work", type=Path, required=True, help="folder of what is made already")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    pipeline = SongPipeline.from_pretrained("embedded", RuntimeConfig(device="cpu", threads=1, batch_size=12))
    styles = {style.name: style for style in pipeline.named_styles}
    own = args.work / "styles.npz"
    if not own.exists():
        np.savez(own, **{name: _features(*pipeline.decode_style_stems(style)) for name, style in styles.items()})
    pairs = _pairs(pipeline.named_styles)[: args.pairs]
    rows: list[Found] = []
    for number, (first, second) in enumerate(pairs):
        for guided in (False, True):
            kept = args.work / f"{number}{'-guidance' if guided else ''}.json"
            if not kept.exists():
                request = SongRequest(LYRICS, seed=number, duration=args.seconds, sampling={"steps": args.steps})
                made = _songs(pipeline, request, first, second, guided=guided)
                kept.write_text(json.dumps(made))
                print(f"{number + 1} of {len(pairs)}: {first.name}, {second.name}", flush=True)
            rows += [{"pair": number, **song} for song in json.loads(kept.read_text())]
    named = [(first.name, second.name) for first, second in pairs]
    measured, recognised = _measured(rows, named, styles, dict(np.load(own)))
    summary = {method: _summary(measured, method) for method in METHODS}
    good = all(
        summary[DEFAULT_MIX_METHOD][measure][way]
        for measure in ("timbre", "style", "tempo")
        for way in ("grows", "falls")
    )
    facts = {
        "command": f"python tests/soak/mixing.py --pairs {args.pairs} --seconds {args.seconds:g} --steps {args.steps}",
        "model": pipeline.description["sha256"],
        "default": DEFAULT_MIX_METHOD,
        "songs": len(rows),
        "recognised": recognised,
        "summary": summary,
        "rows": measured,
    }
    return report(args, facts, good)


def _pairs(styles: Sequence[Style]) -> list[tuple[Style, Style]]:
    """All pairs that differ in band and voice, in an order that is always the same."""
    pairs = [
        (one, other)
        for one, other in itertools.combinations(styles, 2)
        if one.tags[0] != other.tags[0] and one.tags[1] != other.tags[1]
    ]
    order = np.random.default_rng(0).permutation(len(pairs))
    return [pairs[index] for index in order]


def _songs(
    pipeline: SongPipeline, request: SongRequest, first: Style, second: Style, *, guided: bool
) -> list[dict[str, Any]]:
    """The pair's songs: pure ones (unless ``guided``) and mixes, as features and tempo."""
    wanted = [] if guided else [("pure", 0.0, first), ("pure", 1.0, second)]
    for method, weight in itertools.product(METHODS, WEIGHTS[1:-1]):
        if (method == "guidance") == guided:
            where, _, spherical = method.partition(", ")
            parts = ((first.name, 1 - weight), (second.name, weight))
            mix = StyleMix(parts, where, bool(spherical))  # type: ignore[arg-type]  # one of MixMethod
            wanted.append((method, weight, pipeline.mix_styles(mix)))
    prepared = [pipeline.prepare(request, style=style)[0] for _, _, style in wanted]
    found = []
    for number, song in pipeline.make(prepared):
        method, weight, _ = wanted[number]
        tempo = estimate_tempo(song.waveform)
        voice, band = pipeline.stems(song)
        halves = [
            style_features(Waveform(half, band.sample_rate)).tolist() for half in np.array_split(band.samples, 2, 1)
        ]
        features = _features(voice, band).tolist()
        found.append({"method": method, "weight": weight, "tempo": tempo, "features": features, "halves": halves})
    return found


def _features(voice: Waveform, band: Waveform) -> FloatArray:
    """Band first: ``[110 + 60]``."""
    return np.concatenate([style_features(band), voice_features(voice)])


BAND = 110


def _measured(
    rows: Sequence[Found], named: Sequence[tuple[str, str]], styles: dict[str, Style], own: dict[str, FloatArray]
) -> tuple[list[Found], dict[str, float]]:
    """Every song's distances to its pair's styles, and how often the classifiers are right about pure songs."""
    spread = np.stack(list(own.values())).std(0) + 1e-6
    listener = load_listener(shipped_listener()).style
    out: list[Found] = []
    right: dict[str, list[float]] = {"style_of_two": [], "listener_of_two": [], "listener_of_all": []}
    for pair, names in enumerate(named):
        bands = [styles[name].tags[0] for name in names]
        classifier = _classifier([row for row in rows if row["pair"] != pair], named, styles)
        for row in (row for row in rows if row["pair"] == pair):
            features = np.asarray(row["features"], np.float32)
            found: Found = {name: row[name] for name in ("pair", "method", "weight")}
            chances = _of_two(classifier, features[:BAND], bands)
            heard = _of_two(listener, features[:BAND], bands)
            if row["method"] == "pure":
                side = int(row["weight"])
                right["style_of_two"].append(float(chances[side] > chances[1 - side]))
                right["listener_of_two"].append(float(heard[side] > heard[1 - side]))
                right["listener_of_all"].append(float(listener(features[:BAND]) == bands[side]))
            for index, side_name in enumerate(("first", "second")):
                style = styles[names[index]]
                gap = (features - own[style.name]) / spread
                found[f"timbre_{side_name}"] = float(np.sqrt(np.mean(np.square(gap))))
                found[f"style_{side_name}"] = -chances[index]
                found[f"listener_{side_name}"] = -heard[index]
                octaves = None if row["tempo"] is None or style.tempo is None else math.log2(row["tempo"] / style.tempo)
                found[f"tempo_{side_name}"] = None if octaves is None else abs(octaves)
                found[f"tempo_class_{side_name}"] = None if octaves is None else abs(octaves - round(octaves))
            out.append({name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()})
    return out, {name: round(float(np.mean(values)), 3) for name, values in right.items()}


def _classifier(rows: Sequence[Found], named: Sequence[tuple[str, str]], styles: dict[str, Style]) -> Recogniser:
    """Of bands, on the pure songs of ``rows``."""
    pure = [row for row in rows if row["method"] == "pure"]
    labels = [styles[named[row["pair"]][int(row["weight"])]].tags[0] for row in pure]
    return fit_recogniser(np.array([row["features"][:BAND] for row in pure], np.float32), labels)


def _of_two(recogniser: Recogniser, features: FloatArray, names: Sequence[str]) -> list[float]:
    """Log-probabilities of two classes, if it is one of them; even where one of them was never heard."""
    if not set(names) <= set(recogniser.names):
        return [math.log(0.5)] * 2
    scores = recogniser.scores(features).astype(np.float64)
    both = np.array([scores[recogniser.names.index(name)] for name in names])
    # Linear discriminants are surer than they are right: a tenth of their certainty keeps apart what is near.
    both = both / 10
    return [float(value) for value in both - np.logaddexp.reduce(both)]


def _summary(rows: Sequence[Found], method: str) -> dict[str, Any]:
    """For each measure the mean distances over the pairs at each weight, and how the way goes with the weight."""
    pairs = sorted({row["pair"] for row in rows})
    told: dict[str, Any] = {}
    for measure in MEASURES:
        tables = [_table(rows, pairs, method, f"{measure}_{side}") for side in ("first", "second")]
        means = [np.nanmean(table, axis=0) for table in tables]
        rng = np.random.default_rng(0)
        drawn = [_off(tables, rng.integers(0, len(pairs), len(pairs))) for _ in range(RESAMPLES)]
        low, high = np.nanpercentile(drawn, [2.5, 97.5])
        told[measure] = {
            "first": [round(float(value), 3) for value in means[0]],
            "second": [round(float(value), 3) for value in means[1]],
            "grows": bool((np.diff(means[0]) > 0).all()),
            "falls": bool((np.diff(means[1]) < 0).all()),
            "gone": [round(float(value), 3) for value in _gone(tables, np.arange(len(pairs)))],
            "off": round(_off(tables, np.arange(len(pairs))), 3),
            "off_95": [round(float(low), 3), round(float(high), 3)],
        }
    return told


def _table(rows: Sequence[Found], pairs: Sequence[int], method: str, name: str) -> FloatArray:
    """``[pairs, weights]``; not a number where it was not heard."""
    table = np.full((len(pairs), len(WEIGHTS)), np.nan)
    for row in rows:
        if row["method"] in (method, "pure") and row[name] is not None:
            table[pairs.index(row["pair"]), WEIGHTS.index(row["weight"])] = row[name]
    return table


def _gone(tables: Sequence[FloatArray], chosen: np.ndarray[Any, Any]) -> FloatArray:
    """How much of the way from the first style to the second is gone at each weight, 0 to 1."""
    difference = np.nanmean((tables[0] - tables[1])[chosen], axis=0)
    return (difference - difference[0]) / (difference[-1] - difference[0])


def _off(tables: Sequence[FloatArray], chosen: np.ndarray[Any, Any]) -> float:
    return float(np.sqrt(np.mean(np.square(_gone(tables, chosen) - WEIGHTS)[1:-1])))


if __name__ == "__main__":
    sys.exit(main())
