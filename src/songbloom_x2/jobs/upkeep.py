"""What has to be done now and then: lost jobs, songs past their time, files that belong to nothing.

Several servers may do it on the same database and folder; each step is harmless when it is done twice.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time

import sqlalchemy as sa

from songbloom_x2.config import JobsConfig
from songbloom_x2.errors import StorageError
from songbloom_x2.jobs.claims import Claims
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.files import DataFolder
from songbloom_x2.jobs.staff import Staff
from songbloom_x2.jobs.tables import jobs, songs, styles

_EVERY_SECONDS = 60.0
_LEASES_SECONDS = 5.0
_DAY = 86400.0
_GIGABYTE = 1e9
_MOST_AT_ONCE = 500

_log = logging.getLogger(__name__)


class Upkeep:
    """Keeps database and folder in order."""

    def __init__(
        self, database: Database, folder: DataFolder, claims: Claims, staff: Staff, config: JobsConfig
    ) -> None:
        """Nothing is done yet."""
        self._database = database
        self._folder = folder
        self._claims = claims
        self._staff = staff
        self._config = config
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Do it from time to time, in a thread, if that is not there yet."""
        if self._thread is not None:
            return
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def once(self) -> None:
        """Everything there is to do now. Raises ``StorageError``."""
        self._claims.reap()
        self._staff.forget_gone()
        self.put_away_old()
        self.purge()
        self.sweep()

    def put_away_old(self) -> None:
        """Delete songs by age and size, favourites excepted; they can still be brought back for a while."""
        mine = songs.c.created.is_not(None) & songs.c.deleted.is_(None) & songs.c.favourite.is_(False)
        now = time.time()
        if self._config.keep_days is not None:
            old = mine & (songs.c.created < now - self._config.keep_days * _DAY)
            with self._database.write() as connection:
                connection.execute(sa.update(songs).where(old).values(deleted=now))
        if self._config.keep_gigabytes is None:
            return
        with self._database.write() as connection:
            there = songs.c.created.is_not(None) & songs.c.deleted.is_(None)
            total = connection.execute(sa.select(sa.func.sum(songs.c.bytes)).where(there)).scalar_one() or 0
            excess = float(total) - self._config.keep_gigabytes * _GIGABYTE
            oldest = sa.select(songs.c.id, songs.c.bytes).where(mine).order_by(songs.c.created)
            chosen = []
            for row in connection.execute(oldest).all() if excess > 0 else ():
                if excess <= 0:
                    break
                chosen.append(row.id)
                excess -= row.bytes
            for first in range(0, len(chosen), _MOST_AT_ONCE):
                some = songs.c.id.in_(chosen[first : first + _MOST_AT_ONCE])
                connection.execute(sa.update(songs).where(some).values(deleted=now))

    def purge(self) -> None:
        """Songs and styles that were deleted long enough ago go for good: first the row, then the files."""
        before = time.time() - self._config.trash_days * _DAY
        with self._database.write() as connection:
            gone = sa.delete(songs).where(songs.c.created.is_not(None), songs.c.deleted < before)
            folders = connection.execute(gone.returning(songs.c.folder)).scalars().all()
            unused = sa.delete(styles).where(styles.c.deleted < before).returning(styles.c.id)
            files = connection.execute(unused).scalars().all()
        for folder in folders:
            self._folder.remove_song(folder)
        for file in files:
            with contextlib.suppress(OSError):
                self._folder.style_file(file).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Take away files that no song has and no worker is writing."""
        # What lies there is looked up before what is known: whoever writes has its claim before its first file.
        folders, live = self._folder.song_folders(), self._folder.live_songs()
        with self._database.read() as connection:
            recorded = set(connection.execute(sa.select(songs.c.folder).where(songs.c.folder.is_not(None))).scalars())
            held = sa.select(songs.c.id, jobs.c.attempts).join(jobs, jobs.c.id == songs.c.job)
            making = connection.execute(held.where(jobs.c.state == "running")).all()
        written = recorded | {f"{row.id}.{row.attempts}" for row in making}
        for path, name in folders.items():
            if name not in written or (path.name != name and name in recorded):
                shutil.rmtree(path, ignore_errors=True)
        being_made = {row.id for row in making}
        for path, song in live.items():
            if song not in being_made:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    def _run(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(_LEASES_SECONDS):
            everything = time.monotonic() - last >= _EVERY_SECONDS
            if everything:
                last = time.monotonic()
            self._guarded(everything)

    def _guarded(self, everything: bool) -> None:
        try:
            if everything:
                self.once()
            else:
                self._claims.reap()
        except (StorageError, OSError) as error:
            _log.warning("%s", error)
