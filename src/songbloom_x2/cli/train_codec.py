"""``songbloom train codec``: fit the embedded codec's whitenings, then train its band decoder."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from songbloom_x2.cli.train_released import add_loop_flags


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``codec`` to the ``train`` commands."""
    parser = subparsers.add_parser(
        "codec",
        help="fit the whitenings and train the band decoder of the embedded codec",
        description="Two steps. 'fit' writes whitening.safetensors from a corpus; 'decoder' trains the band decoder on "
        "the band stems in it. An interrupted training goes on where its checkpoint stands.",
        epilog="example: songbloom train codec --step fit --corpus data/corpus --out runs/codec",
    )
    parser.add_argument("--step", choices=("fit", "decoder", "compare"), required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, help="corpus to validate on (decoder, compare)")
    parser.add_argument("--whitening", type=Path, help="default: whitening.safetensors in --out")
    parser.add_argument("--out", type=Path, required=True, help="whitening.safetensors, log.jsonl, decoder.safetensors")
    parser.add_argument("--songs", type=int, default=None, help="use the band stems of so many songs at most")
    parser.add_argument("--steps", type=int, default=20_000, help="of the whole training (decoder)")
    parser.add_argument("--until", type=int, default=None, help="stop after this step of the schedule")
    parser.add_argument("--validate-every", type=int, default=1000)
    parser.add_argument("--float32", action="store_true", help="no bfloat16 autocast, even where it is faster")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    add_loop_flags(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Fit, train or compare; one line of JSON on stdout at the end."""
    import torch

    from songbloom_x2.codec.two_stem import TwoStemCodec
    from songbloom_x2.config import TwoStemConfig
    from songbloom_x2.errors import ConfigError
    from songbloom_x2.train.codec.band_training import BandObjective, band_loop, save_best
    from songbloom_x2.train.codec.compare import compare
    from songbloom_x2.train.codec.crops import open_stems
    from songbloom_x2.train.codec.fit import fit_whitenings, load_whitenings, save_whitenings
    from songbloom_x2.train.gates import parse_gates
    from songbloom_x2.train.loop import Training
    from songbloom_x2.train.precision import bfloat16_pays

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    codec = TwoStemCodec(TwoStemConfig())
    whitening = args.whitening or args.out / "whitening.safetensors"
    if args.step == "fit":
        fitted = fit_whitenings(codec, args.corpus, open_stems(args.corpus, args.songs), args.seed)
        save_whitenings(codec, whitening, {key: str(value) for key, value in vars(fitted).items()})
        print(json.dumps({"whitening": str(whitening), **vars(fitted)}))
        return 0
    if args.held_out is None:
        raise ConfigError(f"--step {args.step} needs --held-out: a corpus that is not trained on")
    load_whitenings(codec, whitening)
    held_out = open_stems(args.held_out)
    if args.step == "compare":
        print(json.dumps(compare(codec, args.out / "decoder.safetensors", held_out)))
        return 0
    bfloat16 = not args.float32 and bfloat16_pays()
    loop = band_loop(args.steps, args.learning_rate, args.seed, bfloat16=bfloat16, validate_every=args.validate_every)
    loop = dataclasses.replace(loop, tensorboard=args.tensorboard, gates=parse_gates(args.gate))
    songs = open_stems(args.corpus, args.songs)
    objective = BandObjective(codec, songs, held_out, batch=args.batch, bfloat16=bfloat16)
    training = Training(codec.band_decoder, objective, loop, args.out)
    weights = args.out / "decoder.safetensors"
    training.run(
        until=args.until,
        report=lambda line: print(json.dumps(line), flush=True),
        export=lambda: save_best(codec, weights, objective.distance),
    )
    return 0
