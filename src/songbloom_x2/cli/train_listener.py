"""``songbloom train listener``: fit the recognisers of style and voice that ``songbloom eval`` uses."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``listener`` to the ``train`` commands."""
    parser = subparsers.add_parser(
        "listener",
        help="fit the recognisers of style and voice for songbloom eval",
        description="Fit two linear classifiers on the sound of a corpus: the style of a band, and the voice of a "
        "voice stem after the model's codec. They are judged on songs that were held out.",
        epilog="example: songbloom train listener --corpus data/corpus --held-out data/held-out --out "
        "listener.safetensors",
    )
    parser.add_argument("--corpus", type=Path, required=True, action="append", help="repeatable")
    parser.add_argument("--held-out", type=Path, required=True, help="corpus that it is judged on")
    parser.add_argument("--songs", type=int, help="use the first N songs of all corpora only")
    parser.add_argument("--model", default="embedded", metavar="NAME|DIR", help="whose codec the songs go through")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="listener.safetensors")
    parser.add_argument("--threads", type=int, default=1)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Fit, judge, write; one line of JSON on stdout."""
    import torch

    from songbloom_x2.checkpoints.load import load_model
    from songbloom_x2.codec.two_stem import TwoStemCodec
    from songbloom_x2.config import RuntimeConfig
    from songbloom_x2.errors import ConfigError
    from songbloom_x2.evaluation.listener import save_listener
    from songbloom_x2.runtime.plan import resolve
    from songbloom_x2.train.listener import WHOLE, accuracy, fit_listener, heard_songs

    torch.set_num_threads(args.threads)
    loaded = load_model(args.model, resolve(RuntimeConfig(device="cpu", optimisation="minimal")))
    codec = loaded.model.codec
    if not isinstance(codec, TwoStemCodec):
        raise ConfigError(f"--model {args.model}: its codec does not keep voice and band apart")
    songs, other = heard_songs(args.corpus, codec, args.songs), heard_songs([args.held_out], codec, parts=WHOLE)
    listener = fit_listener(songs, f"{songs.songs} songs, codec of model {loaded.hash[:12]}")
    save_listener(listener, args.out)
    report = {
        "songs": songs.songs,
        "held_out_songs": other.songs,
        "style_accuracy": round(accuracy(listener.style, other.style, other.styles), 4),
        "voice_accuracy": round(accuracy(listener.voice, other.voice, other.voices), 4),
        "file": str(args.out),
    }
    print(json.dumps(report))
    return 0
