from __future__ import annotations

import pytest

from songbloom_x2.train.corpus.arrange import BASS, CHORD, DRUMS, LEAD, arrange
from songbloom_x2.train.corpus.lyrics import Lyricist
from songbloom_x2.train.corpus.score import compose
from songbloom_x2.train.corpus.style import Style
from songbloom_x2.train.corpus.styles import STYLES


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_every_part_plays_within_the_song(lyricist: Lyricist, style: Style) -> None:
    score = compose(31, lyricist, style=style)
    arrangement = arrange(score)
    channels = {hit.channel for hit in arrangement.hits}
    assert {CHORD, BASS, DRUMS} <= channels <= set(arrangement.instruments)
    for hit in arrangement.hits:
        assert 0 <= hit.start <= score.close + 0.2
        assert hit.start + hit.length < score.seconds
        assert 20 <= hit.note <= 108
        assert 1 <= hit.velocity <= 127


def test_the_bass_plays_the_root_on_the_downbeat(lyricist: Lyricist) -> None:
    score = compose(12, lyricist, style=next(style for style in STYLES if style.name == "rock"))
    hits = [hit for hit in arrange(score).hits if hit.channel == BASS]
    chords = [
        (section.start + bar * score.bar, chord.root)
        for section in score.sections
        for bar, chord in enumerate(section.chords)
    ]
    close = [(h.note % 12, root) for start, root in chords for h in hits if abs(h.start - start) < 0.05]
    assert len(close) >= len(chords) - 2
    assert all(note == root for note, root in close)


def test_the_lead_plays_in_instrumental_sections(lyricist: Lyricist) -> None:
    score = next(
        s for s in (compose(seed, lyricist) for seed in range(200)) if any(x.name == "inst" for x in s.sections)
    )
    inst = next(section for section in score.sections if section.name == "inst")
    leads = [hit for hit in arrange(score).hits if hit.channel == LEAD]
    assert any(inst.start - 0.05 <= hit.start < inst.end for hit in leads)


def test_players_are_not_machines_but_repeat_themselves(lyricist: Lyricist) -> None:
    score = compose(8, lyricist, style=next(style for style in STYLES if style.name == "folk"))
    first, second = arrange(score), arrange(score)
    assert first == second
    step = score.bar / 16
    off_grid = [abs(hit.start / step - round(hit.start / step)) * step for hit in first.hits if hit.channel == BASS]
    assert 0.0005 < sum(off_grid) / len(off_grid) < 0.03
