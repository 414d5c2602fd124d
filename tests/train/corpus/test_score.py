from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songbloom_x2.train.corpus.form import metre
from songbloom_x2.train.corpus.lyrics import Lyricist, is_held_out
from songbloom_x2.train.corpus.score import SILENCE, Score, compose
from songbloom_x2.train.corpus.singer import timed_lines
from songbloom_x2.train.corpus.song import annotate, annotation_only, lyrics_text
from songbloom_x2.train.corpus.styles import STYLES, style_named
from songbloom_x2.train.corpus.vocabulary import Vocabulary
from songbloom_x2.train.corpus.voices import voice_named


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_a_score_hangs_together(lyricist: Lyricist, seed: int) -> None:
    score = compose(seed, lyricist)
    assert score.sections[0].start == 0
    for left, right in zip(score.sections, score.sections[1:], strict=False):
        assert left.end == pytest.approx(right.start)
        assert left.end - left.start == pytest.approx(len(left.chords) * score.bar)
    assert score.sections[-1].end == pytest.approx(score.close + score.ring)
    assert score.sections[-1].chords[-1] == score.key.tonic
    assert score.seconds >= score.close + score.ring + SILENCE - 1e-6
    assert (score.seconds / 0.04) == pytest.approx(round(score.seconds / 0.04), abs=1e-6)
    end = 0.0
    for line in score.lines:
        section = score.sections[line.section]
        assert len(line.notes) == len(line.lyric.syllables)
        for note in (note for group in line.notes for note in group):
            assert note.onset >= end - 1e-6
            assert note.duration > 0
            assert score.voice.lowest <= note.midi <= score.voice.highest + 1
            end = note.onset + note.duration
        assert section.start - 1e-6 <= line.notes[0][0].onset < section.end


def test_the_same_seed_gives_the_same_song_and_another_another(lyricist: Lyricist) -> None:
    assert annotation_only(77, lyricist) == annotation_only(77, lyricist)
    assert annotation_only(77, lyricist).lines != annotation_only(78, lyricist).lines


def _with_section(lyricist: Lyricist, name: str, count: int) -> Score:
    return next(
        s for s in (compose(seed, lyricist) for seed in range(400)) if [x.name for x in s.sections].count(name) == count
    )


def test_a_chorus_comes_back_as_it_was(lyricist: Lyricist) -> None:
    score = _with_section(lyricist, "chorus", 2)
    sung = []
    for index, section in enumerate(score.sections):
        if section.name == "chorus":
            lines = [line for line in score.lines if line.section == index]
            flat = [n for line in lines for group in line.notes for n in group]
            sung.append(
                ([line.lyric.text for line in lines], [n.midi for n in flat], [n.onset - section.start for n in flat])
            )
    assert sung[0][:2] == sung[1][:2]
    assert sung[0][2] == pytest.approx(sung[1][2])


def test_verses_share_their_tune_but_not_their_words(lyricist: Lyricist) -> None:
    score = _with_section(lyricist, "verse", 2)
    texts = [
        [line.lyric.text for line in score.lines if line.section == i]
        for i, s in enumerate(score.sections)
        if s.name == "verse"
    ]
    assert texts[0] != texts[1]


def test_style_voice_and_length_can_be_fixed(lyricist: Lyricist) -> None:
    score = compose(5, lyricist, style=style_named("waltz"), voice=voice_named("hugo"), seconds=60.0)
    assert (score.style.name, score.voice.name, score.style.beats) == ("waltz", "hugo", 3)
    assert 42 < score.seconds < 85
    assert all(note.midi <= 60 for line in score.lines for group in line.notes for note in group)


def test_lines_kept_for_evaluation_never_meet_the_others(vocabulary: Vocabulary) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = Lyricist(vocabulary), Lyricist(vocabulary, held_out=True)
    assert not any(is_held_out(ours.line(5, 9, rng).text) for _ in range(300))
    assert all(is_held_out(theirs.line(5, 9, rng).text) for _ in range(300))


def test_lines_have_the_wanted_number_of_syllables(lyricist: Lyricist) -> None:
    rng = np.random.default_rng(1)
    made = [len(lyricist.line(7, 9, rng).syllables) for _ in range(200)]
    assert all(7 <= count <= 9 for count in made)


def test_the_article_fits_the_word_after_it(lyricist: Lyricist) -> None:
    rng = np.random.default_rng(2)
    lines = [lyricist.line(1, 14, rng).text.lower() for _ in range(400)]
    assert any(" an early" in line or " an open" in line for line in lines)
    assert not any(" a early" in line or " a open" in line or " an golden" in line for line in lines)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_slots_can_be_sung_at_every_tempo(style: object) -> None:
    from songbloom_x2.train.corpus.style import Style

    assert isinstance(style, Style)
    for tempo in np.linspace(*style.tempo, 7):
        timing = metre(style, float(tempo))
        assert 0.17 <= timing.slot <= 0.39
        assert timing.slot * timing.slots_a_bar == pytest.approx(timing.bar)
        assert 3 <= timing.phrase_bars * timing.bar <= 7


def test_lyrics_are_in_the_released_grammar(lyricist: Lyricist) -> None:
    score = _with_section(lyricist, "intro", 1)
    parts = lyrics_text(score).split(" , ")
    assert len(parts) == len(score.sections)
    seconds = score.sections[0].end - score.sections[0].start
    assert parts[0] == " ".join(["[intro]"] * max(1, round(seconds)))
    for part, section in zip(parts, score.sections, strict=True):
        assert part.startswith(f"[{section.name}]")
        if section.name in ("verse", "chorus", "bridge"):
            assert part.endswith(".")
            assert part.count(".") == sum(score.sections[line.section] is section for line in score.lines)


def test_the_annotation_says_what_is_sung(lyricist: Lyricist) -> None:
    score = _with_section(lyricist, "verse", 1)
    note = annotate(score, timed_lines(score), "none")
    for line in note.lines:
        spelled = [p for _, phonemes in line.words for p in phonemes]
        assert [("AX" if p == "AH0" else p.rstrip("012")) for p in spelled] == [symbol for symbol, *_ in line.phonemes]
        assert " ".join(word for word, _ in line.words).lower() == line.text.lower()
    assert all(section.bars == len(section.chords) for section in note.sections)
