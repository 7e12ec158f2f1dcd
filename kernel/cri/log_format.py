"""The form of a line in a CRI log file.

Standard library alone: the process runtime's shim writes it, too. The form is CRI's: time, stream,
`F` for a full line or `P` for a part of one that goes on in the next entry, and the content:

    2026-11-20T10:00:00.000000000Z stdout F hello
"""

import time

# As containerd has it: longer lines are cut into entries of this size, tagged P but for the last.
PART_BYTES_MAX = 16 * 1024
_NANOSECONDS_PER_SECOND = 1_000_000_000


def format_time(nanoseconds: int) -> bytes:
    """RFC 3339 in UTC with nine digits: `2026-11-20T10:00:00.000000000Z`."""
    seconds, fraction = divmod(nanoseconds, _NANOSECONDS_PER_SECOND)
    parts = time.gmtime(seconds)
    return b"%04d-%02d-%02dT%02d:%02d:%02d.%09dZ" % (*parts[:6], fraction)


def format_entry(nanoseconds: int, stream: str, content: bytes, *, partial: bool = False) -> bytes:
    """One entry with its newline; `content` holds no newline."""
    tag = b"P" if partial else b"F"
    return b"%b %b %b %b\n" % (format_time(nanoseconds), stream.encode(), tag, content)
