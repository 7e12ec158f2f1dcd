"""How far a pull has come (pure), for Events while it goes on.

A runtime tells what it is fetching now, but not for which image, nor what it has fetched before: so
what was seen and is gone counts as fetched, and what other pulls fetch at the same time is counted
with it.
"""

from collections.abc import Iterable

from kernel.cri.measuring import Download

_MEBIBYTE = 1 << 20


class PullProgress:
    """What was seen of the downloads during one pull."""

    def __init__(self) -> None:
        self._totals: dict[str, int] = {}
        self._fetched: dict[str, int] = {}

    def see(self, downloads: Iterable[Download]) -> str:
        """Take in what is being fetched now; answers `12.3 MiB of 45.6 MiB`, empty as long as
        there is nothing to tell."""
        self._fetched = dict(self._totals)
        for download in downloads:
            self._totals[download.name] = max(download.total_bytes, download.fetched_bytes)
            self._fetched[download.name] = download.fetched_bytes
        total_bytes = sum(self._totals.values())
        if not total_bytes:
            return ""
        return f"{_mebibytes(sum(self._fetched.values()))} of {_mebibytes(total_bytes)}"


def _mebibytes(number: int) -> str:
    return f"{number / _MEBIBYTE:.1f} MiB"
