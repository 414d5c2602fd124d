"""Reading ``torch.save`` files that somebody else wrote: tensors only, mapped into memory, never any code."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from songbloom_x2.errors import CheckpointError


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict of a ``.pt`` or ``.ckpt`` (bare, or under ``state_dict``), its tensors views of the mapped file.

    Raises ``CheckpointError`` in one line where the file is missing, cut short, or holds anything but tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path.name} is missing in {path.parent}; fetch it, or undo its renaming")
    mapped = zipfile.is_zipfile(path)
    try:
        with warnings.catch_warnings():
            # What torch says about a strange pickle is said better below.
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from None
    except pickle.UnpicklingError:
        what = "holds pickled code or objects" if mapped else "is cut short, damaged, or no torch file"
        raise CheckpointError(f"{path.name}: {what}; only tensors are read, nothing in it was run") from None
    except Exception as error:
        # A damaged or hostile archive can raise nearly anything from inside torch's reader.
        kind = type(error).__name__
        raise CheckpointError(
            f"{path.name}: is cut short, damaged, or no torch file ({kind}); fetch it again"
        ) from None
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, Mapping) or not loaded:
        raise CheckpointError(f"{path.name}: holds no state dict")
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, Tensor) or value.layout is not torch.strided:
            raise CheckpointError(f"{path.name}: '{str(key)[:80]}' is no plain tensor")
    return {key: value.detach() for key, value in loaded.items()}
