"""One entry of a container's log in CRI's format, read; `log_format` writes them."""

from datetime import datetime

from kernel.clock import NANOSECONDS_PER_SECOND

_FRACTION_DIGITS = 9


class Entry:
    """One entry of a log file. `time` is as it is written; `partial`: its line goes on."""

    __slots__ = ("content", "partial", "stream", "time")

    def __init__(self, time: bytes, stream: bytes, partial: bool, content: bytes) -> None:
        self.time = time
        self.stream = stream
        self.partial = partial
        self.content = content

    def nanoseconds(self) -> int:
        """The time as nanoseconds since the epoch. Raises `ValueError` if it isn't RFC 3339."""
        text = self.time.decode()
        moment, rest = text[:19], text[19:].replace("Z", "+00:00")
        digits, fraction = "", rest
        if rest.startswith("."):
            fraction = rest[1:].lstrip("0123456789")
            digits = rest[1 : len(rest) - len(fraction)]
        seconds = int(datetime.fromisoformat(moment + fraction).timestamp())
        return seconds * NANOSECONDS_PER_SECOND + int(digits[:9].ljust(_FRACTION_DIGITS, "0"))


def parse_entry(line: bytes) -> Entry | None:
    """An entry without its newline; None if it is not in CRI's format."""
    parts = line.split(b" ", 3)
    if len(parts) != 4:
        return None
    time, stream, tags, content = parts
    # More tags may follow the first one, after colons.
    return Entry(time, stream, tags.split(b":", 1)[0] == b"P", content)
