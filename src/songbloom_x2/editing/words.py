"""The words of a song that goes on: those sung until a cut, then others."""

from __future__ import annotations

from dataclasses import replace

from songbloom_x2.conditioning.score import lyric_score
from songbloom_x2.config import SongConfig
from songbloom_x2.errors import LyricsError
from songbloom_x2.types import PreparedLyrics, WrittenWord

_SENTENCE, _SECTION = ".", ","


def sung_until(lyrics: PreparedLyrics, pointer: int, config: SongConfig) -> PreparedLyrics:
    """The lyrics up to the word in which the ``pointer``-th phoneme (from 1) stands, that word whole; none for 0.

    All of them where the model has no alignment: then nobody knows what was sung.
    """
    if config.alignment is None:
        return lyrics
    score = lyric_score([lyrics.ids], config.lyrics, config.alignment)
    if pointer >= int(score.count[0]):
        return lyrics
    row = int(score.rows[0, pointer - 1]) if pointer else -1
    words = tuple(word for word in lyrics.words if word.row <= row)
    rows = max([row + 1, *(word.row + word.rows for word in words)])
    return replace(
        lyrics,
        text=" ".join(["[verse]", *(word.text for word in words)]) if words else "",
        symbols=lyrics.symbols[:rows],
        ids=lyrics.ids[:rows],
        findings=(),
        words=words,
    )


def text_until(text: str, words: tuple[WrittenWord, ...]) -> str:
    """The lyrics as given, up to the last of the ``words`` that were sung; its line keeps only those."""
    if not words:
        return ""
    last = words[-1].line
    lines = text.splitlines()
    before = lines[: last - 1]
    ended = lines[last - 1] if last <= len(lines) else ""
    kept = [word.text for word in words if word.line == last]
    tag = ended[: ended.index("]") + 1] + " " if ended.lstrip().startswith("[") and "]" in ended else ""
    return "\n".join([*before, tag + " ".join(kept)])


def continued(kept: PreparedLyrics, new: PreparedLyrics, config: SongConfig, lines: int) -> PreparedLyrics:
    """``kept``, a new section, ``new``; ``lines`` is how many lines stand before the new text.

    Raises ``LyricsError`` where both together have more rows than the model takes.
    """
    if not kept.ids:
        return replace(new, words=tuple(replace(word, line=word.line + lines) for word in new.words))
    vocabulary = config.lyrics.vocabulary
    symbols = list(kept.symbols)
    if symbols[-1] == _SENTENCE:
        symbols[-1] = _SECTION
    elif symbols[-1] != _SECTION:
        symbols.append(_SECTION)
    first = len(symbols)
    symbols += new.symbols
    if len(symbols) > config.lyrics.max_len:
        raise LyricsError(
            f"old and new lyrics together are {len(symbols)} rows, the model takes {config.lyrics.max_len}: give fewer"
        )
    index = {symbol: number for number, symbol in enumerate(vocabulary)}
    words = tuple(replace(word, row=word.row + first, line=word.line + lines) for word in new.words)
    return PreparedLyrics(
        f"{kept.text} , {new.text}",
        tuple(symbols),
        tuple(index[symbol] for symbol in symbols),
        new.findings,
        kept.estimated_seconds + new.estimated_seconds,
        (*kept.words, *words),
    )
