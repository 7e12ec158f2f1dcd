"""Durations as Kubernetes writes them, which is as Go prints them."""

_MICROSECONDS = 1_000_000


def format_duration(seconds: float) -> str:
    """`0s`, `203ms`, `1.2s`, `1m5.5s`, `1h0m0s`: cut to milliseconds."""
    milliseconds = round(seconds * _MICROSECONDS) // 1000
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
