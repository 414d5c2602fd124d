"""Fetching a known model's files from a hub: resumed, checked, and recorded. Needs the extra ``hub``.

Knows nothing of consent: whoever calls this has shown the licence.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songbloom_x2.checkpoints.download_record import RecordedFile, read_record, write_record
from songbloom_x2.checkpoints.fingerprint import file_sha256
from songbloom_x2.checkpoints.registry import KnownFile, KnownModel
from songbloom_x2.errors import CheckpointError, ConfigError, MissingExtraError

_SHA256_DIGITS = 64


@dataclass(frozen=True)
class RemoteFile:
    """A file as the hub describes it; ``sha256`` where the hub knows it (large files)."""

    name: str
    size: int | None
    sha256: str | None
    commit: str


class Hub:
    """One repository at one revision, as far as a download needs it."""

    def __init__(self, repository: str, revision: str, *, endpoint: str | None = None) -> None:
        """``endpoint``: none takes the hub's own. Raises ``MissingExtraError``, and ``ConfigError`` when offline."""
        try:
            import huggingface_hub
            from huggingface_hub import constants, errors
        except ImportError:
            raise MissingExtraError("downloading a model", "hub") from None
        if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
            raise ConfigError(
                "HF_HUB_OFFLINE is set, so nothing is downloaded; unset it, or give the folder of a model with --model"
            )
        self._hub, self._errors = huggingface_hub, errors
        self._repository, self._revision, self._endpoint = repository, revision, endpoint

    def describe(self, name: str) -> RemoteFile:
        """What the hub says about a file. Raises ``SongBloomError`` in one line where it says nothing."""

        def ask() -> Any:
            url = self._hub.hf_hub_url(self._repository, name, revision=self._revision, endpoint=self._endpoint)
            return self._hub.get_hf_file_metadata(url)

        found = self._asked(name, ask)
        etag = found.etag or ""
        sha256 = etag if len(etag) == _SHA256_DIGITS else None
        return RemoteFile(name, found.size, sha256, found.commit_hash or self._revision)

    def fetch(self, name: str, folder: Path) -> Path:
        """Download one file into ``folder``, going on where an earlier attempt stopped."""

        def download() -> str:
            path: str = self._hub.hf_hub_download(
                self._repository, name, revision=self._revision, local_dir=folder, endpoint=self._endpoint
            )
            return path

        return Path(self._asked(name, download))

    def _asked(self, name: str, request: Callable[[], Any]) -> Any:
        errors, where = self._errors, f"{self._repository} ({self._revision})"
        try:
            return request()
        except errors.RepositoryNotFoundError:
            reason = f"there is no such repository, or it wants a login; set models.repository ({where})"
        except errors.RevisionNotFoundError:
            reason = f"the repository has no such revision; set models.revision ({where})"
        except errors.EntryNotFoundError:
            reason = f"the repository has no such file; set models.repository to one that has ({where})"
        except errors.HfHubHTTPError as error:
            reason = f"the hub refused: {' '.join(str(error).split())[:160]}"
        except errors.HFValidationError:
            raise ConfigError(f"models.repository '{self._repository}': must look like owner/name") from None
        except KeyboardInterrupt:
            raise
        except OSError as error:
            unreachable = isinstance(error, ConnectionError | TimeoutError) or error.errno is None
            reason = "the hub cannot be reached; is there a network?" if unreachable else f"{error.strerror}"
        except Exception as error:
            # The HTTP packages below differ by version of the hub's; what they all mean is that nobody answered.
            reason = f"the hub cannot be reached ({type(error).__name__}); is there a network?"
        raise CheckpointError(f"{name}: not downloaded: {reason}")


def download(
    known: KnownModel, folder: Path, hub: Hub, *, repository: str, told: Callable[[str], None] = lambda line: None
) -> None:
    """Bring every file of ``known`` into ``folder``; what is there and as recorded stays.

    Checked against the registry, the record and the hub's own checksum, whichever know one; what nobody knew is
    recorded. Raises ``CheckpointError`` where a file cannot be had or is not the one that was recorded.
    """
    remote = [hub.describe(file.name) for file in known.files]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be made: {error.strerror}; set models.folder") from None
    record = read_record(folder)
    for file, there in zip(known.files, remote, strict=True):
        wanted = _expected(file, there, record.get(file.name), folder)
        path = folder / file.name
        if wanted is not None and path.is_file() and file_sha256(path) == wanted:
            told(f"{file.name}: there already, as it should be")
        else:
            told(f"{file.name}: {_shown(there.size)}")
            path = hub.fetch(file.name, folder)
        digest = file_sha256(path)
        if wanted is not None and digest != wanted:
            raise CheckpointError(f"{path}: its SHA-256 is {digest}, not {wanted}; remove it and download again")
        if file.size is not None and path.stat().st_size != file.size:
            raise CheckpointError(f"{path}: has {path.stat().st_size} bytes, not {file.size}; remove it and try again")
        record[file.name] = RecordedFile(path.stat().st_size, digest)
        # After every file, so that a download that is stopped keeps what it knows.
        write_record(folder, record, {"model": known.name, "repository": repository, "commit": there.commit})


def _expected(file: KnownFile, there: RemoteFile, recorded: RecordedFile | None, folder: Path) -> str | None:
    """The checksum that a file must have, where anyone knows it; all who know one must agree."""
    known = {file.sha256, there.sha256, recorded.sha256 if recorded else None} - {None}
    if len(known) > 1:
        raise CheckpointError(
            f"{file.name}: the hub's file is not the one that was recorded in {folder}; "
            "choose its old commit with models.revision, or another models.folder"
        )
    return next(iter(known), None)


def _shown(size: int | None) -> str:
    return "size unknown" if size is None else f"{size / 1e6:.1f} MB"
