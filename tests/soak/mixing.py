"""Do mixed styles lie between their two? Short songs at several weights, by every method, measured.

    python tests/soak/mixing.py --pairs 20 --compared 8 --work mixing --out tests/soak/results/mixing.json
    python tests/soak/mixing.py --sounds bands/*.wav --pairs 6 --compared 0 --work sounds --out sounds.json

For every pair of the embedded model's styles (of two kinds of music, in two voices) and every weight of the second one,
songs of one seed: by the default method for all pairs, by the others for those that are ``compared``. How far each is
from either style, by

- timbre: features of band and voice (``evaluate.recognition``) against those of the style's own sound, in units of
  their spread over the styles;
- style: where it stands between the two on the axis of a style classifier, which is fitted on pieces of the styles' own
  sound and never heard a song of the model (0: as the first one's own sound, 1: as the second one's);
- tempo: octaves between the band's strongest pulse and the style's tempo. The pulse is looked for from a little under
  the slower style's tempo to a little over the faster one's, the same for all songs of a pair, so it knows nothing of
  the weight: music without a pulse would lie as near to the one as to the other at every weight. Only of pairs whose
  tempos are from a fifth of an octave to an octave apart.

``listener`` is minus the log-probability of either of the two bands by the listener that comes with the model.
``recognised`` says how often both classifiers are right about songs in one pure style, and how often the pulse of one
is nearer to
its own style's tempo than to the other's: what is wrong about these says nothing about mixes.

A method works where, in the mean over the pairs, the distance to the first style grows with the weight and that to the
second falls. The better one goes in proportion: ``off`` is how far (root mean square over the inner weights, means over
the pairs) the way that is gone is from the weight. ``rises`` is the share of pairs in which a song of weight 0.75 has
gone further than that of 0.25: half of them by chance. Songs are kept in ``--work`` (voice and band of each) and not
made again; the figures of every song go there too.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from ground import report

from songbloom_x2.audio.analysis import onset_envelope
from songbloom_x2.audio.files import read_audio, write_audio
from songbloom_x2.config import DEFAULT_MIX_METHOD, MixMethod, RuntimeConfig
from songbloom_x2.evaluate.recognition import STYLE_WIDTH, Recogniser, fit_recogniser, style_features, voice_features
from songbloom_x2.evaluation.listener import load_listener, shipped_listener
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.types import FloatArray, SongRequest, Style, StyleMix, Waveform

LYRICS = "[verse] Morning comes and rivers carry me home. Every window holds a little light."
SPHERICAL = ", spherical"
METHODS = (*get_args(MixMethod), DEFAULT_MIX_METHOD + SPHERICAL)
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
MEASURES = ("timbre", "style", "listener", "tempo")
JUDGED = ("timbre", "style", "tempo")
PIECES = 3
"""Of a style's own sound, as long as half a song each."""
APART = (0.2, 1.0)
"""Octaves between the tempos of a pair of which tempo is measured."""
BEYOND = 0.1
"""Octaves beyond the two tempos in which the pulse is looked for as well."""
RESAMPLES = 500
"""Bootstrap over the pairs."""

Found = dict[str, Any]
Wanted = tuple[str, float, str, StyleMix | Style]
"""Method, weight, the name of its files, and its style."""


