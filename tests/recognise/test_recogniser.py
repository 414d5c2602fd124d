from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from songbloom_x2.config import SketchLayout
from songbloom_x2.errors import CheckpointError
from songbloom_x2.recognise.features import BINS_A_NOTE, LOWEST_NOTE, MELS, SIZE, SUB_FRAMES, features
from songbloom_x2.recognise.network import RecogniserConfig, RecogniserNetwork
from songbloom_x2.recognise.recogniser import SketchRecogniser, load_recogniser, save_recogniser
from songbloom_x2.train.tokenizer import HeardSong, TokenizerObjective, accuracies
from songbloom_x2.types import Waveform

LAYOUT = SketchLayout(phonemes=("AA", "M"), lowest_pitch=60, pitches=4)


def tone(note: int, frames: int, rate: int = 24000) -> torch.Tensor:
    time = torch.arange(frames * rate // 25) / rate
    return 0.3 * torch.sin(2 * torch.pi * 440 * 2 ** ((note - 69) / 12) * time)


def test_a_row_a_frame_and_loudness_does_not_matter() -> None:
    sound = torch.randn(24000, generator=torch.Generator().manual_seed(0)) * 0.1
    rows = features(sound)
    assert rows.shape == (25, SIZE)
    torch.testing.assert_close(features(5 * sound), rows, atol=1e-4, rtol=0)
    assert features(sound[:961]).shape[0] == 2 and features(sound[:0]).shape == (0, SIZE)


@pytest.mark.parametrize("note", [48, 60, 69, 81])
def test_a_tone_is_highest_at_its_own_note(note: int) -> None:
    rows = features(tone(note, 30))[10:20, MELS * SUB_FRAMES :]
    assert int(rows.mean(0).argmax()) == (note - LOWEST_NOTE) * BINS_A_NOTE


def network(dim: int = 16) -> RecogniserNetwork:
    torch.manual_seed(0)
    return RecogniserNetwork(RecogniserConfig(LAYOUT, dim=dim, dilations=(1, 2)))


def test_tokens_are_made_of_their_parts_and_stored_weights_hear_the_same(tmp_path: Path) -> None:
    net = network()
    save_recogniser(net, tmp_path / "r.safetensors", "a test")
    ears, plain = load_recogniser(tmp_path / "r.safetensors"), SketchRecogniser(net)
    rng = np.random.default_rng(0)
    stereo = Waveform(rng.normal(0, 0.1, (2, 44100)).astype(np.float32), 44100)
    heard = ears(stereo)
    assert len(heard.tokens) == len(heard.confidence) == 25
    sung = heard.phoneme < 2
    assert (sung == (heard.pitch < 4)).all()
    expected = np.where(sung, heard.phoneme * 4 + heard.pitch, LAYOUT.sung + heard.chord * 8 + heard.beat)
    np.testing.assert_array_equal(heard.tokens, expected)
    assert ((heard.confidence > 0) & (heard.confidence <= 1)).all()
    chances = plain.chances(stereo)
    np.testing.assert_allclose(ears.chances(stereo)["chord"], chances["chord"], atol=5e-3)
    np.testing.assert_allclose(chances["beat"].sum(1), 1, atol=1e-5)
    (tmp_path / "other").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="not a sketch recogniser"):
        load_recogniser(tmp_path / "other")


def song(seed: int) -> HeardSong:
    """Notes of two frames' worth of sound each, nobody sings on the lowest."""
    rng = np.random.default_rng(seed)
    notes = rng.integers(0, 4, 12)
    rows = features(torch.cat([tone(60 + 3 * int(note), 10) for note in notes]))
    pitch = torch.from_numpy(np.repeat(notes, 10)).to(torch.int16)
    zeros = torch.zeros_like(pitch)
    phoneme = torch.where(pitch == 0, 2, 0).to(torch.int16)
    targets = {"phoneme": phoneme, "pitch": torch.where(pitch == 0, 4, pitch).to(torch.int16)}
    return HeardSong(rows[None].half(), {**targets, "chord": zeros, "beat": zeros})


def test_it_learns_to_hear_notes() -> None:
    net = network(32)
    objective = TokenizerObjective(net, [song(i) for i in range(4)], [song(9)], 4, 0, False)
    optimiser = torch.optim.AdamW(net.parameters(), 5e-3)
    before = accuracies(net.eval(), [song(9)])
    for step in range(60):
        optimiser.zero_grad()
        loss, _ = objective.loss(step, torch.Generator().manual_seed(step))
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    after = objective.validate()
    assert after["singing"] > 0.9 and after["pitch"] > 0.8 > before["pitch"]
