from __future__ import annotations

import pytest

from songbloom_x2.errors import ConfigError
from songbloom_x2.train.gates import Gate, parse_gates


def test_gates_are_read_and_judged() -> None:
    low, high = parse_gates(["val_flow<=0.4", " val_pitch >= 9e-1 "])
    assert (low, high) == (Gate("val_flow", "<=", 0.4), Gate("val_pitch", ">=", 0.9))
    assert low.reached({"val_flow": 0.4}) and not low.reached({"val_flow": 0.41})
    assert high.reached({"val_pitch": 0.95}) and not high.reached({"val_flow": 1.0})


@pytest.mark.parametrize("text", ["val_flow", "val_flow<0.4", "<=0.4", "val_flow<=e", "val flow<=1"])
def test_what_is_no_gate_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="write NAME<=NUMBER"):
        parse_gates([text])
