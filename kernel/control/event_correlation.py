"""Which Events are combined into one, and how often one is written again (pure).

As client-go's correlator has it: of one object, type and reason the first nine messages within ten
minutes are Events of their own, and all further ones are counted in a single one. An Event that is
said again and again is written 25 times at once, and from then on every five minutes: what was
counted meanwhile comes with the next write.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

SIMILAR_MAX = 10
SIMILAR_SECONDS = 600
REPEATS_MAX = 25
REPEAT_SECONDS = 300
REMEMBERED_MAX = 4096

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The values that were used last, so many of them."""

    def __init__(self) -> None:
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        return self._values.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        """Remember, and forget what was not used for longest where there are too many."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > REMEMBERED_MAX:
            self._values.popitem(last=False)


class _Group(msgspec.Struct):
    messages: set[str]
    last_seconds: float


class SimilarEvents:
    """What was said of the same object for the same reason."""

    def __init__(self) -> None:
        self._groups: Recent[_Group] = Recent()

    def is_combined(self, group: Hashable, message: str, now_seconds: float) -> bool:
        """Whether a message of this group belongs into the one Event for all that are similar."""
        found = self._groups.get(group)
        if found is None or now_seconds - found.last_seconds > SIMILAR_SECONDS:
            found = _Group(set(), now_seconds)
        found.last_seconds = now_seconds
        is_combined = message not in found.messages and len(found.messages) + 1 >= SIMILAR_MAX
        if not is_combined:
            found.messages.add(message)
        self._groups.put(group, found)
        return is_combined


class _Allowance(msgspec.Struct):
    writes: float
    at_seconds: float


class Repeats:
    """How often Events about an object may be written again."""

    def __init__(self) -> None:
        self._allowances: Recent[_Allowance] = Recent()

    def may_write(self, subject: Hashable, now_seconds: float) -> bool:
        """Whether one more may be written now; a yes is counted."""
        found = self._allowances.get(subject) or _Allowance(REPEATS_MAX, now_seconds)
        grown = (now_seconds - found.at_seconds) / REPEAT_SECONDS
        writes = min(found.writes + grown, REPEATS_MAX)
        may_write = writes >= 1
        self._allowances.put(subject, _Allowance(writes - may_write, now_seconds))
        return may_write
