from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.errors import CheckpointError
from songbloom_x2.evaluate.recognition import fit_recogniser
from songbloom_x2.evaluation.listener import Listener, load_listener, save_listener


def test_it_is_written_and_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    recogniser = fit_recogniser(rows, ["a", "b", "c"] * 3)
    save_listener(Listener(recogniser, recogniser, "nine songs"), tmp_path / "listener.safetensors")
    found = load_listener(tmp_path / "listener.safetensors")
    assert found.source == "nine songs" and found.voice.names == ("a", "b", "c")
    assert [found.style(row) for row in rows] == [recogniser(row) for row in rows]
    (tmp_path / "other").write_bytes(b"12345678")
    with pytest.raises(CheckpointError, match="not a listener"):
        load_listener(tmp_path / "other")
