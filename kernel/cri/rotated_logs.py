"""The names of log files that were moved aside as full, the kubelet's way.

0.log                       what the container writes to
0.log.20261120-104129       moved aside last, at that time; still plain, as somebody may read it
0.log.20261120-093000.gz    moved aside before
"""

import re
from datetime import datetime
from pathlib import Path

COMPRESSED = ".gz"
UNFINISHED = ".tmp"

_STAMP_FORMAT = "%Y%m%d-%H%M%S"
_ROTATED = re.compile(r"(\d{8}-\d{6})(\.gz)?")


def rotated_name(path: Path, moment: datetime) -> Path:
    """Where the log at `path` is moved to at that time."""
    return path.with_name(f"{path.name}.{moment.strftime(_STAMP_FORMAT)}")


def rotated_logs(path: Path) -> dict[str, Path]:
    """The files that were moved aside from `path`, the oldest first, by the text of their time.
    Of one that is there in both forms, the plain one counts: the other may not be whole."""
    found: dict[str, Path] = {}
    prefix = f"{path.name}."
    try:
        names = [entry for entry in path.parent.iterdir() if entry.name.startswith(prefix)]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for entry in sorted(names, reverse=True):  # the plain form comes last, and stays
        match = _ROTATED.fullmatch(entry.name.removeprefix(prefix))
        if match:
            found[match[1]] = entry
    return dict(sorted(found.items()))
