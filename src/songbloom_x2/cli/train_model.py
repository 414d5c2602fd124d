"""``songbloom train model``: train a half of the embedded model on a corpus, or a small model of the released kind."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from songbloom_x2.cli.train_released import add_loop_flags, add_released_flags, run_released

EPILOG = """\
examples:
  songbloom train model --part render --corpus data/corpus --held-out data/held-out \\
      --whitening runs/codec/whitening.safetensors --out runs/render --steps 8000 --gate "val_flow<=0.45"
  songbloom train model --config released-tenth --songs data/tokens --out runs/tenth --gradient-checkpointing
  songbloom train model --config released-tiny --random 8 --devices 2 --out runs/try --steps 20
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``model`` to the ``train`` commands."""
    parser = subparsers.add_parser(
        "model",
        help="train the sketch LM or the renderer on a corpus",
        description="Train one half of the embedded model (--part), or a model of the released kind in a small size "
        "(--config). An interrupted run goes on where its checkpoint stands, to the same bits.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--part",
        choices=("sketch", "regression", "render"),
        help="a part of the embedded model: the sketch LM, the renderer, or the renderer's regression by itself",
    )
    parser.add_argument(
        "--regression",
        type=Path,
        default=None,
        metavar="REGRESSION.safetensors",
        help="render only: train the DiT on this regression, which is left as it is",
    )
    parser.add_argument("--corpus", type=Path, help="songs to train on (--part)")
    parser.add_argument("--held-out", type=Path, help="songs to validate on (--config: default some of --songs)")
    parser.add_argument("--whitening", type=Path, help="fitted by 'songbloom train codec' (--part)")
    add_released_flags(parser)
    parser.add_argument("--cache", type=Path, default=None, help="prepared songs (default: beside the whitening)")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint.pt, log.jsonl and PART.safetensors")
    parser.add_argument(
        "--init", type=Path, default=None, help="start from these weights: a part's .safetensors, or a model folder's"
    )
    parser.add_argument(
        "--voices",
        type=Path,
        default=None,
        metavar="DIR",
        help="regression only: a second corpus, made with --voices-only",
    )
    parser.add_argument(
        "--symbolic",
        type=Path,
        default=None,
        metavar="RENDER.safetensors",
        help="sketch only: compose new songs at every step instead of using the corpus's; what they would sound like "
        "is said by the regression of this renderer, and the corpus gives the prompts",
    )
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--until", type=int, default=None, help="stop after this step of the schedule")
    parser.add_argument("--batch", type=int, default=None, help="songs (sketch: 8) or blocks (else: 48) a step")
    parser.add_argument("--learning-rate", type=float, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--float32", action="store_true", help="no bfloat16 autocast, even where it is faster")
    parser.add_argument("--validate-every", type=int, default=250)
    add_loop_flags(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Train; a line of JSON on stdout for each log entry."""
    from songbloom_x2.errors import ConfigError

    if (args.part is None) == (args.config is None):
        raise ConfigError("give either --part (a half of the embedded model) or --config (the released kind)")
    if args.config is not None:
        return run_released(args)
    missing = [name for name in ("corpus", "held_out", "whitening") if getattr(args, name) is None]
    if missing:
        raise ConfigError(f"--part {args.part} needs --{missing[0].replace('_', '-')}")
    return _train_part(args)


def _train_part(args: argparse.Namespace) -> int:
    import torch

    from songbloom_x2.errors import ConfigError
    from songbloom_x2.train.corpus.song import make_lyricist
    from songbloom_x2.train.embedded import embedded_config
    from songbloom_x2.train.gates import parse_gates
    from songbloom_x2.train.loop import LoopConfig, Training
    from songbloom_x2.train.objectives import (
        BlockObjective,
        RegressionObjective,
        RenderObjective,
        SketchObjective,
        SketchSongs,
    )
    from songbloom_x2.train.parts import (
        freeze_regression,
        fresh_model,
        latent_weights,
        load_whitening,
        part_of,
        save_part,
        start_from,
    )
    from songbloom_x2.train.precision import bfloat16_pays
    from songbloom_x2.train.prepare import load_songs
    from songbloom_x2.train.symbolic import SymbolicSongs

    if args.symbolic is not None and args.part != "sketch":
        raise ConfigError("--symbolic: only the sketch LM learns from songs on paper: leave it out, or --part sketch")

    if args.regression is not None and args.part != "render":
        raise ConfigError("--regression: only the renderer has one: leave it out, or --part render")
    if args.voices is not None and args.part != "regression":
        raise ConfigError("--voices: only the regression learns from songs without bands: leave it out")
    torch.set_num_threads(args.threads)
    config = embedded_config()
    assert config.codec.kind == "two_stem"
    codec = load_whitening(args.whitening, config.codec)
    cache = args.cache or args.whitening.parent / "prepared"
    voices = None if args.voices is None else (args.voices, cache / "voices")
    songs = load_songs(args.corpus, cache / "corpus", codec, config, voices)
    held_out = load_songs(args.held_out, cache / "held-out", codec, config)
    print(f"{len(songs)} songs, {songs.hours:.2f} h; {len(held_out)} held out", file=sys.stderr, flush=True)
    model = fresh_model(config, args.seed)
    modules = part_of(model, args.part)
    if args.init is not None:
        start_from(modules, args.init)
    bfloat16 = not args.float32 and bfloat16_pays()
    objective: SketchObjective | BlockObjective
    if args.part == "sketch":
        source: SketchSongs = songs
        if args.symbolic is not None:
            start_from(part_of(model, "render"), args.symbolic)
            assert model.prior is not None
            source = SymbolicSongs(songs, model.prior, make_lyricist(cache))
        objective = SketchObjective(model, source, held_out, args.batch or 8, args.seed, bfloat16)
    else:
        weights = latent_weights(codec, config.codec)
        if args.regression is not None:
            start_from(part_of(model, "regression"), args.regression)
            freeze_regression(model)
        rendering = RegressionObjective if args.part == "regression" else RenderObjective
        objective = rendering(model, songs, held_out, weights, args.batch or 48, args.seed, bfloat16)
    loop = LoopConfig(
        steps=args.steps,
        learning_rate=args.learning_rate or (2e-3 if args.part == "sketch" else 1.5e-3),
        warmup=min(100, args.steps // 8),
        seed=args.seed,
        validate_every=args.validate_every,
        bfloat16=bfloat16,
        tensorboard=args.tensorboard,
        gates=parse_gates(args.gate),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    training = Training(modules, objective, loop, args.out)
    training.run(
        until=args.until,
        report=lambda line: print(json.dumps(line), flush=True),
        export=lambda: save_part(modules, args.out / f"{args.part}.safetensors"),
    )
    return 0
