"""Do mixed styles lie between their two? Short songs at several weights, by every method, measured.

    python tests/soak/mixing.py --pairs 20 --seconds 6 --steps 4 --work mixing --out tests/soak/results/mixing.json

For every pair of the embedded model's styles (of two kinds of music, in two voices) and every weight of the second one,
songs of one seed. How far each is from either style, by

- timbre: features of band and voice (``evaluate.recognition``) against those of the style's own sound, in units of
  their spread over the styles;
- style: where it stands between the two on the axis of a style classifier, which is fitted on pieces of the styles' own
  sound and never heard a song of the model (0: as the first one's own sound, 1: as the second one's);
- tempo: octaves between the tempo that is heard and the style's; ``tempo_heard`` as it is estimated, ``tempo`` with
  half, double, two thirds and three halves of what the song was told taken for the same, which estimates of six seconds
  mistake for each other.

``listener`` is minus the log-probability of either of the two bands by the listener that comes with the model.
``recognised`` says how often both classifiers are right about songs in one pure style: what is wrong about these says
nothing about mixes.

A method works where, in the mean over the pairs, the distance to the first style grows with the weight and that to the
second falls. The better one goes in proportion: ``off`` is how far (root mean square over the inner weights, means over
the pairs) the way that is gone is from the weight. What is made is kept in ``--work`` pair by pair and not made again;
the figures of every song go there too.
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
MEASURES = ("timbre", "style", "listener", "tempo", "tempo_heard")
PIECES = 3
"""Of a style's own sound, as long as half a song each."""
FOLDS = (0.5, 2 / 3, 1.0, 1.5, 2.0)
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
        np.savez(own, **{name: _own_features(*pipeline.decode_style_stems(style)) for name, style in styles.items()})
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
    (args.work / "songs.json").write_text(json.dumps(measured, indent=1))
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
        "overall": _overall(measured),
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


def _own_features(voice: Waveform, band: Waveform) -> FloatArray:
    """Of all of a style's own sound, then of its pieces: ``[1 + PIECES, 170]``."""
    pieces = zip(*(np.array_split(stem.samples, PIECES, 1) for stem in (voice, band)), strict=True)
    parts = [(Waveform(one, voice.sample_rate), Waveform(other, band.sample_rate)) for one, other in pieces]
    return np.stack([_features(voice, band), *(_features(*part) for part in parts)])


BAND = 110


def _measured(
    rows: Sequence[Found], named: Sequence[tuple[str, str]], styles: dict[str, Style], own: dict[str, FloatArray]
) -> tuple[list[Found], dict[str, float]]:
    """Every song's distances to its pair's styles, and how often the classifiers are right about pure songs."""
    spread = np.stack([found[0] for found in own.values()]).std(0) + 1e-6
    listener = load_listener(shipped_listener()).style
    pieces = [(piece[:BAND], styles[name].tags[0]) for name, found in own.items() for piece in found[1:]]
    classifier = fit_recogniser(np.stack([piece for piece, _ in pieces]), [band for _, band in pieces])
    out: list[Found] = []
    right: dict[str, list[float]] = {
        "style_of_two": [],
        "style_of_all": [],
        "listener_of_two": [],
        "listener_of_all": [],
    }
    for row in rows:
        pair = [styles[name] for name in named[row["pair"]]]
        bands = [style.tags[0] for style in pair]
        features, band = np.asarray(row["features"], np.float32), np.mean(row["halves"], 0, dtype=np.float32)
        found: Found = {name: row[name] for name in ("pair", "method", "weight")}
        place = _place(classifier, band, bands, [own[style.name][1:, :BAND].mean(0) for style in pair])
        heard = _of_two(listener, features[:BAND], bands)
        if row["method"] == "pure":
            side = int(row["weight"])
            right["style_of_two"].append(float((place > 0.5) == bool(side)))
            right["style_of_all"].append(float(classifier(band) == bands[side]))
            right["listener_of_two"].append(float(heard[side] > heard[1 - side]))
            right["listener_of_all"].append(float(listener(features[:BAND]) == bands[side]))
        for index, side_name in enumerate(("first", "second")):
            style = pair[index]
            gap = (features - own[style.name][0]) / spread
            found[f"timbre_{side_name}"] = float(np.sqrt(np.mean(np.square(gap))))
            found[f"style_{side_name}"] = abs(place - index)
            found[f"listener_{side_name}"] = -heard[index]
            for name, tempo in (("tempo_heard", row["tempo"]), ("tempo", _folded(row["tempo"], row["weight"], pair))):
                known = tempo is not None and style.tempo is not None
                found[f"{name}_{side_name}"] = abs(math.log2(tempo / style.tempo)) if known else None
        out.append({name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()})
    return out, {name: round(float(np.mean(values)), 3) for name, values in right.items()}


def _place(recogniser: Recogniser, features: FloatArray, bands: Sequence[str], own: Sequence[FloatArray]) -> float:
    """0 at the first style's own sound, 1 at the second one's, along what tells the two bands apart."""
    first, second = (recogniser.names.index(band) for band in bands)
    here, *ends = (float(np.subtract(*recogniser.scores(each)[[first, second]])) for each in (features, *own))
    return (ends[0] - here) / (ends[0] - ends[1])


def _of_two(recogniser: Recogniser, features: FloatArray, names: Sequence[str]) -> list[float]:
    """Log-probabilities of two classes, if it is one of them."""
    scores = recogniser.scores(features).astype(np.float64)
    both = np.array([scores[recogniser.names.index(name)] for name in names])
    return [float(value) for value in both - np.logaddexp.reduce(both)]


def _folded(tempo: float | None, weight: float, pair: Sequence[Style]) -> float | None:
    """The tempo that is heard, or that multiple of it which is nearest to what the song was told."""
    if tempo is None or pair[0].tempo is None or pair[1].tempo is None:
        return None
    told = pair[0].tempo ** (1 - weight) * pair[1].tempo ** weight
    return min((tempo * fold for fold in FOLDS), key=lambda each: abs(math.log2(each / told)))


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


def _overall(rows: Sequence[Found]) -> dict[str, Any]:
    """For each method the mean ``off`` of timbre, style and tempo, and how much more that is than the best one's, with
    its 95 % interval over the pairs."""
    pairs = sorted({row["pair"] for row in rows})
    judged = ("timbre", "style", "tempo")
    tables = {
        (method, measure): [_table(rows, pairs, method, f"{measure}_{side}") for side in ("first", "second")]
        for method in METHODS
        for measure in judged
    }

    def off(method: str, chosen: np.ndarray[Any, Any]) -> float:
        return float(np.mean([_off(tables[method, measure], chosen) for measure in judged]))

    everyone, rng = np.arange(len(pairs)), np.random.default_rng(0)
    means = {method: off(method, everyone) for method in METHODS}
    best = min(means, key=lambda method: means[method])
    draws = [rng.integers(0, len(pairs), len(pairs)) for _ in range(RESAMPLES)]
    told: dict[str, Any] = {"best": best}
    for method in METHODS:
        low, high = np.nanpercentile([off(method, draw) - off(best, draw) for draw in draws], [2.5, 97.5])
        told[method] = {
            "off": round(means[method], 3),
            "more_than_best_95": [round(float(low), 3), round(float(high), 3)],
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
