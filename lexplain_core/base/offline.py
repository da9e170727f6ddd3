"""Nothing is fetched from a network while a store says what to load: libraries find it in their caches, or fail."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from threading import Lock
from typing import Any

from .errors import UserError

_OFFLINE: ContextVar[bool] = ContextVar("offline", default=False)
# What every download of the libraries goes through, but for the hub's, which has a switch of its own.
_GUARDED = ((urllib.request.OpenerDirector, "open"), (socket.socket, "connect"))
_MARK = "asks_first"  # an attribute of what is guarded
_lock = Lock()
_inside, _hub_before = 0, False


class NoNetwork(OSError):
    """An attempt to fetch something inside `offline`."""


def is_offline() -> bool:
    return _OFFLINE.get()


def not_in_cache(what: str) -> UserError:
    """For what a store names by a library's name, and this machine hasn't got."""
    return UserError(
        f"{what} can't be had from the library's cache on this machine, and nothing is downloaded because a store names it: a build "
        "that names them fetches them."
    )


@contextmanager
def offline() -> Iterator[None]:
    """Inside, any connection that this thread asks for fails with `NoNetwork`, and Hugging Face reads its cache alone."""
    _guard()
    _hub(1)
    token = _OFFLINE.set(True)
    try:
        yield
    finally:
        _OFFLINE.reset(token)
        _hub(-1)


def _guard() -> None:
    for owner, name in _GUARDED:
        original = getattr(owner, name)
        if not getattr(original, _MARK, False):
            setattr(owner, name, _asking(original))


def _asking(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(self: object, *args: Any, **kwargs: Any) -> Any:
        if _OFFLINE.get():
            raise NoNetwork("nothing is downloaded because a store names it")
        return original(self, *args, **kwargs)

    setattr(call, _MARK, True)
    return call


def _hub(step: int) -> None:
    """Switch Hugging Face's libraries to their cache while anybody is inside; its switch is the process's."""
    global _inside, _hub_before
    try:
        from huggingface_hub import constants
    except ImportError:
        return
    with _lock:
        if _inside == 0:
            _hub_before = constants.HF_HUB_OFFLINE
        _inside += step
        constants.HF_HUB_OFFLINE = True if _inside else _hub_before
