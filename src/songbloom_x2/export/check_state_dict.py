"""``python -m songbloom_x2.export.check_state_dict DIR SONG.npz``: a song from exported weights against a recorded one.

The recorded song was made from the same weights in memory, rounded to the same number format. Prints one JSON line;
exit code 1 where tokens differ, or latents or sound by more than rounding.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.config import Precision, RuntimeConfig
from songbloom_x2.errors import SongBloomError
from songbloom_x2.export.reference import reference_song
from songbloom_x2.runtime.apply import apply
from songbloom_x2.runtime.plan import resolve

LARGEST_ERROR = 1e-5
"""Of a latent or a sample. The weights are the same bits; sums over tensors that lie otherwise round apart."""


def main(arguments: list[str]) -> int:
    """Check the folder and the song named in ``arguments``; 0 where all is equal."""
    with np.load(arguments[1], allow_pickle=False) as recorded:
        wanted = {name: recorded[name] for name in recorded.files}
    precision: Precision = str(wanted["precision"])  # type: ignore[assignment]
    plan = resolve(RuntimeConfig(device="cpu", precision=precision, optimisation="minimal"))
    with apply(plan):
        loaded = load_model(Path(arguments[0]), plan)
        made = reference_song(loaded, seconds=float(wanted["seconds"])).arrays
    equal = made["tokens"].shape == wanted["tokens"].shape
    errors = {name: float(np.abs(made[name] - wanted[name]).max()) if equal else None for name in ("latents", "sound")}
    tokens = int((made["tokens"] == wanted["tokens"]).sum()) if equal else 0
    ok = (
        equal
        and tokens == len(wanted["tokens"])
        and all(error is not None and error <= LARGEST_ERROR for error in errors.values())
    )
    report = {"tokens": len(wanted["tokens"]), "equal_tokens": tokens}
    print(json.dumps({**report, **{f"max_error_{name}": error for name, error in errors.items()}, "ok": ok}))
    return 0 if ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SongBloomError as error:
        sys.exit(f"songbloom: {error}")
