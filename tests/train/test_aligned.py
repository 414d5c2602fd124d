"""The corpus's alignment and the engine's must be the same thing, frame for frame."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from songbloom_x2.conditioning.alignment import (
    DECISIONS,
    END,
    FRAMES_A_TAG,
    LONGEST_CLOSE,
    NEXT,
    REST,
    STAY,
    TAG_ROUNDING,
    VOWELS,
    AlignmentConditioner,
    AlignmentState,
)
from songbloom_x2.conditioning.window import COLUMNS, empty_window, run_distances
from songbloom_x2.train.aligned import align
from songbloom_x2.train.corpus.record import Annotation, ChordSpan, LineSpan, SectionSpan
from songbloom_x2.train.embedded import embedded_config
from songbloom_x2.train.songs import Songs, TrainingSong

CONFIG = embedded_config()


def annotation(seed: int, tempo: float) -> Annotation:
    """A small song: an intro, a verse and a chorus of sung nonsense, an outro."""
    rng = np.random.default_rng(seed)
    bar = 240 / tempo
    phonemes = CONFIG.alignment.layout.phonemes
    sections, lines, now = [], [], 0.0
    # Lines, consonants and rests are as short as the corpus's: what is longer the engine would cut off.
    for name in ("intro", "verse", "chorus", "outro"):
        chords = tuple(ChordSpan(int(rng.integers(12)), bool(rng.integers(2)), now + i * bar / 2) for i in range(2))
        if name in ("verse", "chorus"):
            for half in range(2):
                at = now + half * bar / 2 + 0.2
                sung = []
                for _ in range(int(rng.integers(3, 6))):
                    symbol = str(rng.choice(phonemes))
                    length = float(rng.uniform(0.05, 0.2 if symbol in VOWELS else 0.16))
                    sung.append((symbol, at, at + length, int(rng.integers(48, 72))))
                    at += length
                lines.append(LineSpan(len(sections), "", sung[0][1], at, (), (), tuple(sung)))
        sections.append(SectionSpan(name, now, now + bar, 1, chords))
        now += bar
    return Annotation(seed, "pop", "alto", tempo, 5, 4, now, "", "", tuple(sections), tuple(lines))


def song(seed: int, tempo: float) -> TrainingSong:
    note = annotation(seed, tempo)
    frames = int((note.seconds + 0.6) * 25) // 16 * 16 + 16
    sketch = align(note, frames, CONFIG.alignment, CONFIG.lyrics, CONFIG.instrumental_seconds)
    latents = torch.randn(frames, CONFIG.latent_dim, generator=torch.Generator().manual_seed(seed))
    return TrainingSong(sketch, latents, latents, latents, "pop", "alto")


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(80, 160))
def test_the_engine_walks_through_the_states_the_training_batch_shows(seed: int, tempo: float) -> None:
    songs = Songs([song(seed, tempo), song(seed + 1, tempo * 1.05)], CONFIG)
    batch = songs.collate(songs.songs, np.random.default_rng(0))
    alignment = AlignmentConditioner(CONFIG.alignment, CONFIG.dim, 2 * CONFIG.latent_dim)
    alignment.head = nn.Identity()  # so that the test dictates decisions, pitches and chords
    layout = CONFIG.alignment.layout
    state = AlignmentState.start(2, CONFIG.alignment)
    for t in range(int(batch.frames.min())):
        for name in ("current", "pitch", "run", "pointer", "frame", "lead"):
            assert torch.equal(getattr(state, name), getattr(batch.state, name)[:, t]), (t, name)
        wanted = torch.zeros(2, DECISIONS + layout.pitches + layout.chords)
        for i in range(2):
            wanted[i, batch.decision[i, t]] = 50
            wanted[i, DECISIONS + max(0, int(batch.pitch[i, t]))] = 50
            if batch.chord[i, t] >= 0:
                wanted[i, DECISIONS + layout.pitches + batch.chord[i, t]] = 50
        tokens, state = alignment.choose(wanted, state, batch.profile, batch.score, torch.zeros(2, 3), temperature=0)
        assert torch.equal(tokens, batch.tokens[:, t])


def test_every_phoneme_is_sung_once_in_order_whatever_the_model_thinks() -> None:
    songs = Songs([song(3, 100)], CONFIG)
    batch = songs.collate(songs.songs, np.random.default_rng(0))
    alignment = AlignmentConditioner(CONFIG.alignment, CONFIG.dim, 2 * CONFIG.latent_dim)
    alignment.head = nn.Identity()
    layout = CONFIG.alignment.layout
    generator = torch.Generator().manual_seed(0)
    state = AlignmentState.start(1, CONFIG.alignment)
    sung: list[int] = []
    for _ in range(5000):
        logits = torch.randn(1, DECISIONS + layout.pitches + layout.chords, generator=generator)
        logits[:, END] += 3  # eager to end: it must not while words are left
        before = state.pointer
        uniforms = torch.rand(1, 3, generator=generator)
        tokens, state = alignment.choose(logits, state, batch.profile, batch.score, uniforms)
        if int(tokens) == layout.size:
            break
        if state.pointer > before:
            sung.append(int(tokens) // layout.pitches)
    else:
        raise AssertionError("the song never ended")
    assert sung == batch.score.classes[0, : int(batch.score.count[0])].tolist()


def test_run_distances_stop_at_the_window() -> None:
    current = torch.tensor([[40, 40, 3, 3, 3, 3, 7]])
    pointer = torch.tensor([[0, 0, 1, 1, 2, 2, 3]])
    window = torch.stack([current, current, pointer], -1)
    since, until = run_distances(window, 15)
    assert since.tolist() == [[0, 1, 0, 1, 0, 1, 0]]
    assert until.tolist() == [[1, 0, 1, 0, 1, 0, 0]]


def test_a_render_window_before_the_song_is_silence() -> None:
    songs = Songs([song(1, 120)], CONFIG)
    batch = songs.render_batch(seed=0, step=3, size=64)
    chord = batch.window[..., COLUMNS.index("chord")]
    outside = chord == CONFIG.alignment.layout.chords
    assert outside.any()
    assert (batch.window[outside] == empty_window(1, CONFIG.alignment, "cpu")[0, 0]).all()
    assert torch.equal(batch.latents, songs.render_batch(seed=0, step=3, size=64).latents)


def drawn(seed: int, lowest: int, highest: int, eager: int) -> tuple[list[int], torch.Tensor]:
    """Tokens of a song whose every decision and pitch is noise, with a leaning to ``eager``; and its score's gaps."""
    songs = Songs([song(seed, 100)], CONFIG)
    batch = songs.collate(songs.songs, np.random.default_rng(0))
    alignment = AlignmentConditioner(CONFIG.alignment, CONFIG.dim, 2 * CONFIG.latent_dim)
    alignment.head = nn.Identity()
    layout = CONFIG.alignment.layout
    profile = dataclasses.replace(batch.profile, lowest=torch.tensor([lowest]), highest=torch.tensor([highest]))
    generator = torch.Generator().manual_seed(seed)
    state, tokens, gaps = AlignmentState.start(1, CONFIG.alignment), [], []
    for _ in range(5000):
        logits = torch.randn(1, DECISIONS + layout.pitches + layout.chords, generator=generator)
        logits[:, eager] += 4
        logits[:, END] -= 50  # it ends where it must
        gaps.append(batch.score.gap[0, state.pointer])
        uniforms = torch.rand(1, 3, generator=generator)
        token, state = alignment.choose(logits, state, profile, batch.score, uniforms)
        tokens.append(int(token))
        if tokens[-1] == layout.size:
            break
    return tokens, torch.cat(gaps)


