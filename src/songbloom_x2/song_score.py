"""What a finished song's tokens say about it: when each word is sung, and the melody.

Joins lyrics, lyric score and sketch; knows no files. Only for models with an alignment, whose tokens have a meaning.
"""

from __future__ import annotations

import numpy as np

from songbloom_x2.conditioning.score import lyric_score
from songbloom_x2.config import FRAME_RATE, AlignmentConfig, SongConfig
from songbloom_x2.sketch.melody import melody
from songbloom_x2.song_model import DEFAULT_TEMPO
from songbloom_x2.text.vocabulary import TAGS
from songbloom_x2.types import IntArray, PreparedLyrics, Style, SungScore, TimedWord


def sung_score(
    tokens: IntArray, pointer: IntArray, lyrics: PreparedLyrics, style: Style | None, config: SongConfig
) -> SungScore | None:
    """The score of ``tokens [T]``, or none where the model has no alignment.

    ``pointer [T]`` counts the phonemes of the lyrics that have begun, each frame's own included. Frame 0 is the
    song's first sound: the latents' lag behind the sketch is taken off where a song is decoded.
    """
    alignment = config.alignment
    if alignment is None:
        return None
    tempo = DEFAULT_TEMPO if style is None or style.tempo is None else style.tempo
    words = _timed_words(tokens, pointer, lyrics, config, alignment)
    return SungScore(words, melody(tokens, pointer, alignment.layout), tempo)


def _timed_words(
    tokens: IntArray, pointer: IntArray, lyrics: PreparedLyrics, config: SongConfig, alignment: AlignmentConfig
) -> tuple[TimedWord, ...]:
    score = lyric_score([lyrics.ids], config.lyrics, alignment)
    row_of = score.rows[0, : int(score.count[0])].numpy()
    sung = np.flatnonzero(tokens < alignment.layout.sung)
    # The lyric row that each sung frame belongs to.
    rows = row_of[np.clip(pointer[sung] - 1, 0, len(row_of) - 1)] if len(row_of) else sung[:0]
    sentences = np.cumsum([symbol in (".", ",") or symbol in TAGS for symbol in lyrics.symbols])
    words = []
    for word in lyrics.words:
        # Rows never go back, so that a word's frames lie together.
        first, last = np.searchsorted(rows, [word.row, word.row + word.rows])
        if first == last:
            continue
        start, end = float(sung[first]), float(sung[last - 1] + 1)
        sentence = int(sentences[word.row])
        words.append(TimedWord(word.text, word.line, sentence, start / FRAME_RATE, end / FRAME_RATE))
    return tuple(words)
