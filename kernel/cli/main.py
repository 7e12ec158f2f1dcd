"""The `podkernel` command: what it understands, and how it says that something is wrong.

Whatever goes wrong for a reason that a user can do something about is one line on standard error
and exit code 1 (2 for arguments that make no sense). A traceback is always a bug of podkernel's.
"""

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import NoReturn

from kernel.apiserver.preloading import preload
from kernel.cli.arguments import parse_arguments
from kernel.cli.failure import explain, unwrapped

# Objects that a kernel makes live long (caches) or die by reference count; by default a tenth of
# the time of a start, and more of a full scheduler's, goes into looking for cycles among them.
GARBAGE_COLLECTION_THRESHOLDS = (50_000, 20, 50)

_SERVER = "dev"


def main() -> NoReturn:
    """Run the command that the arguments name, and exit."""
    gc.set_threshold(*GARBAGE_COLLECTION_THRESHOLDS)
    arguments = parse_arguments(sys.argv[1:])
    if arguments.data_dir is None:
        arguments.data_dir = _default_data_directory()
    if arguments.module == _SERVER:
        preload()
    # Only what the command needs is imported: `podkernel log` loads no server.
    command = importlib.import_module(f"kernel.cli.{arguments.module}")
    try:
        code: int = command.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        code = _report(error)
    sys.exit(code)


def _report(error: Exception) -> int:
    """Say what went wrong, and answer the exit code; a bug of ours is raised again."""
    if isinstance(unwrapped(error), BrokenPipeError):
        # The reader of our output (head, less) has gone. Nothing is left to be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    message = explain(error)
    if message is None:
        raise error
    for line in message.splitlines():
        print(f"podkernel: {line}", file=sys.stderr)
    return 1


def _default_data_directory() -> Path:
    import platformdirs

    return platformdirs.user_data_path("podkernel", appauthor=False)


if __name__ == "__main__":
    main()
