"""``songbloom train package``: join trained parts into a model folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``package`` to the ``train`` commands."""
    parser = subparsers.add_parser(
        "package",
        help="join trained parts into a model folder",
        description="Join whitening, band decoder, sketch LM and renderer into one model folder with named styles.",
        epilog="example: songbloom train package --part runs/sketch/sketch.safetensors "
        "--part runs/render/render.safetensors --part runs/codec/decoder.safetensors "
        "--whitening runs/codec/whitening.safetensors --held-out data/held-out --out model",
    )
    parser.add_argument("--part", type=Path, action="append", required=True, help="weights of a part; repeat")
    parser.add_argument("--whitening", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True, help="corpus that the named styles are taken from")
    parser.add_argument("--cache", type=Path, default=None, help="prepared songs (default: beside the whitening)")
    parser.add_argument("--styles", type=int, default=20, metavar="N", help="named styles, at most (default 20)")
    parser.add_argument("--source", default="trained on the synthetic corpus of songbloom train corpus")
    parser.add_argument("--out", type=Path, required=True)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Assemble and save; prints the named styles."""
    from songbloom_x2.train.embedded import embedded_config
    from songbloom_x2.train.package import assembled, library, named_styles, save_package, style_tags
    from songbloom_x2.train.parts import load_whitening
    from songbloom_x2.train.prepare import load_songs

    config = embedded_config()
    assert config.codec.kind == "two_stem"
    cache = args.cache or args.whitening.parent / "prepared"
    held_out = load_songs(args.held_out, cache / "held-out", load_whitening(args.whitening, config.codec), config)
    chosen = library(held_out, args.styles)
    model = assembled(config, [*args.part, args.whitening])
    tags = style_tags(held_out, chosen)
    save_package(model, named_styles(held_out, chosen), args.out, args.source, tags)
    print(f"{args.out}: {len(chosen)} styles: {', '.join(chosen)}", file=sys.stderr)
    return 0
