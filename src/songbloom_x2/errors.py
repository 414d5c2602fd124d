"""The exceptions a user can meet. Each message is one line: what is wrong, where, what to do about it.

The command line prints the message and exits with ``exit_code``; the server turns it into problem details.
"""

from __future__ import annotations


class SongBloomError(Exception):
    """Base of everything this package raises on purpose."""

    exit_code = 2


class ConfigError(SongBloomError):
    """A setting is unknown, malformed or out of range."""


class LyricsError(SongBloomError):
    """The lyrics cannot be sung as written."""


class StyleError(SongBloomError):
    """The style prompt cannot be used."""


class AudioError(SongBloomError):
    """An audio file cannot be read or written."""


class CheckpointError(SongBloomError):
    """A model's files are missing, damaged or do not belong together."""


class RuntimePlanError(SongBloomError):
    """The requested device, precision or optimisation does not exist here."""


class OutOfMemoryError(SongBloomError):
    """The machine has not as much memory as was needed."""


class MissingExtraError(SongBloomError):
    """A feature needs packages of an extra that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': pip install 'songbloom-x2[{extra}]'")


class LimitError(ConfigError):
    """A request is larger than this server allows."""


class NotFoundError(SongBloomError):
    """There is no such job, song or style, or it belongs to somebody else."""


class ConflictError(SongBloomError):
    """What is asked does not go with the state that something is in."""


class StorageError(SongBloomError):
    """The database or the data folder cannot be used at the moment; trying again later may help."""

    retry_after = 5.0
    """Seconds."""


class QueueFullError(SongBloomError):
    """The queue takes no more jobs at the moment."""

    def __init__(self, message: str, retry_after: float) -> None:
        """``retry_after``: seconds until there is likely to be room."""
        super().__init__(message)
        self.retry_after = retry_after


class QuotaError(QueueFullError):
    """An owner has used up what it may ask for."""


class CancelledError(SongBloomError):
    """The caller asked to stop; nothing half-made was kept."""

    exit_code = 130
