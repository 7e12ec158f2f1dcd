"""Imports what the server needs of others, beside the work that a start has to do anyway."""

import importlib
from contextlib import suppress
from threading import Thread

_MODULES = ("aiohttp.web",)


def preload() -> None:
    """Begin to import in a thread. aiohttp reads this machine's certificate authorities while it is
    imported, which is a fifth of a start, and needs no interpreter."""
    Thread(target=_import_all, daemon=True).start()


def _import_all() -> None:
    # Whoever needs the module meets its failure.
    with suppress(Exception):
        for name in _MODULES:
            importlib.import_module(name)
