"""Moments as a person types them: a revision, a time, or how long ago."""

import re
from datetime import UTC, datetime

from kernel.cli.failure import CommandFailure
from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.store.store import StoreReader

EXPECTED = "a revision (42), a time (2026-01-31T12:00:00Z) or how long ago (-5m, -2h30m)"

_REVISION_DIGITS_MAX = 18
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?")
_DURATION = re.compile(r"-(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SECONDS = (86400, 3600, 60, 1)


def parse_moment(text: str, clock: Clock) -> int | datetime:
    """A revision, or a time. A time without a zone is this machine's, as `podkernel log` prints
    it. Raises `CommandFailure`."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= _REVISION_DIGITS_MAX:
        return int(text)
    seconds = _ago_seconds(text)
    if seconds is not None:
        now_seconds = clock.now_nanoseconds() / NANOSECONDS_PER_SECOND
        if seconds < now_seconds:
            return datetime.fromtimestamp(now_seconds - seconds, UTC)
    elif _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # the 31st of February
    raise CommandFailure(f'"{text}" is no moment: expected {EXPECTED}')


def revision_at(reader: StoreReader, text: str, clock: Clock) -> int:
    """The revision that a moment means, where the log reaches there. Raises `CommandFailure`."""
    moment = parse_moment(text, clock)
    oldest, newest = reader.oldest_revision, reader.revision
    revision = moment
    if isinstance(revision, datetime):
        if revision.timestamp() * NANOSECONDS_PER_SECOND > clock.now_nanoseconds():
            raise CommandFailure(f"{text.strip()} is still to come: no one knows the state then")
        revision = reader.revision_at(int(revision.timestamp() * NANOSECONDS_PER_SECOND))
    if revision > newest:
        raise CommandFailure(f"revision {revision} is not written yet; the newest is {newest}")
    if revision < oldest:
        where = text.strip() if isinstance(moment, datetime) else f"revision {revision}"
        raise CommandFailure(
            f"the log does not reach back to {where}: its oldest revision is {oldest}"
            f"{_time_of(reader, oldest)}"
        )
    return revision


def parse_duration(text: str) -> int:
    """Seconds: `24h`, `1h30m`, `7d`. Raises `CommandFailure`."""
    seconds = _ago_seconds(f"-{text}")
    if seconds is None:
        raise CommandFailure(f'"{text}" is no duration: expected one such as 90s, 1h30m or 7d')
    return seconds


def local_time(nanoseconds: int) -> str:
    """Wall time of this machine, to the millisecond."""
    moment = datetime.fromtimestamp(nanoseconds / NANOSECONDS_PER_SECOND).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _time_of(reader: StoreReader, revision: int) -> str:
    entry = reader.entry(revision)
    return f", written {local_time(entry.time_nanoseconds)}" if entry else ""


def _ago_seconds(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(int(n or 0) * unit for n, unit in zip(match.groups(), _SECONDS, strict=True))
