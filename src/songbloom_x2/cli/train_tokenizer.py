"""``songbloom train tokenizer``: train the recogniser that hears sketch tokens in a recording."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``tokenizer`` to the ``train`` commands."""
    parser = subparsers.add_parser(
        "tokenizer",
        help="train the recogniser of sketch tokens",
        description="Train a small network that hears the embedded model's sketch (phoneme, pitch, chord, beat) in a "
        "recording. An interrupted run goes on where its checkpoint stands.",
        epilog="example: songbloom train tokenizer --corpus data/corpus --held-out data/held-out --out runs/tokenizer",
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="checkpoint.pt, log.jsonl and recogniser.safetensors")
    parser.add_argument("--songs", type=int, help="train on about the first N songs only (whole shards)")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--until", type=int, default=None, help="stop after this step of the schedule")
    parser.add_argument("--batch", type=int, default=12, help="crops of 12.8 s a step (default 12)")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--validate-every", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bfloat16", action="store_true", help="bfloat16 autocast (small layers: slower on most CPUs)")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Train; a line of JSON on stdout for each log entry."""
    import torch

    from songbloom_x2.recognise.network import RecogniserConfig, RecogniserNetwork
    from songbloom_x2.recognise.recogniser import save_recogniser
    from songbloom_x2.train.embedded import embedded_config
    from songbloom_x2.train.loop import LoopConfig, Training
    from songbloom_x2.train.tokenizer import TokenizerObjective, hear_corpus

    torch.set_num_threads(args.threads)
    config = embedded_config()
    assert config.alignment is not None
    songs = hear_corpus(args.corpus, args.out / "heard", config, songs=args.songs)
    held_out = hear_corpus(args.held_out, args.out / "heard-held-out", config, mixes=1)
    print(f"{len(songs)} songs, {len(held_out)} held out", file=sys.stderr, flush=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(args.seed)
        network = RecogniserNetwork(RecogniserConfig(config.alignment.layout))
    objective = TokenizerObjective(network, songs, held_out, args.batch, args.seed, args.bfloat16)
    loop = LoopConfig(
        steps=args.steps,
        learning_rate=args.learning_rate,
        seed=args.seed,
        validate_every=args.validate_every,
        bfloat16=args.bfloat16,
    )
    Training(network, objective, loop, args.out).run(
        until=args.until,
        report=lambda line: print(json.dumps(line), flush=True),
        export=lambda: save_recogniser(
            network, args.out / "recogniser.safetensors", f"songbloom train tokenizer, {len(songs)} songs"
        ),
    )
    return 0
