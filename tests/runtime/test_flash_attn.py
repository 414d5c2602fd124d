"""The package flash-attn behind torch's own registry, with a stand-in for the package."""

from __future__ import annotations

from typing import NoReturn

import pytest
import torch
from torch.nn.attention import current_flash_attention_impl, register_flash_attention_impl

from songbloom_x2.errors import RuntimePlanError
from songbloom_x2.runtime.attention import attention_scope, resolve_attention


class Handle:
    """What a registered package gives back."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls
        calls.append("activated")

    def remove(self) -> None:
        self._calls.append("removed")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """FA4 is a stand-in, FA3 is not installed; torch's own registrations come back afterwards."""
    from torch.nn.attention import _registry

    monkeypatch.setattr(_registry, "_FLASH_ATTENTION_IMPLS", {})
    found: list[str] = []
    register_flash_attention_impl("FA4", register_fn=lambda: Handle(found))
    return found


def test_it_is_active_inside_the_scope_only(calls: list[str]) -> None:
    choice = resolve_attention("flash_attn", "cuda", torch.bfloat16)
    assert choice.value == "FA4" and calls == ["activated", "removed"]
    with attention_scope(choice.value):
        assert current_flash_attention_impl() == "FA4"
    assert current_flash_attention_impl() is None and calls == ["activated", "removed"] * 2


def test_it_goes_when_something_fails_inside(calls: list[str]) -> None:
    with pytest.raises(ZeroDivisionError), attention_scope("FA4"):
        _ = 1 / 0
    assert current_flash_attention_impl() is None


def test_where_it_is_not_installed(calls: list[str]) -> None:
    def missing() -> NoReturn:
        raise ImportError("no module named flash_attn")

    register_flash_attention_impl("FA4", register_fn=missing)
    with pytest.raises(RuntimePlanError, match="needs the package flash-attn"):
        resolve_attention("flash_attn", "cuda", torch.bfloat16)
    with pytest.raises(RuntimePlanError, match="for NVIDIA GPUs, not for 'cpu'"):
        resolve_attention("flash_attn", "cpu", torch.float32)