def test_no_note_leaves_the_range_of_the_voice() -> None:
    tokens, _ = drawn(5, 11, 17, STAY)
    pitches = {token % CONFIG.alignment.layout.pitches for token in tokens if token < CONFIG.alignment.layout.sung}
    assert pitches == set(range(11, 18))


def test_there_is_no_rest_inside_a_line() -> None:
    tokens, gaps = drawn(6, 0, 39, REST)
    sung = torch.tensor(tokens) < CONFIG.alignment.layout.sung
    rests = (sung[:-1] & ~sung[1:]).nonzero().flatten() + 1
    assert len(rests) >= 4 and (gaps[rests] > 0).all()


def test_instrumental_tags_are_played_however_eager_the_model_is_to_sing() -> None:
    tokens, gaps = drawn(8, 0, 39, NEXT)
    first = next(i for i, token in enumerate(tokens) if token < CONFIG.alignment.layout.sung)
    asked = (int(gaps[0]) - 3) * FRAMES_A_TAG
    assert asked > 0 and asked - TAG_ROUNDING <= first < asked + TAG_ROUNDING


def test_a_song_plays_on_no_longer_than_its_outro_asks_for() -> None:
    tokens, gaps = drawn(7, 0, 39, REST)
    last = max(i for i, token in enumerate(tokens) if token < CONFIG.alignment.layout.sung)
    tags = int(gaps[-1]) - 3
    assert tags > 0 and tokens[-1] == CONFIG.alignment.layout.size
    assert len(tokens) - 2 - last == tags * FRAMES_A_TAG + LONGEST_CLOSE + TAG_ROUNDING
