"""``songbloom train lora``: adapt a model to the songs in a folder, as a small file beside it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import get_args

EPILOG = """\
examples:
  songbloom train lora --songs my-songs --out my-lora
  songbloom train lora --songs data/corpus --rank 8 --targets prior dit --steps 300 --out my-lora
  songbloom generate --lyrics @words.txt --lora my-lora:0.8
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``lora`` to the ``train`` commands."""
    parser = subparsers.add_parser(
        "lora",
        help="adapt a model to a folder of songs",
        description="Train a low-rank adapter (LoRA) for the embedded model. The folder holds songs with their lyrics "
        "(NAME.flac, NAME.txt, and NAME-voice.flac where the dry voice is to be learned too), or a corpus of songbloom "
        "train corpus. An interrupted run goes on where its checkpoint stands.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--songs", type=Path, required=True, metavar="DIR", help="the songs to learn from")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the adapter, checkpoint.pt, log.jsonl")
    parser.add_argument("--model", default="embedded", metavar="NAME|DIR", help="what is adapted (default embedded)")
    parser.add_argument("--rank", type=int, default=8, help="width of the additions (default 8)")
    parser.add_argument("--alpha", type=float, default=None, help="their weight is alpha / rank (default: the rank)")
    parser.add_argument(
        "--targets",
        nargs="+",
        choices=("sketch", "dit", "prior"),
        default=["sketch", "dit", "prior"],
        help="what adapts: melody and rhythm (sketch), sound (dit, prior); default all",
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--until", type=int, default=None, help="stop after this step of the schedule")
    parser.add_argument("--batch", type=int, default=24, help="blocks a step; a sketch step takes 2 songs (default 24)")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--validate-every", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (default: what torch takes)")
    parser.add_argument("--float32", action="store_true", help="no bfloat16 autocast, even where it is faster")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Read the songs, train, write the adapter; a line of JSON on stdout for each log entry."""
    import torch

    from songbloom_x2.checkpoints.adapters import LARGEST_RANK, AdapterHeader, save_adapter
    from songbloom_x2.checkpoints.load import load_model
    from songbloom_x2.codec.two_stem import TwoStemCodec
    from songbloom_x2.config import RuntimeConfig
    from songbloom_x2.errors import ConfigError
    from songbloom_x2.runtime.plan import resolve
    from songbloom_x2.train.loop import LoopConfig, Training
    from songbloom_x2.train.lora import LoraObjective, Target, adapted
    from songbloom_x2.train.lora_songs import read_songs
    from songbloom_x2.train.objectives import RenderObjective, SketchObjective
    from songbloom_x2.train.parts import latent_weights
    from songbloom_x2.train.precision import bfloat16_pays

    if not 1 <= args.rank <= LARGEST_RANK:
        raise ConfigError(f"--rank {args.rank}: must be from 1 to {LARGEST_RANK}")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    plain = RuntimeConfig(device="cpu", precision="float32", optimisation="minimal", threads=args.threads)
    loaded = load_model(args.model, resolve(plain))
    model, codec = loaded.model.float(), loaded.model.codec
    if not isinstance(codec, TwoStemCodec) or model.config.alignment is None:
        raise ConfigError(f"--model {args.model}: adapters can be trained for models of the embedded kind only")
    found = read_songs(args.songs, codec, model.config, report=lambda line: print(line, file=sys.stderr, flush=True))
    targets: list[Target] = [target for target in get_args(Target) if target in args.targets]
    alpha = float(args.rank) if args.alpha is None else args.alpha
    layers = adapted(model, targets, args.rank, alpha, args.seed)
    weights = latent_weights(codec, codec.config)
    if not found.voices:
        weights[: codec.config.voice_dim] = 0
    bfloat16 = not args.float32 and bfloat16_pays()
    render = sketch = None
    if "dit" in targets or "prior" in targets:
        render = RenderObjective(model, found.train, found.held_out, weights, args.batch, args.seed, bfloat16)
    if "sketch" in targets:
        sketch = SketchObjective(model, found.train, found.held_out, 2, args.seed, bfloat16)
    count = sum(layer.lora_A.numel() + layer.lora_B.numel() for layer in layers.values())
    told = f"{len(found.train)} songs, {found.train.hours * 60:.1f} min; {len(found.held_out)} held out"
    print(f"{told}; {count} values in {len(layers)} layers", file=sys.stderr, flush=True)
    loop = LoopConfig(
        steps=args.steps,
        learning_rate=args.learning_rate,
        warmup=min(20, args.steps // 4),
        weight_decay=0.0,
        checkpoint_minutes=1.0,
        ema=0.98,
        seed=args.seed,
        validate_every=args.validate_every,
        bfloat16=bfloat16,
    )
    header = AdapterHeader(
        loaded.hash, model.config.name, args.rank, alpha, f"songbloom train lora, {len(found.train)} songs"
    )
    Training(model, LoraObjective(render, sketch), loop, args.out).run(
        until=args.until,
        report=lambda line: print(json.dumps(line), flush=True),
        export=lambda: print(f"{save_adapter(args.out, layers, header)}: written", file=sys.stderr, flush=True),
    )
    return 0
