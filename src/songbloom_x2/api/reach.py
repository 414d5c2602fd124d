"""Who can reach the server: the address it listens at, and the rule that others than this machine need keys."""

from __future__ import annotations

import ipaddress
import socket

from songbloom_x2.config import ServerConfig
from songbloom_x2.errors import ConfigError


def is_local(host: str) -> bool:
    """Whether only this machine reaches a server that listens at this address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_reach(settings: ServerConfig, *, keyed: bool) -> None:
    """Raise ``ConfigError`` where others would reach a server without keys, unless that is asked for."""
    if keyed or settings.insecure or is_local(settings.host):
        return
    raise ConfigError(
        f"server.host {settings.host}: everybody who reaches this address could use the server; make a key with "
        "songbloom keys create NAME, listen at 127.0.0.1, or give --insecure"
    )


def bind(settings: ServerConfig) -> socket.socket:
    """The socket to serve at. Raises ``ConfigError`` where the address is taken or is not this machine's."""
    where = f"server.host {settings.host}, server.port {settings.port}"
    if not 0 <= settings.port <= 65535:
        raise ConfigError(f"server.port {settings.port}: must be from 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{where}: cannot be used: {_reason(error)}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ConfigError(f"{where}: cannot be used: {_reason(error)}; choose another --port") from None
    return listener


def _reason(error: OSError | UnicodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
