"""API keys in the database: made, listed, revoked, and checked at every request."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa

from songbloom_x2.errors import ConfigError, NotFoundError
from songbloom_x2.jobs.database import Database
from songbloom_x2.jobs.key_tokens import KeyToken, matches, new_token, parse_token
from songbloom_x2.jobs.records import Owner
from songbloom_x2.jobs.tables import keys

Scope = Literal["read", "make", "models", "metrics", "admin"]
"""What a key may do: look and listen; make and delete its own; load and unload models; read metrics; everything, also
what belongs to others."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
DEFAULT_SCOPES: tuple[Scope, ...] = ("read", "make")
_NOBODY = "0" * 64
_USED_EVERY = 60.0
"""Seconds between two notes of when a key was used: not every request is a write."""


@dataclass(frozen=True)
class KeyLimits:
    """What the owner of a key may ask for; none: the server's limits (section limits of the settings)."""

    priority: int = 0
    max_running: int | None = None
    max_queued: int | None = None
    max_songs_per_day: int | None = None


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret, which nobody has but the client. Times are seconds since 1970."""

    id: str
    name: str
    owner: str
    scopes: tuple[Scope, ...]
    limits: KeyLimits
    created: float
    used: float | None = None
    revoked: float | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the key is allowed to do this."""
        return scope in self.scopes or "admin" in self.scopes

    def as_owner(self) -> Owner:
        """Whose jobs and songs are seen with it."""
        return Owner(
            self.owner,
            everything="admin" in self.scopes,
            priority=self.limits.priority,
            max_running=self.limits.max_running,
            max_queued=self.limits.max_queued,
            max_songs_per_day=self.limits.max_songs_per_day,
        )


class KeyStore:
    """The table of keys."""

    def __init__(self, database: Database) -> None:
        """``database``: migrated."""
        self._database = database

    def create(
        self,
        name: str,
        scopes: tuple[Scope, ...] = DEFAULT_SCOPES,
        limits: KeyLimits | None = None,
        *,
        owner: str | None = None,
    ) -> tuple[ApiKey, KeyToken]:
        """A new key and, this once, its secret. ``owner``: whose songs it opens; none: its own.

        Raises ``ConfigError`` for a name or limits that cannot be, ``NotFoundError`` for an owner without any key.
        """
        limits = limits or KeyLimits()
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise ConfigError("a key's name must be 1 to 100 printable characters, for example who has it")
        for field in ("max_running", "max_queued", "max_songs_per_day"):
            value = getattr(limits, field)
            if value is not None and value < 1:
                raise ConfigError(f"{field.replace('_', '-')} {value}: must be 1 or more")
        if not -10 <= limits.priority <= 10:
            raise ConfigError(f"priority {limits.priority}: must be from -10 to 10")
        token = new_token()
        key = ApiKey(token.id, name.strip(), owner or token.id, scopes, limits, time.time())
        with self._database.write() as connection:
            if owner is not None and not connection.scalar(sa.select(keys.c.id).where(keys.c.owner == owner).limit(1)):
                raise NotFoundError(f"owner '{owner[:64]}': no key has it; songbloom keys list shows them")
            connection.execute(
                keys.insert().values(
                    id=key.id,
                    name=key.name,
                    owner=key.owner,
                    secret_sha256=token.secret_hash,
                    scopes=list(scopes),
                    priority=limits.priority,
                    max_running=limits.max_running,
                    max_queued=limits.max_queued,
                    max_songs_per_day=limits.max_songs_per_day,
                    created=key.created,
                )
            )
        return key, token

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first, revoked ones included."""
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(sa.select(keys).order_by(keys.c.created, keys.c.id))]

    def revoke(self, id: str) -> ApiKey:
        """End a key; from the next request on it opens nothing. Raises ``NotFoundError``."""
        with self._database.write() as connection:
            connection.execute(
                keys.update().where(keys.c.id == id, keys.c.revoked.is_(None)).values(revoked=time.time())
            )
            row = connection.execute(sa.select(keys).where(keys.c.id == id)).first()
        if row is None:
            raise NotFoundError(f"key '{id[:64]}': there is none; songbloom keys list shows them")
        return _key(row)

    def needed(self) -> bool:
        """Whether there was ever a key: from then on the server asks for one, also when the last is revoked."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(keys.c.id).limit(1)) is not None

    def check(self, text: str) -> ApiKey | None:
        """The key behind what a client sent, or none. An unknown id is compared too, so that it takes as long."""
        token = parse_token(text)
        if token is None:
            return None
        with self._database.read() as connection:
            row = connection.execute(sa.select(keys).where(keys.c.id == token.id)).first()
        good = matches(token, _NOBODY if row is None else row.secret_sha256)
        if row is None or not good or row.revoked is not None:
            return None
        key, now = _key(row), time.time()
        if key.used is None or now - key.used > _USED_EVERY:
            with self._database.write() as connection:
                connection.execute(keys.update().where(keys.c.id == key.id).values(used=now))
        return key


def scopes_of(text: str) -> tuple[Scope, ...]:
    """``read,make`` as scopes. Raises ``ConfigError`` for one that does not exist."""
    named = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [part for part in named if part not in SCOPES]
    if unknown or not named:
        raise ConfigError(f"scopes '{text[:80]}': must be one or more of {', '.join(SCOPES)}, with commas between")
    return tuple(scope for scope in SCOPES if scope in named)


def _key(row: sa.Row[Any]) -> ApiKey:
    limits = KeyLimits(row.priority, row.max_running, row.max_queued, row.max_songs_per_day)
    return ApiKey(row.id, row.name, row.owner, tuple(row.scopes), limits, row.created, row.used, row.revoked)
