"""The `podkernel` command: what it understands, and how it says that something is wrong.

Whatever goes wrong for a reason that a user can do something about is one line on standard error
and exit code 1 (2 for arguments that make no sense). A traceback is always a bug of podkernel's.
"""

import argparse
import gc
import importlib
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from kernel.cli.failure import explain, unwrapped

# Objects that a kernel makes live long (caches) or die by reference count; by default a tenth of
# the time of a start, and more of a full scheduler's, goes into looking for cycles among them.
GARBAGE_COLLECTION_THRESHOLDS = (50_000, 20, 50)

COMMANDS = {"dev": "kernel.cli.dev", "log": "kernel.cli.log", "why": "kernel.cli.why"}


def main() -> NoReturn:
    """Run the command that the arguments name, and exit."""
    gc.set_threshold(*GARBAGE_COLLECTION_THRESHOLDS)
    arguments = _parser().parse_args()
    if arguments.data_dir is None:
        arguments.data_dir = _default_data_directory()
    # Only what the command needs is imported: `podkernel log` loads no server.
    command = importlib.import_module(COMMANDS[arguments.command])
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="podkernel",
        description="The kernel of Kubernetes: an event log, reconcilers, and Pods that run.",
    )
    parser.add_argument("--version", action="version", version=f"podkernel {version('podkernel')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_dev(commands)
    _add_log(commands)
    _add_why(commands)
    return parser


def _add_data_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="D",
        help="where the event log and all else is kept (default: the platform's data directory)",
    )


def _add_dev(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    dev = commands.add_parser(
        "dev",
        help="serve the API and run Pods until Ctrl-C",
        description="Serve the Kubernetes API on this machine and run Pods, until Ctrl-C.",
    )
    dev.add_argument("manifests", nargs="*", type=Path, metavar="MANIFEST", help="YAML or JSON")
    _add_data_directory(dev)
    dev.add_argument(
        "--listen",
        default="127.0.0.1:6443",
        metavar="HOST:PORT",
        help="where to serve (default: %(default)s; port 0 picks a free one)",
    )
    dev.add_argument(
        "--runtime",
        default="auto",
        choices=["auto", "containerd", "process", "simulated"],
        help="what runs containers (default: containerd where it answers, else process)",
    )
    dev.add_argument("--containerd-socket", default="", metavar="S", help="containerd's CRI socket")
    dev.add_argument("--static-pods", type=Path, metavar="DIR", help="a directory of static Pods")
    dev.add_argument(
        "--plugin",
        dest="plugins",
        action="append",
        default=[],
        type=Path,
        metavar="P",
        help="a plugin: a .py file, or a folder of them (may be given several times)",
    )
    dev.add_argument("--node-name", default="", metavar="N", help="default: this host's name")
    dev.add_argument(
        "--durability",
        default="disk",
        choices=["disk", "process"],
        help="what an acknowledged write survives: a power cut, or only this process's death "
        "(default: %(default)s)",
    )
    dev.add_argument(
        "--on-exit",
        default="stop",
        choices=["stop", "keep"],
        help="what happens to running Pods at the end (default: stop; both go on at the next "
        "start)",
    )


def _add_log(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    log = commands.add_parser("log", help="print the event log")
    log.add_argument("object", nargs="?", default="", metavar="KIND/NAME")
    log.add_argument("-n", "--namespace", default="default")
    log.add_argument("-f", "--follow", action="store_true", help="go on with new entries")
    log.add_argument("--json", action="store_true", help="a JSON object a line, object included")
    _add_data_directory(log)


def _add_why(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    why = commands.add_parser("why", help="print what led to an object's present state")
    why.add_argument("object", metavar="KIND/NAME")
    why.add_argument("-n", "--namespace", default="default")
    _add_data_directory(why)


if __name__ == "__main__":
    main()
