"""One resolved setting, with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """What was asked for one setting, what it became, and why. All three are text for people and manifests."""

    setting: str
    asked: str
    value: str
    reason: str
