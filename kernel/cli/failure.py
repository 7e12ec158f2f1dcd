"""Which failures are a user's to mend, and the one line that says how."""

import sys


class CommandFailure(Exception):
    """A command can't do what it was asked; the message is one line for a person."""


# Modules whose exceptions carry such a line, and the names of these exceptions. They are not
# imported for this: an exception can only have been raised by a module that is loaded already.
_EXPLAINED = {
    "kernel.api.errors": ("ApiError",),
    "kernel.api.manifest": ("ManifestError",),
    "kernel.apiserver.server": ("ListenFailure",),
    "kernel.cli.failure": ("CommandFailure",),
    "kernel.cli.lookup": ("LookupFailure",),
    "kernel.control.plugin": ("PluginError",),
    "kernel.cri.runtime": ("RuntimeFailure",),
    "kernel.store.errors": ("StoreError",),
}


def unwrapped(error: BaseException) -> BaseException:
    """The failure itself: task groups wrap what they raise in groups, and a group of one is what
    is in it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def explain(error: BaseException) -> str | None:
    """The line for a user, or None for a failure that is a bug."""
    error = unwrapped(error)
    for module, names in _EXPLAINED.items():
        loaded = sys.modules.get(module)
        if loaded and isinstance(error, tuple(getattr(loaded, name) for name in names)):
            return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return None