def main() -> int:
    """Make what is missing, measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--compared", type=int, default=8, help="pairs that are mixed by every method")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--sounds", type=Path, nargs="+", help="recordings to mix in place of the model's own styles")
    parser.add_argument("--work", type=Path, required=True, help="folder of what is made already")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    pipeline = SongPipeline.from_pretrained("embedded", RuntimeConfig(device="cpu", threads=1, batch_size=12))
    known = pipeline.named_styles if args.sounds is None else [_sound(pipeline, path) for path in args.sounds]
    styles = {style.name: style for style in known}
    kept = args.work / "styles.npy"
    if not kept.exists():
        np.save(kept, np.stack([_own_features(*pipeline.decode_style_stems(style)) for style in known]))
    own = dict(zip(styles, np.load(kept), strict=True))
    pairs = _pairs(known)[: args.pairs]
    rows: list[Found] = []
    for methods, count in (((DEFAULT_MIX_METHOD,), len(pairs)), (METHODS, args.compared)):
        for number, (first, second) in enumerate(pairs[:count]):
            request = SongRequest(LYRICS, seed=number, duration=args.seconds, sampling={"steps": args.steps})
            _make_missing(pipeline, request, _songs(first, second, methods), args.work / str(number))
            print(f"{number + 1} of {count}: {first.name}, {second.name}, {', '.join(methods)}", flush=True)
    for number, (first, second) in enumerate(pairs):
        songs = _songs(first, second, METHODS if number < args.compared else (DEFAULT_MIX_METHOD,))
        rows += [{"pair": number, **song} for song in _heard(args.work / str(number), songs, first, second)]
    named = [(first.name, second.name) for first, second in pairs]
    measured, recognised = _measured(rows, named, styles, own)
    (args.work / "songs.json").write_text(json.dumps(measured, indent=1))
    methods = METHODS if args.compared else (DEFAULT_MIX_METHOD,)
    summary = {method: _summary(measured, method) for method in methods}
    good = all(summary[DEFAULT_MIX_METHOD][measure][way] for measure in JUDGED for way in ("grows", "falls"))
    facts = {
        "command": f"python tests/soak/mixing.py --pairs {args.pairs} --compared {args.compared} "
        f"--seconds {args.seconds:g} --steps {args.steps}",
        "sounds": 0 if args.sounds is None else len(args.sounds),
        "model": pipeline.description["sha256"],
        "default": DEFAULT_MIX_METHOD,
        "songs": len(rows),
        "recognised": recognised,
        "summary": summary,
        **({"overall": _overall(measured)} if args.compared else {}),
    }
    return report(args, facts, good)


def _sound(pipeline: SongPipeline, path: Path) -> Style:
    """A recording as a style of a kind and a voice of its own."""
    return dataclasses.replace(pipeline.encode_style(path), name=str(path), tags=(path.stem, path.stem))


def _pairs(styles: Sequence[Style]) -> list[tuple[Style, Style]]:
    """All pairs that differ in band and voice, in an order that is always the same."""
    pairs = [
        (one, other)
        for one, other in itertools.combinations(styles, 2)
        if one.tags[0] != other.tags[0] and one.tags[1] != other.tags[1]
    ]
    order = np.random.default_rng(0).permutation(len(pairs))
    return [pairs[index] for index in order]


def _songs(first: Style, second: Style, methods: Sequence[str]) -> list[Wanted]:
    """A pair's songs: the pure ones, then the mixes."""
    pure: list[Wanted] = [("pure", 0.0, "pure-0", first), ("pure", 1.0, "pure-1", second)]
    for method, weight in itertools.product(methods, WEIGHTS[1:-1]):
        where, spherical = _method(method)
        parts = ((first.name, 1 - weight), (second.name, weight))
        mix = StyleMix(parts, where, spherical)
        pure.append((method, weight, f"{where}{'-spherical' if spherical else ''}-{weight:g}", mix))
    return pure


def _method(name: str) -> tuple[MixMethod, bool]:
    """The method of a name in ``METHODS``, and whether it is spherical."""
    plain = name.removesuffix(SPHERICAL)
    return next(method for method in get_args(MixMethod) if method == plain), plain != name


def _make_missing(pipeline: SongPipeline, request: SongRequest, songs: Sequence[Wanted], folder: Path) -> None:
    """Those of the pair's songs that are not in ``folder`` yet, as voice and band."""
    folder.mkdir(exist_ok=True)
    wanted = [song for song in songs if not (folder / f"{song[2]}.band.flac").exists()]
    styles = [pipeline.mix_styles(style) if isinstance(style, StyleMix) else style for *_, style in wanted]
    prepared = [pipeline.prepare(request, style=style)[0] for style in styles]
    for number, song in pipeline.make(prepared):
        # The band last: where it lies, both do.
        for name, sound in zip(("voice", "band"), pipeline.stems(song), strict=True):
            write_audio(folder / f"{wanted[number][2]}.{name}.flac", sound, format="flac")


