"""Gates: figures of the validation that end a training when all of them are reached."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from songbloom_x2.errors import ConfigError

_FORM = re.compile(r"\s*([A-Za-z_]\w*)\s*(<=|>=)\s*([-+.\deE]+)\s*")


@dataclass(frozen=True)
class Gate:
    """``name`` must be at least (``>=``) or at most (``<=``) ``value``."""

    name: str
    sense: str
    value: float

    def reached(self, figures: Mapping[str, float]) -> bool:
        """Whether these figures pass; one that is not there does not."""
        found = figures.get(self.name, math.nan)
        return found >= self.value if self.sense == ">=" else found <= self.value


def parse_gates(texts: Sequence[str]) -> tuple[Gate, ...]:
    """``val_flow<=0.4``, ``val_phoneme>=0.9``, ... Raises ``ConfigError`` for anything else."""
    gates = []
    for text in texts:
        match = _FORM.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            gates.append(Gate(match[1], match[2], float(match[3])))
        except ValueError:
            raise ConfigError(f"--gate {text}: write NAME<=NUMBER or NAME>=NUMBER, for example val_flow<=0.4") from None
    return tuple(gates)
