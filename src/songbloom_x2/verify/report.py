"""What a verification found: a table for people, plain values for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """One expected output against ours; no ``max_abs_error`` where they could not be subtracted, for the ``reason``."""

    file: str
    name: str
    max_abs_error: float | None
    tolerance: float
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the output is there and within tolerance."""
        return self.max_abs_error is not None and self.max_abs_error <= self.tolerance

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = {"name": self.name, "max_abs_error": self.max_abs_error, "tolerance": self.tolerance, "ok": self.ok}
        return plain | {"file": self.file} | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True)
class Skip:
    """An expected output that could not be recomputed, and why."""

    file: str
    name: str
    reason: str


@dataclass(frozen=True)
class VerifyReport:
    """Everything that was compared or left out."""

    model: str
    model_hash: str
    plan: dict[str, Any]
    comparisons: tuple[Comparison, ...]
    skipped: tuple[Skip, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """At least one output was compared, and all were within tolerance."""
        return bool(self.comparisons) and all(comparison.ok for comparison in self.comparisons)

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``tensors`` lists the comparisons."""
        return {
            "ok": self.ok,
            "model": self.model,
            "model_hash": self.model_hash,
            "tensors": [comparison.to_json() for comparison in self.comparisons],
            "skipped": [{"name": skip.name, "file": skip.file, "reason": skip.reason} for skip in self.skipped],
            "notes": list(self.notes),
            "plan": self.plan,
        }

    def table(self) -> str:
        """The same for people."""
        lines = []
        files = [*(comparison.file for comparison in self.comparisons), *(skip.file for skip in self.skipped)]
        for file in dict.fromkeys(files):
            lines.append(file)
            for one in (comparison for comparison in self.comparisons if comparison.file == file):
                error = "-" if one.max_abs_error is None else f"{one.max_abs_error:.2e}"
                verdict = "ok" if one.ok else "FAILED"
                line = f"  {one.name:<20} {error:>9}  of {one.tolerance:.0e}  {verdict}  {one.reason}"
                lines.append(line.rstrip())
            lines += [f"  {skip.name:<20} skipped: {skip.reason}" for skip in self.skipped if skip.file == file]
        lines += [f"note: {note}" for note in self.notes]
        good = sum(comparison.ok for comparison in self.comparisons)
        result = "what was compared is reproduced" if self.skipped else "the reference is reproduced"
        result = result if self.ok else "the reference is NOT reproduced"
        lines.append(
            f"{self.model}: {good} of {len(self.comparisons)} outputs within tolerance, {len(self.skipped)} skipped, "
            f"on {self.plan['device']} in {self.plan['dtype']}: {result}"
        )
        return "\n".join(lines)