def _heard(folder: Path, songs: Sequence[Wanted], first: Style, second: Style) -> list[Found]:
    """What is measured of each of the pair's songs by itself: features and pulse."""
    found = []
    for method, weight, name, _ in songs:
        voice, band = (read_audio(folder / f"{name}.{stem}.flac") for stem in ("voice", "band"))
        halves = [style_features(Waveform(half, band.sample_rate)) for half in np.array_split(band.samples, 2, 1)]
        pulse = _pulse(band, first.tempo, second.tempo)
        features = _features(voice, band)
        found.append({"method": method, "weight": weight, "pulse": pulse, "features": features, "halves": halves})
    return found


def _pulse(sound: Waveform, first: float | None, second: float | None) -> float | None:
    """The strongest pulse between two tempos, beats a minute; none where these are too near or too far apart."""
    if first is None or second is None or not APART[0] <= abs(math.log2(first / second)) <= APART[1]:
        return None
    onsets, a_second = onset_envelope(sound)
    centred = onsets - onsets.mean()
    same = np.correlate(centred, centred, "full")[len(centred) - 1 :] / np.arange(len(centred), 0, -1)
    low, high = (math.log2(pick(first, second)) + side for pick, side in ((min, -BEYOND), (max, BEYOND)))
    tempos = np.exp2(np.linspace(low, high, 400))
    lags = 60 * a_second / tempos
    # What comes again after a beat does so after two and four: of other fractions of a bar that is not true.
    strengths = [np.interp(lags * multiple, np.arange(len(same)), same) for multiple in (1, 2, 4)]
    return float(tempos[int(np.argmax(np.mean(strengths, axis=0)))])


def _features(voice: Waveform, band: Waveform) -> FloatArray:
    """Band first: ``[110 + 60]``."""
    return np.concatenate([style_features(band), voice_features(voice)])


def _own_features(voice: Waveform, band: Waveform) -> FloatArray:
    """Of all of a style's own sound, then of its pieces: ``[1 + PIECES, 170]``."""
    pieces = zip(*(np.array_split(stem.samples, PIECES, 1) for stem in (voice, band)), strict=True)
    parts = [(Waveform(one, voice.sample_rate), Waveform(other, band.sample_rate)) for one, other in pieces]
    return np.stack([_features(voice, band), *(_features(*part) for part in parts)])


def _measured(
    rows: Sequence[Found], named: Sequence[tuple[str, str]], styles: dict[str, Style], own: dict[str, FloatArray]
) -> tuple[list[Found], dict[str, float]]:
    """Every song's distances to its pair's styles, and how often the classifiers are right about pure songs."""
    spread = np.stack([found[0] for found in own.values()]).std(0)
    # Recordings from elsewhere have all of their sound in the band: nothing in their voices differs.
    used = spread > 1e-3
    listener = load_listener(shipped_listener()).style
    pieces = [(piece[:STYLE_WIDTH], styles[name].tags[0]) for name, found in own.items() for piece in found[1:]]
    classifier = fit_recogniser(np.stack([piece for piece, _ in pieces]), [band for _, band in pieces])
    out: list[Found] = []
    right: dict[str, list[float]] = {
        "style_of_two": [],
        "style_of_all": [],
        "listener_of_two": [],
        "listener_of_all": [],
        "tempo_of_two": [],
    }
    for row in rows:
        pair = [styles[name] for name in named[row["pair"]]]
        bands = [style.tags[0] for style in pair]
        features, band = np.asarray(row["features"], np.float32), np.mean(row["halves"], 0, dtype=np.float32)
        found: Found = {name: row[name] for name in ("pair", "method", "weight")}
        place = _place(classifier, band, bands, [own[style.name][1:, :STYLE_WIDTH].mean(0) for style in pair])
        # It knows the kinds of music that come with the model only.
        heard = _of_two(listener, features[:STYLE_WIDTH], bands) if set(bands) <= set(listener.names) else None
        if row["method"] == "pure":
            side = int(row["weight"])
            right["style_of_two"].append(float((place > 0.5) == bool(side)))
            right["style_of_all"].append(float(classifier(band) == bands[side]))
            if heard is not None:
                right["listener_of_two"].append(float(heard[side] > heard[1 - side]))
                right["listener_of_all"].append(float(listener(features[:STYLE_WIDTH]) == bands[side]))
        for index, side_name in enumerate(("first", "second")):
            style = pair[index]
            gap = ((features - own[style.name][0])[used]) / spread[used]
            found[f"timbre_{side_name}"] = float(np.sqrt(np.mean(np.square(gap))))
            found[f"style_{side_name}"] = abs(place - index)
            found[f"listener_{side_name}"] = None if heard is None else -heard[index]
            known = row["pulse"] is not None and style.tempo is not None
            found[f"tempo_{side_name}"] = abs(math.log2(row["pulse"] / style.tempo)) if known else None
        if row["method"] == "pure" and found["tempo_first"] is not None:
            nearer = found["tempo_second"] < found["tempo_first"]
            right["tempo_of_two"].append(float(nearer == bool(row["weight"])))
        out.append({name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()})
    return out, {name: round(float(np.mean(values)), 3) for name, values in right.items() if values}


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


