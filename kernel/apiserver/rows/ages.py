"""Ages as kubectl shows them: `12s`, `3m20s`, `5d`."""

from datetime import datetime

UNKNOWN = "<unknown>"


def age(since: datetime | None, now: datetime) -> str:
    """How long ago `since` was; `<unknown>` where that is not known."""
    if since is None:
        return UNKNOWN
    return human_duration((now - since).total_seconds())


def human_duration(seconds: float) -> str:
    """A duration at the precision that a reader cares for: the longer, the coarser
    (k8s.io/apimachinery's duration.HumanDuration has the steps)."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 120:
        return f"{max(whole, 0)}s"
    minutes, hours, days, years = whole // 60, whole // 3600, whole // 86400, whole // 31536000
    if minutes < 10:
        return _two_units(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two_units(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two_units(days, "d", hours % 24, "h")
    if years < 2:
        return f"{days}d"
    if years < 8:
        return _two_units(years, "y", days % 365, "d")
    return f"{years}y"


def _two_units(first: int, first_unit: str, second: int, second_unit: str) -> str:
    rest = f"{second}{second_unit}" if second else ""
    return f"{first}{first_unit}{rest}"
