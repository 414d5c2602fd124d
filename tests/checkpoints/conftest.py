"""Copies of the golden models that tests may damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

GOLDEN = Path(__file__).parents[1] / "golden"


class ReleasedFolder:
    """A writable copy of one golden model."""

    def __init__(self, name: str, into: Path) -> None:
        self.path = Path(shutil.copytree(GOLDEN / name, into / name))
        self.yaml = self.path / f"{name}.yaml"
        self.weights = self.path / f"{name}.pt"

    def edit_yaml(self, changes: Mapping[str, Any]) -> Path:
        """Set dotted keys of the YAML; a value of ``...`` takes the key out."""
        tree = yaml.safe_load(self.yaml.read_text())
        for dotted, value in changes.items():
            *parents, last = dotted.split(".")
            node = tree
            for key in parents:
                node = node[key]
            if value is ...:
                del node[last]
            else:
                node[last] = value
        self.yaml.write_text(yaml.safe_dump(tree))
        return self.yaml

    def edit_weights(self, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
        """Apply ``change`` to the state dict of the ``.pt``."""
        state = dict(torch.load(self.weights, weights_only=True))
        change(state)
        torch.save(state, self.weights)


@pytest.fixture
def golden() -> Path:
    """Where the golden models lie."""
    return GOLDEN


@pytest.fixture
def released(tmp_path: Path) -> Callable[[str], ReleasedFolder]:
    """Makes a writable copy of a golden model."""
    return lambda name: ReleasedFolder(name, tmp_path)
