from __future__ import annotations

import pytest
import torch

from songbloom_x2.train.precision import bfloat16_pays


def test_accelerators_always_and_processors_only_where_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    for able in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda able=able: able)
        assert bfloat16_pays() is able
        assert bfloat16_pays("cuda") is True
