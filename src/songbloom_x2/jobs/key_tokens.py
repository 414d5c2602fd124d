"""API keys as text: how one is made, taken apart and compared. Only a hash of the secret is ever kept.

``sbx_<id>_<secret>``: the id finds the record, the secret has 256 random bits, so that a plain SHA-256 of it cannot be
turned back and needs no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_FORM = re.compile(r"sbx_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class KeyToken:
    """A key as the client has it."""

    id: str
    secret: str

    @property
    def text(self) -> str:
        """What the client sends."""
        return f"sbx_{self.id}_{self.secret}"

    @property
    def secret_hash(self) -> str:
        """What is kept of it."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


def new_token() -> KeyToken:
    """A key that nobody has."""
    return KeyToken(secrets.token_hex(8), secrets.token_urlsafe(32))


def parse_token(text: str) -> KeyToken | None:
    """The key, or none where the text has not its form."""
    found = _FORM.fullmatch(text)
    return None if found is None else KeyToken(found[1], found[2])


def matches(token: KeyToken, secret_hash: str) -> bool:
    """Whether this is the key whose hash is kept; takes the same time wherever they differ."""
    return hmac.compare_digest(token.secret_hash, secret_hash)
