from __future__ import annotations

import pytest

from songbloom_x2.train.corpus.style import Style
from songbloom_x2.train.corpus.styles import STYLES, style_named
from songbloom_x2.train.corpus.voices import VOICES, voice_named


def test_there_are_styles_and_voices_enough_and_names_are_unique() -> None:
    assert len({style.name for style in STYLES}) == len(STYLES) >= 12
    assert len({voice.name for voice in VOICES}) == len(VOICES) >= 8
    assert {voice.sex for voice in VOICES} == {"f", "m"}
    assert style_named("waltz").beats == 3
    assert voice_named(VOICES[3].name) is VOICES[3]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_patterns_fit_the_bar_and_use_known_signs(style: Style) -> None:
    steps = 4 * style.beats
    for part, signs in ((style.comp, "xs>123456."), (style.bass, "15387a_.")):
        for patterns in part:
            assert patterns
            for pattern in patterns:
                assert len(pattern) == steps
                assert set(pattern) <= set(signs)
    for patterns in style.drums:
        for drum_pattern in patterns:
            for line in drum_pattern.values():
                assert len(line) == steps
                assert set(line) <= set("Xxo-.")
    assert style.tempo[0] < style.tempo[1]
    assert bool(style.arp) == bool(style.arp_programs)


def test_voices_sing_between_midi_45_and_76() -> None:
    for voice in VOICES:
        assert 45 <= voice.lowest < voice.highest - 11
        assert voice.highest <= 76
