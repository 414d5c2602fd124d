"""``songbloom train embedded``: the whole recipe of the model that ships, from no data to a model folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``embedded`` to the ``train`` commands."""
    parser = subparsers.add_parser(
        "embedded",
        help="make the embedded model again: corpus, codec, sketch LM, renderer, package",
        description="Run every step of the embedded model's recipe in a row. Steps that are done are not done again; "
        "an interrupted step goes on where it stands.",
        epilog="example: songbloom train embedded --out runs/embedded --hours 8",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of everything; the model is in OUT/model")
    parser.add_argument("--hours", type=float, default=8.0, help="hours of songs to train on (default 8)")
    parser.add_argument(
        "--voice-hours", type=float, default=12.0, help="more hours, of voices without bands (default 12)"
    )
    parser.add_argument("--sketch-steps", type=int, default=700)
    parser.add_argument("--regression-steps", type=int, default=6000)
    parser.add_argument("--render-steps", type=int, default=4500)
    parser.add_argument("--decoder-steps", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(func=run)


def steps(args: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """The commands in order, each with the words after ``songbloom``."""
    out: Path = args.out
    corpus, held_out, codec = str(out / "corpus"), str(out / "held-out"), out / "codec"
    whitening, threads = str(codec / "whitening.safetensors"), ["--threads", str(args.threads)]
    both = ["--corpus", corpus, "--held-out", held_out]
    train = ["train", "model", *both, "--whitening", whitening, *threads]
    yield "held-out songs", ["train", "corpus", "--out", held_out, "--songs", "60", "--seed", str(args.seed + 899)]
    yield "corpus", ["train", "corpus", "--out", corpus, "--hours", str(args.hours), "--seed", str(args.seed)]
    voices, sung = str(out / "voices"), ["--voices-only", "--hours", str(args.voice_hours)]
    yield "voices", ["train", "corpus", "--out", voices, *sung, "--seed", str(args.seed + 1000)]
    if not Path(whitening).exists():
        # Everything after this is made for one whitening: it is fitted once.
        yield "whitening", ["train", "codec", "--step", "fit", "--corpus", corpus, "--out", str(codec)]
    decoder = ["train", "codec", "--step", "decoder", *both, "--out", str(codec), *threads]
    yield "band decoder", [*decoder, "--steps", str(args.decoder_steps)]
    # The renderer first: it tells the sketch LM what songs would sound like that are composed for it on paper.
    paper = ["--symbolic", str(out / "render" / "render.safetensors")]
    expected = ["--regression", str(out / "regression" / "regression.safetensors")]
    for part, count, batch, rate, more in (
        ("regression", args.regression_steps, "48", "1e-3", ["--voices", voices]),
        ("render", args.render_steps, "48", "1.5e-3", expected),
        ("sketch", args.sketch_steps, "6", "2.5e-3", paper),
    ):
        recipe = ["--steps", str(count), "--batch", batch, "--learning-rate", rate, "--validate-every", "100", *more]
        yield part, [*train, "--part", part, "--out", str(out / part), *recipe]
    trained = ("sketch/sketch", "render/render", "codec/decoder")
    parts = [out / f"{name}.safetensors" for name in trained]
    named = [word for path in parts for word in ("--part", str(path))]
    package = ["train", "package", *named, "--whitening", whitening, "--held-out", held_out]
    yield "model", [*package, "--out", str(out / "model")]


def run(args: argparse.Namespace) -> int:
    """Run the steps; the first that fails ends it with its exit code."""
    from songbloom_x2.cli.main import main

    for name, words in steps(args):
        print(f"== {name}: songbloom {' '.join(words)}", file=sys.stderr, flush=True)
        if code := main(words):
            return code
    return 0
