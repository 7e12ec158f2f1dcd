"""What a request takes of the server: seats while it is served, or a stream that goes on."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from kernel.apiserver.limits.flow_control import StreamKind, WatchSelection
from kernel.apiserver.limits.settings import Limits
from kernel.apiserver.old_versions import stored_as
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.targets import Target

SMALL_PAGE_OBJECTS = 100


class Demand(NamedTuple):
    """Seats for the time until it is answered or, where it is a stream, has begun; and what it
    selects, where it is a watch that does."""

    seats: int = 1
    stream: StreamKind | None = None
    selection: WatchSelection | None = None


ONE_SEAT = Demand()
_CONVERSATION = Demand(stream="conversation")
_CONVERSATIONS = frozenset({"exec", "attach", "portforward", "proxy"})


_ONE_NAME = re.compile(r"metadata\.name==?[^,=!]+")


def demand_of(
    method: str,
    target: Target,
    parameters: Parameters,
    headers: Mapping[str, str],
    limits: Limits,
) -> Demand:
    """The demand of a request for objects. Raises `BadRequest` for a query that makes no sense."""
    if target.subresource:
        if target.subresource in _CONVERSATIONS:
            return _CONVERSATION
        if target.subresource == "log" and parameters.flag("follow"):
            return _CONVERSATION
        return ONE_SEAT
    if method in ("GET", "HEAD"):
        if parameters.flag("watch"):
            return Demand(1, "watch", _selection(target, parameters, headers))
        if not target.name:
            page_objects = parameters.whole_number("limit") or 0
            return ONE_SEAT if 0 < page_objects <= SMALL_PAGE_OBJECTS else Demand(limits.list_seats)
    elif method == "DELETE" and not target.name:
        return Demand(limits.list_seats)
    return ONE_SEAT


def _selection(
    target: Target, parameters: Parameters, headers: Mapping[str, str]
) -> WatchSelection | None:
    """What a watch selects; None where it takes everything, or one object."""
    labels, fields = parameters.text("labelSelector"), parameters.text("fieldSelector")
    if target.name or not (labels or fields):
        return None
    if target.namespace is not None and not labels and _ONE_NAME.fullmatch(fields):
        return None
    form = headers.get("Accept", ""), parameters.text("includeObject")
    by = target.info.api_version, target.namespace, labels, fields, *form
    return WatchSelection(stored_as(target.info).key_prefix(), by)
