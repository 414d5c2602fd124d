"""``songbloom train model --config``: models of the released kind, on one device or several."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_released_flags(parser: argparse.ArgumentParser) -> None:
    """Flags that say which model of the released kind, on what and where."""
    group = parser.add_argument_group("the released kind")
    group.add_argument("--config", metavar="NAME", help="released-tenth or released-tiny")
    group.add_argument(
        "--songs", type=Path, metavar="DIR", help="*.safetensors with tokens [T], latents [T, D] and lyrics [rows]"
    )
    group.add_argument("--random", type=int, metavar="N", help="N songs of nothing but chance, to try a machine out")
    group.add_argument("--frames", type=int, default=640, help="length of a random song (default 640: 25.6 s)")
    group.add_argument("--blocks", type=int, default=40, help="blocks of a song's beginning that are seen (default 40)")
    group.add_argument("--gradient-checkpointing", action="store_true", help="less memory, a third more time")
    group.add_argument("--devices", type=int, default=1, metavar="N", help="processes with a device each (default 1)")
    group.add_argument("--accelerator", choices=("auto", "cpu", "cuda", "mps"), default="cpu", help="(default cpu)")


def add_loop_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of the training loop that every kind of model has."""
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard, in OUT/tensorboard")
    parser.add_argument(
        "--gate",
        action="append",
        default=[],
        metavar="FIGURE<=X",
        help="stop where the validation reaches this (and all others); e.g. val_flow<=0.4 or val_pitch>=0.9",
    )


def run_released(args: argparse.Namespace) -> int:
    """Train; a line of JSON on stdout for each log entry, from the first process."""
    import torch
    from torch import nn

    from songbloom_x2.errors import ConfigError, MissingExtraError
    from songbloom_x2.song_model import SongModel
    from songbloom_x2.train.gates import parse_gates
    from songbloom_x2.train.loop import LoopConfig, Training
    from songbloom_x2.train.parts import save_part
    from songbloom_x2.train.precision import bfloat16_pays
    from songbloom_x2.train.released import (
        RandomSongs,
        ReleasedObjective,
        TokenSongs,
        read_token_songs,
        released_config,
    )

    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise MissingExtraError("training the released kind", "train") from error
    config = released_config(args.config)
    if (args.songs is None) == (args.random is None):
        raise ConfigError("--config: give either --songs DIR or --random N")
    if args.devices < 1:
        raise ConfigError(f"--devices {args.devices}: must be at least 1")
    songs: TokenSongs
    held_out: TokenSongs
    if args.random is not None:
        songs = RandomSongs(config, args.random, args.frames, args.seed)
        held_out = RandomSongs(config, 1, args.frames, args.seed + 1)
    else:
        read = read_token_songs(args.songs, config)
        kept = read_token_songs(args.held_out, config) if args.held_out is not None else read[: max(1, len(read) // 20)]
        songs, held_out = read if args.held_out is not None else read[len(kept) :] or read, kept
    torch.set_num_threads(args.threads)
    fabric = Fabric(accelerator=args.accelerator, devices=args.devices, strategy="ddp" if args.devices > 1 else "auto")
    fabric.launch()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(args.seed)
        model = SongModel(config, codec=None)
    model.to(fabric.device)
    model.sketch.gradient_checkpointing = model.dit.gradient_checkpointing = args.gradient_checkpointing
    bfloat16 = not args.float32 and bfloat16_pays(fabric.device.type)
    objective = ReleasedObjective(model, songs, held_out, args.batch or 1, args.seed, bfloat16, longest=args.blocks)
    if not fabric.global_rank:
        count = sum(parameter.numel() for parameter in model.parameters())
        told = f"{config.name}: {count / 1e6:.1f} M parameters on {fabric.world_size} x {fabric.device.type}"
        print(f"{told}; {len(songs)} songs", file=sys.stderr, flush=True)
    loop = LoopConfig(
        steps=args.steps,
        learning_rate=args.learning_rate or 3e-4,
        warmup=min(100, args.steps // 8),
        seed=args.seed,
        validate_every=args.validate_every,
        bfloat16=bfloat16,
        tensorboard=args.tensorboard,
        gates=parse_gates(args.gate),
    )
    modules = nn.ModuleDict({name: child for name, child in model.named_children() if name != "codec"})
    Training(modules, objective, loop, args.out, fabric).run(
        until=args.until,
        report=lambda line: print(json.dumps(line), flush=True),
        export=lambda: save_part(modules, args.out / f"{config.name}.safetensors"),
    )
    return 0
