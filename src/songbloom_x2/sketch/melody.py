"""The melody that sketch tokens say, where they mean something (``SketchLayout``): the embedded model's do."""

from __future__ import annotations

from songbloom_x2.config import FRAME_RATE, SketchLayout
from songbloom_x2.text.vocabulary import SUNG_VOWELS
from songbloom_x2.types import IntArray, SungNote


def melody(tokens: IntArray, pointer: IntArray, layout: SketchLayout) -> tuple[SungNote, ...]:
    """Notes of ``tokens [T]``: frames of one pitch joined; another syllable on the same pitch is another note.

    ``pointer [T]`` counts the phonemes begun, each frame's own included. A syllable is told by its vowel; where the
    pitch stays, its note begins there: as singers do, the consonants before it take their time from the note before.
    """
    vowels = {index for index, symbol in enumerate(layout.phonemes) if symbol in SUNG_VOWELS}
    notes: list[SungNote] = []
    begun, vowel_at = 0, 0
    pitch = -1
    for frame in range(len(tokens) + 1):
        token = int(tokens[frame]) if frame < len(tokens) else layout.size
        sung = token < layout.sung
        phoneme, heard = divmod(token, layout.pitches) if sung else (-1, -1)
        place = int(pointer[frame]) if sung else 0
        another = phoneme in vowels and vowel_at not in (0, place)
        if heard != pitch or another:
            if pitch >= 0:
                notes.append(SungNote(layout.lowest_pitch + pitch, begun / FRAME_RATE, frame / FRAME_RATE))
            begun, pitch, vowel_at = frame, heard, 0
        if phoneme in vowels:
            vowel_at = place
    return tuple(notes)
