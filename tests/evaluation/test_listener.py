from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from songbloom_x2.errors import CheckpointError
from songbloom_x2.evaluate.recognition import STYLE_WIDTH, VOICE_WIDTH, fit_recogniser, style_features, voice_features
from songbloom_x2.evaluation.listener import Listener, load_listener, save_listener, shipped_listener
from songbloom_x2.pipeline import SongPipeline


def test_it_is_written_and_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(9, STYLE_WIDTH)).astype(np.float32)
    recogniser = fit_recogniser(rows, ["a", "b", "c"] * 3)
    voices = fit_recogniser(rows[:, :VOICE_WIDTH], ["a", "b", "c"] * 3)
    save_listener(Listener(recogniser, voices, "nine songs"), tmp_path / "listener.safetensors")
    found = load_listener(tmp_path / "listener.safetensors")
    assert found.source == "nine songs" and found.voice.names == ("a", "b", "c")
    assert [found.style(row) for row in rows] == [recogniser(row) for row in rows]
    save_listener(Listener(voices, voices, "others"), tmp_path / "listener.safetensors")
    with pytest.raises(CheckpointError, match="other features"):
        load_listener(tmp_path / "listener.safetensors")
    (tmp_path / "other").write_bytes(b"12345678")
    with pytest.raises(CheckpointError, match="not a listener"):
        load_listener(tmp_path / "other")


@pytest.mark.long
def test_the_shipped_one_knows_the_shipped_styles() -> None:
    """Of the model's own styles, which it was not fitted on, it recognises most."""
    listener = load_listener(shipped_listener())
    pipeline = SongPipeline.from_pretrained("embedded")
    right = {"style": 0, "voice": 0}
    styles = pipeline.named_styles[::3]
    for style in styles:
        voice, band = pipeline.decode_style_stems(style)
        right["style"] += listener.style(style_features(band)) in style.tags
        right["voice"] += listener.voice(voice_features(voice)) in style.tags
    assert right["style"] > len(styles) / 2
    assert right["voice"] > len(styles) / 2
