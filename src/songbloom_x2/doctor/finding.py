"""What an examination found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ok", "note", "problem"]
"""Fine; worth knowing, but songs are made all the same; something that must be put right."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: where it belongs (``libraries``, ``gpu``, ...), what is there, and what to do about it."""

    area: str
    state: State
    told: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"area": self.area, "state": self.state, "told": self.told, "advice": self.advice}

    def line(self) -> str:
        """For people."""
        mark = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}[self.state]
        return f"{mark} {self.area}: {self.told}" + (f" -> {self.advice}" if self.advice else "")
