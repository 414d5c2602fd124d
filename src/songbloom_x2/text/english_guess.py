"""Letters to sounds for words that no dictionary knows: a recurrent encoder and decoder (g2p_en's, Apache-2.0).

Greedy, at most 20 phonemes, as in the released models' front end, so that a guess is the same guess.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from songbloom_x2.types import FloatArray

_LONGEST = 20
_UNKNOWN_LETTER, _WORD_END = 1, 2
_START, _END = 2, 3
_FIRST_LETTER = 3
_VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
_CONSONANTS = (
    *("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH"),
    *("V", "W", "Y", "Z", "ZH"),
)
PHONEMES = (
    *("<pad>", "<unk>", "<s>", "</s>"),
    *sorted([*_CONSONANTS, "UW", *(vowel + stress for vowel in _VOWELS for stress in "012")]),
)
"""Output classes of the decoder, in the order of its weights."""

_SILENT = frozenset({"<pad>", "<unk>", "<s>", "</s>", "UW"})


class _Cell(NamedTuple):
    """A gated recurrent unit: weights ``[3 hidden, inputs]`` and ``[3 hidden, hidden]``; gates: reset, update, new."""

    w_input: FloatArray
    w_hidden: FloatArray
    b_input: FloatArray
    b_hidden: FloatArray

    def step(self, value: FloatArray, hidden: FloatArray) -> FloatArray:
        """Return the next hidden state ``[hidden]`` for the input ``[inputs]``."""
        reset_in, update_in, new_in = np.split(self.w_input @ value + self.b_input, 3)
        reset_hidden, update_hidden, new_hidden = np.split(self.w_hidden @ hidden + self.b_hidden, 3)
        reset = 1 / (1 + np.exp(-(reset_in + reset_hidden)))
        update = 1 / (1 + np.exp(-(update_in + update_hidden)))
        fresh = np.tanh(new_in + reset * new_hidden)
        state: FloatArray = (1 - update) * fresh + update * hidden
        return state


class _Model(NamedTuple):
    letters: FloatArray
    sounds: FloatArray
    encoder: _Cell
    decoder: _Cell
    out_weight: FloatArray
    out_bias: FloatArray


@lru_cache(maxsize=1)
def _model() -> _Model:
    source = resources.files("songbloom_x2.text").joinpath("data/letter_to_sound.npz")
    with source.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        weights = {name: stored[name].astype(np.float32) for name in stored.files}
    encoder, decoder = (
        _Cell(*(weights[f"{side}_{name}"] for name in ("w_ih", "w_hh", "b_ih", "b_hh"))) for side in ("enc", "dec")
    )
    return _Model(weights["enc_emb"], weights["dec_emb"], encoder, decoder, weights["fc_w"], weights["fc_b"])


@lru_cache(maxsize=4096)
def guess(word: str) -> tuple[str, ...]:
    """Return the likeliest ARPAbet phonemes (with stress digits) of a lower-case word."""
    model = _model()
    letters = [_FIRST_LETTER + ord(c) - ord("a") if "a" <= c <= "z" else _UNKNOWN_LETTER for c in word]
    hidden: FloatArray = np.zeros(model.encoder.w_hidden.shape[1], np.float32)
    for letter in [*letters, _WORD_END]:
        hidden = model.encoder.step(model.letters[letter], hidden)
    said: list[str] = []
    sound = _START
    while len(said) < _LONGEST:
        hidden = model.decoder.step(model.sounds[sound], hidden)
        sound = int(np.argmax(model.out_weight @ hidden + model.out_bias))
        if sound == _END:
            break
        said.append(PHONEMES[sound])
    return tuple(phoneme for phoneme in said if phoneme not in _SILENT)
