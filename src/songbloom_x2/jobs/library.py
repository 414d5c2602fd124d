"""Finished songs and uploaded styles, in SQL. Knows no files but their names."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from songbloom_x2.errors import ConflictError, NotFoundError, QuotaError
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.records import Owner, SongRecord, StyleRecord
from songbloom_x2.jobs.tables import songs, styles


@dataclass(frozen=True)
class ShelvedSong:
    """A song and the name of its folder."""

    record: SongRecord
    folder: str


class SongLibrary:
    """Songs by id, owner and search."""

    def __init__(self, database: Database) -> None:
        """``database``: migrated."""
        self._database = database

    def song(self, id: str, owner: Owner, *, deleted: bool = False) -> ShelvedSong:
        """One finished song; ``deleted``: also a deleted one. Raises ``NotFoundError``, also for somebody else's."""
        with self._database.read() as connection:
            return _shelved(self._row(connection, id, owner, deleted=deleted))

    def job_of(self, id: str, owner: Owner) -> str:
        """The job that makes a song, or made it. Raises ``NotFoundError``."""
        wanted = sa.select(songs.c.job).where(songs.c.id == id, songs.c.deleted.is_(None), _seen_by(owner))
        with self._database.read() as connection:
            found = connection.execute(wanted).scalar_one_or_none()
        if found is None:
            raise NotFoundError("there is no such song")
        return str(found)

    def songs(
        self,
        owner: Owner,
        *,
        search: str | None = None,
        favourite: bool | None = None,
        deleted: bool = False,
        job: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[SongRecord]:
        """The newest first. ``search``: all these words in title, lyrics or style; ``before``: older than it."""
        wanted = sa.select(songs).where(songs.c.created.is_not(None), _seen_by(owner))
        wanted = wanted.where(songs.c.deleted.is_not(None) if deleted else songs.c.deleted.is_(None))
        if favourite is not None:
            wanted = wanted.where(songs.c.favourite == favourite)
        if job is not None:
            wanted = wanted.where(songs.c.job == job)
        for word in (search or "").split()[:20]:
            columns = (songs.c.title, songs.c.lyrics, songs.c.style)
            wanted = wanted.where(sa.or_(*(column.icontains(word, autoescape=True) for column in columns)))
        wanted = wanted.order_by(songs.c.created.desc(), songs.c.id).limit(limit)
        with self._database.read() as connection:
            if before is not None:
                mark = self._row(connection, before, owner, deleted=True)
                older = (songs.c.created < mark.created) | ((songs.c.created == mark.created) & (songs.c.id > mark.id))
                wanted = wanted.where(older)
            return [_record(row) for row in connection.execute(wanted)]

    def change(self, id: str, owner: Owner, values: Mapping[str, Any]) -> SongRecord:
        """Title or favourite. Raises ``NotFoundError``."""
        with self._database.write() as connection:
            self._row(connection, id, owner)
            connection.execute(sa.update(songs).where(songs.c.id == id).values(dict(values)))
            return _record(self._row(connection, id, owner))

    def delete(self, id: str, owner: Owner) -> SongRecord:
        """Put a song away; ``undelete`` brings it back until it is purged."""
        with self._database.write() as connection:
            self._row(connection, id, owner)
            connection.execute(sa.update(songs).where(songs.c.id == id).values(deleted=time.time()))
            return _record(self._row(connection, id, owner, deleted=True))

    def undelete(self, id: str, owner: Owner) -> SongRecord:
        """Bring a deleted song back. Raises ``NotFoundError``; ``ConflictError`` where it is not deleted."""
        with self._database.write() as connection:
            if self._row(connection, id, owner, deleted=True).deleted is None:
                raise ConflictError(f"song {id} is not deleted")
            connection.execute(sa.update(songs).where(songs.c.id == id).values(deleted=None))
            return _record(self._row(connection, id, owner))

    def _row(self, connection: Connection, id: str, owner: Owner, *, deleted: bool = False) -> Row[Any]:
        wanted = sa.select(songs).where(songs.c.id == id, songs.c.created.is_not(None), _seen_by(owner))
        if not deleted:
            wanted = wanted.where(songs.c.deleted.is_(None))
        row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFoundError("there is no such song")
        return row


class StyleLibrary:
    """Uploaded styles by id and owner."""

    def __init__(self, database: Database) -> None:
        """``database``: migrated."""
        self._database = database

    def add(self, id: str, owner: Owner, *, name: str, sha256: str, seconds: float, most: int) -> StyleRecord:
        """Record an uploaded style; the same sound under the same name is the one that is there already.

        Raises ``QuotaError`` where the owner has ``most`` already.
        """
        mine = (styles.c.owner == owner.id) & styles.c.deleted.is_(None)
        same = mine & (styles.c.sha256 == sha256) & (styles.c.name == name)
        with self._database.write() as connection:
            if (known := connection.execute(sa.select(styles).where(same).limit(1)).one_or_none()) is not None:
                return _style(known)
            owned = sa.select(sa.func.count()).select_from(styles)
            count = connection.execute(owned.where(styles.c.owner == owner.id, styles.c.deleted.is_(None))).scalar_one()
            if count >= most:
                raise QuotaError(f"{count} styles are kept already; delete one first", 60.0)
            now = time.time()
            values = {"id": id, "owner": owner.id, "name": name, "file": id, "sha256": sha256, "seconds": seconds}
            connection.execute(sa.insert(styles).values(**values, created=now))
            return StyleRecord(id, name, "upload", seconds=seconds, created=now, owner=owner.id)

    def styles(self, owner: Owner) -> list[StyleRecord]:
        """The newest first."""
        wanted = sa.select(styles).where(styles.c.deleted.is_(None)).order_by(styles.c.created.desc())
        if not owner.everything:
            wanted = wanted.where(styles.c.owner == owner.id)
        with self._database.read() as connection:
            return [_style(row) for row in connection.execute(wanted)]

    def style(self, id: str, owner: Owner) -> StyleRecord:
        """One of them. Raises ``NotFoundError``."""
        wanted = sa.select(styles).where(styles.c.id == id, styles.c.deleted.is_(None))
        if not owner.everything:
            wanted = wanted.where(styles.c.owner == owner.id)
        with self._database.read() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFoundError("there is no such style")
        return _style(row)

    def delete(self, id: str, owner: Owner) -> None:
        """Jobs that wait may still use it; its file goes later. Raises ``NotFoundError``."""
        self.style(id, owner)
        with self._database.write() as connection:
            connection.execute(sa.update(styles).where(styles.c.id == id).values(deleted=time.time()))


def _seen_by(owner: Owner) -> sa.ColumnElement[bool]:
    return sa.true() if owner.everything else songs.c.owner == owner.id


def _shelved(row: Row[Any]) -> ShelvedSong:
    return ShelvedSong(_record(row), row.folder)


def _record(row: Row[Any]) -> SongRecord:
    return SongRecord(
        id=row.id,
        job=row.job,
        owner=row.owner,
        sample=row.sample,
        kind=row.kind,
        title=row.title,
        lyrics=row.lyrics,
        style=row.style,
        model=row.model,
        seed=row.seed,
        seconds=row.seconds,
        sample_rate=row.sample_rate,
        sha256=row.sha256,
        bytes=row.bytes,
        files=tuple(row.files),
        created=row.created,
        favourite=row.favourite,
        deleted=row.deleted,
        parents=tuple(row.parents),
    )


def _style(row: Row[Any]) -> StyleRecord:
    return StyleRecord(row.id, row.name, "upload", seconds=row.seconds, created=row.created, owner=row.owner)
