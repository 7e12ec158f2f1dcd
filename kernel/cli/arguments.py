"""What can be typed after `podkernel`."""

import argparse
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

MOMENT = "a revision (42), a time (2026-01-31T12:00:00Z), or how long ago (-5m, -2h30m)"

_AGO = re.compile(r"-\d[\ddhms]*[dhms]")


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments, understood; `module` is the one in `kernel.cli` that runs the command. Exits
    with code 2 where they make no sense."""
    # `-5m` is no option: argparse takes what has a space in it for a value.
    shielded = [f" {one}" if _AGO.fullmatch(one) else one for one in arguments]
    return _parser().parse_args(shielded)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="podkernel",
        description="The kernel of Kubernetes: an event log, reconcilers, and Pods that run.",
    )
    parser.add_argument("--version", action="version", version=f"podkernel {version('podkernel')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_dev(commands)
    _add_get(commands)
    _add_log(commands)
    _add_diff(commands)
    _add_why(commands)
    _add_copies(commands)
    _add_care(commands)
    _add_projections(commands)
    _add_replay(commands)
    return parser


def _add_command(
    commands: Commands, name: str, summary: str, *, module: str = "", description: str = ""
) -> argparse.ArgumentParser:
    """A command that `kernel.cli.<module>` runs; the module has its name unless given."""
    command = commands.add_parser(name, help=summary, description=description or None)
    command.set_defaults(module=module or name)
    command.add_argument(
        "--data-dir",
        type=Path,
        metavar="D",
        help="where the event log and all else is kept (default: the platform's data directory)",
    )
    return command


def _add_dev(commands: Commands) -> None:
    dev = _add_command(
        commands,
        "dev",
        "serve the API and run Pods until Ctrl-C",
        description="Serve the Kubernetes API on this machine and run Pods, until Ctrl-C.",
    )
    dev.add_argument("manifests", nargs="*", type=Path, metavar="MANIFEST", help="YAML or JSON")
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
    dev.add_argument(
        "--static-pods",
        metavar="PLACE",
        help="where static Pods are: a directory, or a URL that is asked every 20 s",
    )
    dev.add_argument(
        "--static-pods-header",
        dest="static_pods_headers",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="a header to ask that URL with (may be given several times)",
    )
    _add_plugins(dev)
    dev.add_argument("--node-name", default="", metavar="N", help="default: this host's name")
    dev.add_argument(
        "--durability",
        default="disk",
        choices=["disk", "process"],
        help="what an acknowledged write survives: a power cut, or only this process's death "
        "(default: %(default)s)",
    )
    dev.add_argument(
        "--retain-age",
        default="24h",
        metavar="AGE",
        help="how long the past is kept, such as 90m or 7d (default: %(default)s)",
    )
    dev.add_argument(
        "--retain-entries",
        type=int,
        default=1_000_000,
        metavar="N",
        help="how many of the newest entries are kept at most (default: %(default)s)",
    )
    dev.add_argument(
        "--node-limit",
        dest="node_limits",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="from when on the node clears up, such as container-log-bytes-max=1Mi or "
        "image-gc-high-threshold-percent=100; may be given several times",
    )
    dev.add_argument(
        "--on-exit",
        default="stop",
        choices=["stop", "keep"],
        help="what happens to running Pods at the end (default: stop; both go on at the next "
        "start)",
    )


def _add_get(commands: Commands) -> None:
    get = _add_command(
        commands,
        "get",
        "print objects as they are, or were",
        description="Print objects as they are, or were, from the files of a data directory: "
        "beside a running server, or where none runs.",
    )
    get.add_argument("kind", metavar="KIND", help="such as pods, po or pod (or KIND/NAME)")
    get.add_argument("name", nargs="?", default="", metavar="NAME")
    _add_namespace(get)
    get.add_argument("-A", "--all-namespaces", action="store_true", help="of all namespaces")
    get.add_argument("-l", "--selector", default="", metavar="S", help="a label selector")
    get.add_argument(
        "-o",
        "--output",
        default="table",
        choices=["table", "wide", "yaml", "json", "name"],
        help="default: %(default)s, with kubectl's columns",
    )
    _add_at(get)
    _add_plugins(get)


def _add_log(commands: Commands) -> None:
    log = _add_command(
        commands,
        "log",
        "print the event log, or what changed in one object",
        description="Print the event log, a line an entry; of one object, also what each entry "
        "changed, and which entry caused it.",
    )
    log.add_argument("object", nargs="?", default="", metavar="KIND/NAME")
    _add_namespace(log)
    log.add_argument("-f", "--follow", action="store_true", help="go on with new entries")
    log.add_argument("--json", action="store_true", help="a JSON object a line, object included")


def _add_diff(commands: Commands) -> None:
    diff = _add_command(commands, "diff", "print what differs between two states of an object")
    diff.add_argument("object", metavar="KIND/NAME")
    diff.add_argument("before", metavar="MOMENT", help=MOMENT)
    diff.add_argument("after", nargs="?", default="", metavar="MOMENT", help="default: now")
    _add_namespace(diff)


def _add_why(commands: Commands) -> None:
    why = _add_command(
        commands,
        "why",
        "print what led to an object's present state",
        description="Print what led to an object's state, or to the value of one field of it: who "
        "did it, because of what.",
    )
    why.add_argument(
        "object", metavar="KIND/NAME[:FIELD]", help="such as pod/web or pod/web:status.phase"
    )
    _add_namespace(why)
    _add_at(why)


def _add_copies(commands: Commands) -> None:
    fork = _add_command(commands, "fork", "make a new data directory that begins where this one is")
    fork.add_argument(
        "source", nargs="?", type=Path, metavar="DATA", help="default: that of --data-dir"
    )
    fork.add_argument("target", type=Path, metavar="NEW", help="empty or missing")
    _add_at(fork)
    backup = _add_command(commands, "backup", "write the log to a file, also while it is served")
    backup.add_argument("file", type=Path, metavar="FILE")
    restore = _add_command(commands, "restore", "make a data directory from a backup")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument(
        "target",
        nargs="?",
        type=Path,
        metavar="NEW",
        help="empty or missing (default: that of --data-dir)",
    )
    export = _add_command(commands, "export", "write the log as lines of JSON")
    export.add_argument("--json", action="store_true", required=True, help="the one form there is")
    export.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="default: standard output"
    )
    importing = _add_command(
        commands,
        "import",
        "make a data directory from an export",
        module="importing",
        description="Make the data directory, which must be empty or missing, from an export.",
    )
    importing.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="default: standard input"
    )


def _add_care(commands: Commands) -> None:
    _add_command(commands, "verify", "check that the log and all that follows from it are sound")
    compact = _add_command(
        commands,
        "compact",
        "let go of the past",
        description="Let go of the states before a moment; what exists is kept. Not while a server "
        "runs, which does it by itself.",
    )
    compact.add_argument(
        "--at", default="", metavar="MOMENT", help=f"{MOMENT} (default: as `dev` retains)"
    )
    compact.add_argument(
        "--shrink", action="store_true", help="then write the file anew, as small as it can be"
    )


def _add_projections(commands: Commands) -> None:
    projections = _add_command(
        commands,
        "projections",
        "list the projections of plugins, or build one anew",
        description="List what projections of plugins are saved in the log, and how far they have "
        "come; or, where no server runs, build one anew from the log.",
    )
    projections.add_argument(
        "--rebuild", default="", metavar="NAME", help="build this one anew; needs its plugin"
    )
    _add_plugins(projections)


def _add_replay(commands: Commands) -> None:
    replay = _add_command(
        commands,
        "replay",
        "feed an old log to reconcilers, and print what they would have written",
        description="Feed a log, which is only read, to the reconcilers of plugins, and print what "
        "they would have written otherwise. Exits with 1 where anything differs.",
    )
    replay.add_argument("data", type=Path, metavar="DATA", help="a data directory")
    _add_plugins(replay)
    replay.add_argument(
        "--from",
        dest="from_revision",
        type=int,
        metavar="REVISION",
        help="the first entry to replay (default: the oldest that can be)",
    )
    replay.add_argument("--all", action="store_true", help="print what agrees too")


def _add_namespace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--namespace", default="default", help="default: %(default)s")


def _add_at(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--at", default="", metavar="MOMENT", help=f"{MOMENT} (default: now)")


def _add_plugins(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plugin",
        dest="plugins",
        action="append",
        default=[],
        type=Path,
        metavar="P",
        help="a plugin: a .py file, or a folder of them (may be given several times)",
    )
