"""``songbloom train codec``: fit the embedded codec's whitenings, then train its band decoder."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


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
    parser.add_argument("--minutes", type=float, default=80.0, help="wall clock for the whole training")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Fit, train or compare; one line of JSON on stdout at the end."""
    import torch

    from songbloom_x2.codec.two_stem import TwoStemCodec
    from songbloom_x2.config import TwoStemConfig
    from songbloom_x2.errors import ConfigError
    from songbloom_x2.train.codec.band_training import BandTrainer, BandTraining
    from songbloom_x2.train.codec.compare import compare
    from songbloom_x2.train.codec.crops import open_stems
    from songbloom_x2.train.codec.fit import fit_whitenings, load_whitenings, save_whitenings

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
    plan = BandTraining(minutes=args.minutes, batch=args.batch, learning_rate=args.learning_rate, seed=args.seed)
    trainer = BandTrainer(codec, plan, args.out)
    if trainer.resume():
        print(f"going on from step {trainer.step}", file=sys.stderr, flush=True)
    trainer.run(open_stems(args.corpus, args.songs), held_out)
    print(json.dumps({"steps": trainer.step, "best": trainer.best}))
    return 0
