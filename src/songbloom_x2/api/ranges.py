"""Conditional and partial requests for one file (RFC 9110): ETag, If-None-Match, If-Range, Range."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

from songbloom_x2.api.problems import Problem

_ONE = re.compile(r"bytes\s*=\s*(\d{0,20})\s*-\s*(\d{0,20})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Stretch:
    """Bytes ``start`` to ``stop`` (not included) of ``size``."""

    start: int
    stop: int
    size: int

    @property
    def content_range(self) -> str:
        """The header's value."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def unchanged(headers: Headers, etag: str) -> bool:
    """Whether the client has this version already (``If-None-Match``)."""
    given = headers.get("if-none-match")
    if given is None:
        return False
    return given.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in given.split(","))


def asked(headers: Headers, etag: str, size: int) -> Stretch | None:
    """The stretch that ``Range`` asks for; none: the whole file.

    Several ranges, other units and what cannot be read are answered with the whole, as the standard allows; so is an
    ``If-Range`` that names another version. Raises ``Problem`` 416 for a range beyond the end.
    """
    given = headers.get("range")
    if given is None or headers.get("if-range", etag).strip() != etag:
        return None
    found = _ONE.fullmatch(given.strip())
    if found is None or (not found[1] and not found[2]):
        return None
    if not found[1]:
        length = int(found[2])
        start, stop = max(0, size - length), size
    else:
        start = int(found[1])
        stop = min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= stop:
        raise Problem("range-not-satisfiable", f"there are {size} bytes", headers={"Content-Range": f"bytes */{size}"})
    return Stretch(start, stop, size)
