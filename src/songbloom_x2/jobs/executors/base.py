"""What runs workers somewhere: the interface of this room. The queue in SQL is the truth."""

from __future__ import annotations

from typing import Protocol


class Executor(Protocol):
    """Keeps workers running."""

    def start(self) -> None:
        """Start workers, and replace those that are lost, until ``stop``."""

    def stop(self) -> None:
        """Let workers finish or give their jobs back, within the plan's ``drain_seconds``; then end what is left."""
