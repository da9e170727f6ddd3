"""At which address a server listens, and who can reach it there."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from .errors import UserError, quote

LOCAL = "127.0.0.1"


def this_machine_alone(address: str | None) -> bool:
    """Whether a server with this address is reached from this machine alone. Without one it listens everywhere."""
    if (address or "").lower() == "localhost":
        return True
    try:
        return ip_address(address or "").is_loopback
    except ValueError:  # none, another host's name, or a socket, which a proxy stands before
        return False


def check_address(address: str) -> None:
    """Raise `UserError` for an address that this machine can't listen on."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        if not address:
            raise ValueError("it would listen everywhere")
        socket.create_server((address, 0), family=family).close()
    except (OSError, UnicodeError, ValueError):  # another machine's, or no address at all
        raise UserError(
            f"--address {quote(address)} is no address of this machine; 0.0.0.0 listens on all that it has."
        ) from None