def _summary(rows: Sequence[Found], method: str) -> dict[str, Any]:
    """For each measure the mean distances over the pairs at each weight, and how the way goes with the weight."""
    pairs = sorted({row["pair"] for row in rows if row["method"] == method})
    told: dict[str, Any] = {"pairs": len(pairs)}
    for measure in MEASURES:
        if all(row[f"{measure}_first"] is None for row in rows):
            continue
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
            "rises": _rises(tables),
            "gone": [round(float(value), 3) for value in _gone(tables, np.arange(len(pairs)))],
            "off": round(_off(tables, np.arange(len(pairs))), 3),
            "off_95": [round(float(low), 3), round(float(high), 3)],
        }
    return told


def _overall(rows: Sequence[Found]) -> dict[str, Any]:
    """For each method the mean ``off`` of timbre, style and tempo, and how much more that is than the best one's, with
    its 95 % interval over the pairs that every method has."""
    each = [{row["pair"] for row in rows if row["method"] == method} for method in METHODS]
    pairs = sorted(set.intersection(*each))
    tables = {
        (method, measure): [_table(rows, pairs, method, f"{measure}_{side}") for side in ("first", "second")]
        for method in METHODS
        for measure in JUDGED
    }

    def off(method: str, chosen: np.ndarray[Any, Any]) -> float:
        return float(np.mean([_off(tables[method, measure], chosen) for measure in JUDGED]))

    everyone, rng = np.arange(len(pairs)), np.random.default_rng(0)
    means = {method: off(method, everyone) for method in METHODS}
    best = min(means, key=lambda method: means[method])
    draws = [rng.integers(0, len(pairs), len(pairs)) for _ in range(RESAMPLES)]
    told: dict[str, Any] = {"pairs": len(pairs), "best": best}
    for method in METHODS:
        low, high = np.nanpercentile([off(method, draw) - off(best, draw) for draw in draws], [2.5, 97.5])
        told[method] = {
            "off": round(means[method], 3),
            **{measure: round(_off(tables[method, measure], everyone), 3) for measure in JUDGED},
            "more_than_best_95": [round(float(low), 3), round(float(high), 3)],
        }
    return told


def _table(rows: Sequence[Found], pairs: Sequence[int], method: str, name: str) -> FloatArray:
    """``[pairs, weights]``; not a number where it was not heard."""
    table = np.full((len(pairs), len(WEIGHTS)), np.nan)
    for row in rows:
        if row["method"] in (method, "pure") and row["pair"] in pairs and row[name] is not None:
            table[pairs.index(row["pair"]), WEIGHTS.index(row["weight"])] = row[name]
    return table


def _gone(tables: Sequence[FloatArray], chosen: np.ndarray[Any, Any]) -> FloatArray:
    """How much of the way from the first style to the second is gone at each weight, 0 to 1."""
    difference = np.nanmean((tables[0] - tables[1])[chosen], axis=0)
    return (difference - difference[0]) / (difference[-1] - difference[0])


def _rises(tables: Sequence[FloatArray]) -> float:
    difference = tables[0] - tables[1]
    risen = (difference[:, -2] - difference[:, 1])[~np.isnan(difference).any(axis=1)]
    return round(float((risen > 0).mean()), 3)


def _off(tables: Sequence[FloatArray], chosen: np.ndarray[Any, Any]) -> float:
    return float(np.sqrt(np.mean(np.square(_gone(tables, chosen) - WEIGHTS)[1:-1])))


if __name__ == "__main__":
    sys.exit(main())
