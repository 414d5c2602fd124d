"""``songbloom train corpus``: make the synthetic songs that the embedded model learns from."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``corpus`` to the ``train`` commands."""
    from songbloom_x2.train.corpus.command import add_arguments, run

    parser = subparsers.add_parser(
        "corpus",
        help="make a synthetic song corpus",
        description="Make songs by rule, with exact annotations: lyrics, tune, voice frames and the band's sound. The "
        "same seed makes the same songs; an interrupted corpus goes on where it stopped, and a longer one may follow.",
        epilog="example: songbloom train corpus --out data/corpus --hours 10 --workers 2",
    )
    add_arguments(parser)
    parser.set_defaults(func=run)
