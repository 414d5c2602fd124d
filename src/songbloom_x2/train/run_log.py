"""What a training run tells: lines of JSON in ``log.jsonl``, and the same for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from songbloom_x2.errors import MissingExtraError


class RunLog:
    """Appends to the run's files; TensorBoard's lie in ``tensorboard`` inside the folder."""

    def __init__(self, folder: Path, *, tensorboard: bool, step: int) -> None:
        """``step``: what TensorBoard holds from there on belongs to a run that was cut off, and is dropped.

        Raises ``MissingExtraError`` where TensorBoard is wanted and not installed.
        """
        self._writer: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise MissingExtraError("logging to TensorBoard", "train") from error
            make: Any = SummaryWriter
            self._writer = make(str(folder / "tensorboard"), purge_step=step + 1)
        self._lines = (folder / "log.jsonl").open("a", encoding="utf-8")

    def write(self, line: Mapping[str, Any]) -> None:
        """One entry: ``step`` and figures."""
        self._lines.write(json.dumps(line) + "\n")
        self._lines.flush()
        if self._writer is not None:
            for name, value in line.items():
                if name != "step" and isinstance(value, int | float):
                    self._writer.add_scalar(name.replace("val_", "validation/"), value, line["step"])
            self._writer.flush()

    def __enter__(self) -> RunLog:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._lines.close()
        if self._writer is not None:
            self._writer.close()
