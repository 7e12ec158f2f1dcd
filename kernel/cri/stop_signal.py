"""The numbers of stop signals, by the names that images and Pods have for them."""

import re
import signal

_REAL_TIME = re.compile(r"SIGRT(MINPLUS|MAXMINUS|MIN\+|MAX-)(\d+)")


def signal_number(name: str) -> int | None:
    """`SIGTERM`, `TERM`, `15`, `SIGRTMIN+3` or `SIGRTMINPLUS3`; None where there is no such
    signal."""
    if name.isdecimal():
        return int(name)
    whole = f"SIG{name.upper().removeprefix('SIG')}"
    known = {member.name: member.value for member in signal.Signals}
    real_time = _REAL_TIME.fullmatch(whole)
    if real_time is None:
        return known.get(whole)
    distance = int(real_time[2])
    number = (
        signal.SIGRTMIN + distance if real_time[1].startswith("MIN") else signal.SIGRTMAX - distance
    )
    return number if signal.SIGRTMIN <= number <= signal.SIGRTMAX else None
