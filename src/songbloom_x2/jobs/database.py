"""The database: one engine, transactions that read or write, and the migrations. SQLite or PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from songbloom_x2.errors import ConfigError, StorageError

_BUSY_SECONDS = 20
_MIGRATION_LOCK = 0x536F6E67


class Database:
    """Transactions on one database, for several threads and processes at once."""

    def __init__(self, url: str) -> None:
        """``url``: ``sqlite:///FILE`` or ``postgresql://…``. Raises ``ConfigError`` for any other."""
        self.url = url
        self._engine = _engine(url)
        self.sqlite = self._engine.dialect.name == "sqlite"
        # SQLite has one writer; waiting here is fair, its own busy handler is not.
        self._turn = threading.Lock() if self.sqlite else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing. Raises ``StorageError`` where the database cannot be used."""
        with _told(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or not at all.

        On SQLite it is the only writer from its beginning on. Raises as ``read``; ``IntegrityError`` is the caller's.
        """
        if self._turn is not None:
            self._turn.acquire()
        try:
            with _told(), self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                yield connection
        finally:
            if self._turn is not None:
                self._turn.release()

    def now(self) -> sa.ColumnElement[float]:
        """The time by the database's clock, in seconds since 1970: leases of several machines are held against it."""
        if self.sqlite:
            return sa.literal(time.time())
        return sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.Float(53))

    def migrate(self) -> None:
        """Create the tables, or bring them to this version. Several processes may do so at the same time."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.write() as connection:
            if not self.sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise ConfigError("jobs.database: not a database URL; write sqlite:///FILE or postgresql://…") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    name = parsed.get_backend_name()
    if name not in ("sqlite", "postgresql"):
        raise ConfigError(f"jobs.database: '{name}' is not supported; use sqlite:///FILE or postgresql://…")
    arguments: dict[str, Any] = {"timeout": _BUSY_SECONDS} if name == "sqlite" else {"connect_timeout": 5}
    try:
        engine = sa.create_engine(parsed, connect_args=arguments, pool_pre_ping=name != "sqlite", pool_size=10)
    except (NoSuchModuleError, ImportError, ArgumentError, SQLAlchemyError) as error:
        raise ConfigError(f"jobs.database: no driver for '{parsed.drivername}': {error}") from None
    if name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver shall not begin transactions by itself: _begin_sqlite does.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _told() -> Iterator[None]:
    """Database errors as one line; broken constraints stay what they are."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())[:200]
        raise StorageError(f"the database cannot be used at the moment: {reason}") from error
    except SQLAlchemyError as error:
        raise StorageError(f"the database cannot be used at the moment: {type(error).__name__}") from error
