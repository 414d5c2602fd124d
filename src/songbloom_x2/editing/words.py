"""The words of a song that goes on: those sung until a cut, then others."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    return "\n".join([*before, _tag_of(ended) + " ".join(kept)])


def _tag_of(line: str) -> str:
    """The tag that a line begins with, and a space."""
    return line[: line.index("]") + 1] + " " if line.lstrip().startswith("[") and "]" in line else ""


@dataclass(frozen=True)
class Replacement:
    """Lyrics in which the words of a stretch are others.

    ``pointer``: phonemes begun where the stretch ends; ``shift``: how many more these are than before; ``removed``
    words gave way.
    """

    lyrics: PreparedLyrics
    pointer: int
    shift: int
    removed: tuple[WrittenWord, ...]


def replaced(lyrics: PreparedLyrics, new: PreparedLyrics, before: int, after: int, config: SongConfig) -> Replacement:
    """Put ``new`` in place of the words that begin and end between ``before`` and ``after`` phonemes.

    Words that are under way at either end stay whole. Tags of the new words are left out: they stand in a section.
    Raises ``LyricsError`` where the lyrics would have more rows than the model takes.
    """
    alignment = config.alignment
    assert alignment is not None, "only an aligned model knows when its words are sung"
    score = lyric_score([lyrics.ids], config.lyrics, alignment)
    rows = score.rows[0, : int(score.count[0])].tolist()
    places = {
        word: [p for p, row in enumerate(rows) if word.row <= row < word.row + word.rows] for word in lyrics.words
    }
    removed = tuple(word for word, at in places.items() if at and at[0] >= before and at[-1] < after)
    later = [word for word, at in places.items() if at and at[0] >= before]
    first = later[0].row if later else len(lyrics.ids)
    end = removed[-1].row + removed[-1].rows if removed else first
    symbols, words = _untagged(new, first, removed[0].line if removed else later[0].line if later else 1)
    stop = lyrics.symbols[end - 1] if removed else _SENTENCE
    if stop in (_SENTENCE, _SECTION) and symbols[-1] != stop:
        symbols = [*symbols[:-1], stop] if symbols[-1] == _SENTENCE else [*symbols, stop]
    total = (*lyrics.symbols[:first], *symbols, *lyrics.symbols[end:])
    if len(total) > config.lyrics.max_len:
        raise LyricsError(f"the lyrics would be {len(total)} rows, the model takes {config.lyrics.max_len}: give fewer")
    index = {symbol: number for number, symbol in enumerate(config.lyrics.vocabulary)}
    moved = len(symbols) - (end - first)
    kept = [word for word in lyrics.words if word not in removed]
    earlier = [word for word in kept if word.row < first]
    following = [replace(word, row=word.row + moved) for word in kept if word.row >= first]
    known = frozenset(alignment.layout.phonemes)
    shift = sum(symbol in known for symbol in symbols) - sum(symbol in known for symbol in lyrics.symbols[first:end])
    all_words = (*earlier, *words, *following)
    changed = PreparedLyrics(
        " ".join(word.text for word in all_words),
        total,
        tuple(index[symbol] for symbol in total),
        new.findings,
        lyrics.estimated_seconds,
        all_words,
        lyrics.estimated_bars,
    )
    return Replacement(changed, after + shift, shift, removed)


def text_replaced(text: str, words: tuple[WrittenWord, ...], removed: tuple[WrittenWord, ...], new: str) -> str:
    """The lyrics as given with ``new`` in place of the ``removed`` words; at their end where none gives way."""
    fresh = " ".join(new.split())
    if not removed:
        return f"{text}\n{fresh}"
    lines = text.splitlines()
    for line in {word.line for word in removed}:
        told = []
        for word in (word for word in words if word.line == line):
            if word not in removed:
                told.append(word.text)
            elif word == removed[0]:
                told.append(fresh)
        lines[line - 1] = _tag_of(lines[line - 1]) + " ".join(told)
    return "\n".join(lines)


def _untagged(new: PreparedLyrics, first: int, line: int) -> tuple[list[str], tuple[WrittenWord, ...]]:
    """The rows of ``new`` without tags, its sections as sentences; its words where they stand from row ``first`` on."""
    symbols: list[str] = []
    place = []
    for symbol in new.symbols:
        place.append(first + len(symbols))
        if not symbol.startswith("["):
            symbols.append(_SENTENCE if symbol == _SECTION else symbol)
    words = tuple(replace(word, row=place[word.row], line=line) for word in new.words)
    return symbols, words


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
        kept.estimated_bars + new.estimated_bars,
    )
