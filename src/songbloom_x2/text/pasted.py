"""Pasted lines to blocks: words under a section's name, in the order they are sung, repeats written out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

from songbloom_x2.errors import LyricsError
from songbloom_x2.text.aliases import HEADERS, METADATA, SINGERS
from songbloom_x2.text.findings import Findings
from songbloom_x2.text.marked import Marked
from songbloom_x2.text.sentences import Sentence, sentences
from songbloom_x2.text.tags import Reading, is_direction, is_plain_name, looks_like_tag, nearest_name, read_tag

MOST_REPEATS = 16
LONGEST_INSTRUMENTAL = 600.0
"""Seconds."""

_SHORTEST_ASIDE = 5
"""Words; fewer in square brackets are meant as a tag."""

_NUMBERING = re.compile(r"\d{1,2}[.)]\s+(?=\D)")
_AROUND_HEADER = re.compile(r"^[\s\-~=•#.|]+|[\s\-~=•#.|]+$")
_BRACKET = re.compile(r"\[([^\[\]]*)\]|\(([^()]*)\)|\{([^{}]*)\}|<([^<>]*)>")
_STRAY = re.compile(r"[\[\](){}<>]")
_HEADER = re.compile(r"^([^:：]{1,60}?)\s*[:：](.*)$")
_REPEATED_LINE = re.compile(r"(?<![^\s\])])(?:[x×*]\s?(\d{1,4})|(\d{1,4})\s?[x×])\s*$", re.IGNORECASE)
_CHORD = r"[A-G][#b]?(?:maj|min|m|dim|aug|sus|add)?\d*(?:/[A-G][#b]?)?"
_CHORDS = re.compile(rf"(?=.*[A-G](?:[#bm\d/]|sus|dim)){_CHORD}(?:[\s|]+{_CHORD})+[\s|]*")


@dataclass(frozen=True)
class Block:
    """A section as written: what its tag said, its sentences, and where the tag stands."""

    reading: Reading
    line: int
    column: int
    sentences: tuple[Sentence, ...] = ()
    named: bool = True
    """False where there was no tag."""
    stanza: bool = False
    """An untagged block that a blank line begins."""


@dataclass(frozen=True)
class _Bracket:
    """A bracket in a line: ``where`` with its brackets, ``content`` without."""

    where: Marked
    content: Marked
    square: bool
    whole: bool
    """It is all that the line holds."""

    @cached_property
    def reading(self) -> Reading:
        return read_tag(self.content.text)


def read_blocks(lines: list[Marked], findings: Findings) -> list[Block]:
    """Return the blocks of cleaned lines. Raises ``LyricsError`` for a tag that nobody knows."""
    reader = _Reader(findings)
    for line in lines:
        reader.read(line)
    return reader.blocks


class _Reader:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.blocks: list[Block] = []
        self._blank = False

    @property
    def _begun(self) -> bool:
        """Whether the last section has a tag and no words yet."""
        return bool(self.blocks) and self.blocks[-1].named and not self.blocks[-1].sentences

    def read(self, line: Marked) -> None:
        """Take one line."""
        line = line.strip()
        numbering = _NUMBERING.match(line.text)
        if numbering is not None:
            self.findings.note("numbering", line.line, line.column, f"'{numbering.group().strip()}' numbers the line")
            line = line.part(numbering.end())
        if not line.text:
            self._blank = True
            return
        if not self._is_noise(line) and not self._is_header(line):
            self._read_words(line)
        self._blank = False

    def _is_noise(self, line: Marked) -> bool:
        header = _HEADER.match(line.text)
        name = header[1].casefold() if header is not None else ""
        if name in METADATA and (len(name) > 2 or not name.isascii()):
            self.findings.warn("metadata", line.line, line.column, f"'{line.text[:40]}' describes the song: not sung")
            return True
        if _CHORDS.fullmatch(line.text):
            self.findings.warn("chords", line.line, line.column, "a line of chords: not sung")
            return True
        return False

    def _is_header(self, line: Marked) -> bool:
        """Take a line like ``Verse 1:``, ``CHORUS x2`` or ``Verse: words``; leave out who sings (``Both: words``)."""
        if "[" in line.text.partition(":")[0]:
            return False
        header = _HEADER.match(line.text)
        if header is not None:
            reading = read_tag(_AROUND_HEADER.sub("", header[1]))
            if header[2].strip() and set(header[1].casefold().split()) <= SINGERS:
                self.findings.note("direction", line.line, line.column, f"'{header[1]}:' says who sings: not sung")
                self._read_words(line.part(header.start(2)).strip())
                return True
            rest = line.part(header.start(2)).strip()
            if reading.kind == "section" and not reading.rest and (not rest.text or _is_header_name(reading)):
                self._begin(reading, line)
                if rest.text:
                    self._read_words(rest)
                return True
            if not header[2].strip() and looks_like_tag(header[1]):
                raise _unknown(header[1], line)
            return False
        reading = read_tag(_AROUND_HEADER.sub("", re.sub(r"(?<=\S)\s*\(([^()]*)\)\s*$", r" \1", line.text)))
        if reading.kind == "repeat" and (reading.tag or reading.count > 1):
            self._repeat(reading, line)
            return True
        described = not reading.rest or is_direction(reading.rest, square=True)
        if reading.kind == "section" and _is_header_name(reading) and described:
            self._begin(reading, line)
            return True
        return False

    def _read_words(self, line: Marked) -> None:
        """Take a line of words with brackets among them."""
        times = 1
        match = _REPEATED_LINE.search(line.text)
        if match is not None and match.start() > 0:
            times = _repeats(int(match[1] or match[2]), line)
            line = line.part(0, match.start())
        start = 0
        words = [line.part(0, 0)]
        for match in _BRACKET.finditer(line.text):
            words[-1] = words[-1].joined(line.part(start, match.start()))
            start = match.end()
            bracket = _Bracket(
                line.part(match.start(), match.end()),
                line.part(match.start() + 1, match.end() - 1).strip(),
                square=match.group()[0] == "[",
                whole=match.group() == line.text,
            )
            if self._is_section(bracket):
                self._sing(words, 1)
                words = [line.part(0, 0)]
                self._begin(bracket.reading, bracket.where)
            elif self._is_sung(bracket):
                words += [bracket.content, line.part(0, 0)]
            elif bracket.reading.kind == "repeat" and not bracket.whole and not bracket.reading.tag:
                times *= _repeats(max(bracket.reading.count, 2), bracket.where)
            elif bracket.reading.kind == "repeat":
                self._repeat(bracket.reading, bracket.where)
            elif bracket.reading.kind != "chord":
                words[-1] = words[-1].joined(line.part(0, 0), " ")
        words[-1] = words[-1].joined(line.part(start))
        if start and times > 1 and self._begun and not any(part.text.strip() for part in words):
            self._repeat(Reading("repeat", count=times), line)
        else:
            self._sing(words, times)

    @staticmethod
    def _is_section(bracket: _Bracket) -> bool:
        """Tell whether a bracket begins a section; round ones only where they can hardly be sung words."""
        reading, text = bracket.reading, bracket.content.text
        if reading.kind != "section":
            return False
        if bracket.square:
            return True
        if reading.count > 1 or reading.seconds is not None or reading.rest.isdigit():
            return True
        described = bool(reading.rest) and is_direction(reading.rest, square=True)
        return (bracket.whole or ":" in text) and (described or (not reading.rest and _is_header_name(reading)))

    def _is_sung(self, bracket: _Bracket) -> bool:
        """Tell whether the words in a bracket are sung; if not, say so. Raises ``LyricsError`` for an unknown tag."""
        reading, where = bracket.reading, bracket.where
        shown = where.text[:40]
        if reading.kind == "repeat":
            return False
        if reading.kind in ("metadata", "closing") or (bracket.square and reading.kind in ("timestamp", "chord")):
            tell = self.findings.note if reading.kind in ("timestamp", "closing") else self.findings.warn
            tell(reading.kind, where.line, where.column, f"'{shown}' is not sung")
            return False
        if is_direction(bracket.content.text, square=bracket.square):
            self.findings.warn("direction", where.line, where.column, f"'{shown}' is a direction: not sung")
            return False
        if not any(char.isalnum() for char in bracket.content.text):
            self.findings.warn("direction", where.line, where.column, f"'{shown}' holds no words: left out")
            return False
        if bracket.square and len(bracket.content.text.split()) < _SHORTEST_ASIDE:
            raise _unknown(bracket.content.text, where)
        self.findings.note("aside", where.line, where.column, f"the words in '{shown}' are sung")
        return True

    def _sing(self, words: list[Marked], times: int) -> None:
        sung: list[Sentence] = []
        for part in words:
            for match in _STRAY.finditer(part.text):
                message = f"a bracket without its pair: '{match.group()}'"
                self.findings.warn("removed-character", part.line, part.columns[match.start()], message)
            sung.extend(sentences(part.sub(_STRAY, " "), self.findings))
        if not sung:
            return
        first = sung[0][0]
        if not self.blocks or (self._blank and not self.blocks[-1].named):
            self.blocks.append(Block(Reading("section", "verse", "verse"), first.line, first.column, named=False))
        last = self.blocks[-1]
        if times > 1:
            self.findings.note("repeat", first.line, first.column, f"the line is sung {times} times")
        self.blocks[-1] = replace(last, sentences=last.sentences + tuple(sung) * times)

    def _begin(self, reading: Reading, where: Marked) -> None:
        if not is_plain_name(reading.name):
            self.findings.note("alias", where.line, where.column, f"'{reading.name}' is sung as [{reading.tag}]")
        if reading.rest and not reading.rest.isdigit():
            self.findings.note("direction", where.line, where.column, f"'{reading.rest[:40]}' beside a tag is not sung")
        if reading.rest.isdigit() and reading.tag in ("verse", "chorus", "bridge"):
            message = f"read as {reading.name}; write [{reading.tag} x{reading.rest}] to sing it {reading.rest} times"
            self.findings.note("number", where.line, where.column, message)
        if reading.tag not in ("verse", "chorus", "bridge"):
            if max(reading.seconds or 0, reading.count) > LONGEST_INSTRUMENTAL:
                raise LyricsError(
                    f"line {where.line}, column {where.column}: [{reading.tag}] lasts longer than "
                    f"{LONGEST_INSTRUMENTAL:.0f} s: give a shorter length"
                )
        else:
            _repeats(reading.count, where)
            if reading.seconds is not None:
                message = f"[{reading.tag}] lasts as long as its words need: its length is not used"
                self.findings.note("length", where.line, where.column, message)
        self.blocks.append(Block(reading, where.line, where.column))

    def _repeat(self, reading: Reading, where: Marked) -> None:
        """Sing an earlier section again: the named one, or else the last; under a bare tag, what will follow it."""
        if not reading.tag and self._begun:
            begun = self.blocks[-1]
            self.blocks[-1] = replace(begun, reading=replace(begun.reading, count=_repeats(reading.count, where)))
            return
        count = _repeats(max(reading.count, 1 if reading.tag else 2), where)
        named = [block for block in self.blocks if not reading.tag or block.reading.tag == reading.tag]
        source = next((block for block in reversed(named) if block.sentences), None)
        if source is None:
            self.findings.warn("repeat", where.line, where.column, f"'{where.text[:40]}': nothing to repeat yet")
            return
        again = replace(source, reading=replace(source.reading, count=1), line=where.line, column=where.column)
        self.blocks.extend([again] * (count if reading.tag else count - 1))
        self.findings.note("repeat", where.line, where.column, f"{source.reading.name} is sung again")


def _is_header_name(reading: Reading) -> bool:
    """Tell whether a section's name, its number aside, can hardly be anything else than a header."""
    return reading.name in HEADERS or reading.name.rpartition(" ")[0] in HEADERS


def _repeats(count: int, where: Marked) -> int:
    if not 1 <= count <= MOST_REPEATS:
        raise LyricsError(
            f"line {where.line}, column {where.column}: {count} repeats: between 1 and {MOST_REPEATS} are possible"
        )
    return count


def _unknown(content: str, where: Marked) -> LyricsError:
    shown = " ".join(content.split())[:40]
    return LyricsError(
        f"line {where.line}, column {where.column}: unknown tag '{shown}'; nearest is {nearest_name(content)}"
    )
