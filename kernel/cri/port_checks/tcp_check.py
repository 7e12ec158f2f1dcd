"""The TCP check: a connection, closed at once."""

from kernel.cri.port_check import CheckResult
from kernel.cri.port_checks.deadline import Deadline
from kernel.cri.port_checks.dialing import DialFailure, address_text, dial


async def check_tcp(host: str, port: int, deadline: Deadline) -> CheckResult:
    """Well means that the port can be connected to."""
    try:
        stream = await deadline.run(lambda: dial(host, port))
    except DialFailure as failure:
        return CheckResult(False, str(failure))
    except TimeoutError:
        return CheckResult(False, f"dial tcp {address_text(host, port)}: i/o timeout")
    await stream.aclose()
    return CheckResult(True)
