"""The door of the grammar: any text to lyrics in the released form, or a refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from songbloom_x2.errors import LyricsError
from songbloom_x2.text.cleaning import LONGEST, clean, refuse, without_markdown
from songbloom_x2.text.findings import Findings
from songbloom_x2.text.grammar import Lyrics, Piece, is_released, read_released
from songbloom_x2.text.pasted import Block, read_blocks
from songbloom_x2.text.sentences import Sentence
from songbloom_x2.text.tags import Reading
from songbloom_x2.text.vocabulary import SUNG_TAGS


def parse(text: str, findings: Findings, *, instrumental_seconds: float) -> Lyrics:
    """Return the lyrics that ``text`` means. Text in the released grammar is kept as it is, space for space.

    ``instrumental_seconds`` is how long one instrumental tag lasts. Raises ``LyricsError`` where nothing can be sung.
    """
    refuse(text)
    filled = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not filled:
        raise LyricsError("the lyrics are empty: write at least one line, for example '[verse] Hello my friend'")
    if len(filled) == 1 and is_released(filled[0][1]):
        return read_released(filled[0][1], filled[0][0])
    lines = [without_markdown(line) for line in clean(text, findings)]
    sections = _arranged(read_blocks(lines, findings), findings)
    pieces: list[Piece] = []
    for section in sections:
        pieces.extend(_separator(pieces, section))
        pieces.extend(_section_pieces(section, instrumental_seconds))
    if not pieces:
        raise LyricsError("nothing in the lyrics can be sung: write at least one line of words")
    lyrics = Lyrics(tuple(pieces))
    if len(lyrics.text) > LONGEST:
        raise LyricsError(
            f"written out, the lyrics have {len(lyrics.text):,} characters: repeat less ({LONGEST:,} fit)"
        )
    return lyrics


class _Section(NamedTuple):
    """A section in its final place: a tag with brackets, its words, or how many or how long where it has none."""

    tag: str
    block: Block
    sentences: tuple[Sentence, ...] = ()


def _arranged(blocks: list[Block], findings: Findings) -> list[_Section]:
    """Give words only to tags that are sung, and every sung tag its words; write out repeats."""
    arranged: list[_Section] = []
    choruses = set(_said_twice(blocks))
    for index, block in enumerate(blocks):
        tag = f"[{block.reading.tag}]"
        if tag not in SUNG_TAGS:
            arranged.extend(_instrumental(tag, block, findings))
            continue
        if not block.named:
            tag = _untagged(block, index, choruses, findings)
        sung = block.sentences
        if not sung:
            sung = _words_of_same_name(blocks[:index], block)
            if not sung:
                findings.warn("empty-section", block.line, block.column, f"{tag} has no words: left out")
                continue
            findings.note("repeat", block.line, block.column, f"{tag} has no words: the last one's are sung again")
        if block.reading.count > 1:
            findings.note("repeat", block.line, block.column, f"{tag} is sung {block.reading.count} times")
        arranged.extend([_Section(tag, block, sung)] * block.reading.count)
    return arranged


def _untagged(block: Block, index: int, choruses: set[tuple[str, ...]], findings: Findings) -> str:
    tag = "[chorus]" if _words(block.sentences) in choruses else "[verse]"
    findings.note("untagged", block.line, block.column, f"words without a tag are sung as {tag}")
    return tag


def _said_twice(blocks: list[Block]) -> list[tuple[str, ...]]:
    words = [_words(block.sentences) for block in blocks if not block.named]
    return [said for said in words if words.count(said) > 1]


def _words(sung: tuple[Sentence, ...]) -> tuple[str, ...]:
    return tuple(piece.text.casefold() for sentence in sung for piece in sentence)


def _words_of_same_name(earlier: list[Block], block: Block) -> tuple[Sentence, ...]:
    same = [b for b in earlier if b.sentences and b.reading.tag == block.reading.tag]
    exact = [b for b in same if b.reading.name == block.reading.name]
    base = [b for b in same if b.reading.name.split(" ")[0] == block.reading.name.split(" ")[0]]
    return next((found[-1].sentences for found in (exact, base, same) if found), ())


def _instrumental(tag: str, block: Block, findings: Findings) -> list[_Section]:
    """Return an instrumental section; words under it are sung as a verse, before an outro and after any other."""
    bare = _Section(tag, block)
    if not block.sentences:
        return [bare]
    findings.note("words-under-tag", block.line, block.column, f"words under {tag} are sung as [verse]")
    sung = _Section("[verse]", replace(block, reading=Reading("section", "verse", "verse")), block.sentences)
    return [sung, bare] if tag == "[outro]" else [bare, sung]


def _separator(pieces: list[Piece], section: _Section) -> list[Piece]:
    if not pieces or (pieces[-1].text == section.tag and not section.sentences):
        return []
    return [Piece(",", section.block.line, section.block.column)]


def _section_pieces(section: _Section, instrumental_seconds: float) -> list[Piece]:
    """Return a section's tag (or tags) and words; every sentence but the last ends in a full stop."""
    where = section.block
    tag = Piece(section.tag, where.line, where.column)
    if not section.sentences:
        reading = where.reading
        seconds = reading.seconds
        count = reading.count if seconds is None else max(1, round(seconds / instrumental_seconds))
        return [tag] * count
    pieces = [tag]
    for number, sentence in enumerate(section.sentences, 1):
        pieces.extend(sentence)
        if number < len(section.sentences):
            pieces[-1] = replace(pieces[-1], text=pieces[-1].text + ".")
    return pieces
