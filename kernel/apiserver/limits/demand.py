"""What a request takes of the server: seats while it is served, or a stream that goes on."""

from typing import NamedTuple

from kernel.apiserver.limits.flow_control import StreamKind
from kernel.apiserver.limits.settings import Limits
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.targets import Target

SMALL_PAGE_OBJECTS = 100


class Demand(NamedTuple):
    """Seats for the time until it is answered or, where it is a stream, has begun."""

    seats: int = 1
    stream: StreamKind | None = None


ONE_SEAT = Demand()
_CONVERSATION = Demand(stream="conversation")
_CONVERSATIONS = frozenset({"exec", "attach", "portforward", "proxy"})


def demand_of(method: str, target: Target, parameters: Parameters, limits: Limits) -> Demand:
    """The demand of a request for objects. Raises `BadRequest` for a query that makes no sense."""
    if target.subresource:
        if target.subresource in _CONVERSATIONS:
            return _CONVERSATION
        if target.subresource == "log" and parameters.flag("follow"):
            return _CONVERSATION
        return ONE_SEAT
    if method in ("GET", "HEAD"):
        if parameters.flag("watch"):
            return Demand(1, "watch")
        if not target.name:
            page_objects = parameters.whole_number("limit") or 0
            return ONE_SEAT if 0 < page_objects <= SMALL_PAGE_OBJECTS else Demand(limits.list_seats)
    elif method == "DELETE" and not target.name:
        return Demand(limits.list_seats)
    return ONE_SEAT
