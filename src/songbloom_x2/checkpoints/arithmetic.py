"""Numbers, ``+ - * / //`` and brackets: all that the released configs ever ask of their ``eval`` resolver.

A recursive-descent parser of its own, so that a downloaded file never reaches Python's ``eval``. ``/`` divides to a
float and ``//`` floors, as in Python.
"""

from __future__ import annotations

import math
import re

Number = int | float

_TOKEN = re.compile(r"\s*(?:(\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+|\d+[eE][-+]?\d+|\d+)|(//|[-+*/()]))")
_LONGEST = 200
_DEEPEST = 40


def evaluate(text: str) -> Number:
    """Value of an arithmetic expression; ``ValueError`` for anything that is not one."""
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters")
    parser = _Parser(_tokens(text))
    try:
        value = parser.sum(0)
    except (ZeroDivisionError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if parser.rest():
        raise ValueError(f"unexpected '{parser.rest()[0]}'")
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _tokens(text: str) -> list[str]:
    tokens = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"unexpected '{text[at:].strip()[:1]}'")
        tokens.append(match.group(1) or match.group(2))
        at = match.end()
    return tokens


class _Parser:
    """Precedence climbing by one method a level: sum, product, signed atom."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def rest(self) -> list[str]:
        return self._tokens[self._at :]

    def sum(self, depth: int) -> Number:
        value = self._product(depth)
        while self._peek() in ("+", "-"):
            operator = self._next()
            right = self._product(depth)
            value = value + right if operator == "+" else value - right
        return value

    def _product(self, depth: int) -> Number:
        value = self._atom(depth)
        while self._peek() in ("*", "/", "//"):
            operator = self._next()
            right = self._atom(depth)
            if operator == "*":
                value = value * right
            elif operator == "/":
                value = value / right
            else:
                value = value // right
        return value

    def _atom(self, depth: int) -> Number:
        if depth > _DEEPEST:
            raise ValueError(f"nested deeper than {_DEEPEST}")
        token = self._next()
        if token in ("+", "-"):
            value = self._atom(depth + 1)
            return -value if token == "-" else value
        if token == "(":
            value = self.sum(depth + 1)
            if self._next() != ")":
                raise ValueError("missing ')'")
            return value
        if token[0] not in ".0123456789":
            raise ValueError(f"unexpected '{token}'")
        return int(token) if token.isdigit() else float(token)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise ValueError("ends too early")
        self._at += 1
        return token
