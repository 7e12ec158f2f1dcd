"""The conditions that a node sets of itself (pure), in the kubelet's words
(pkg/kubelet/nodestatus/setters.go)."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec

from kernel.objects.node import NodeCondition
from kernel.reconcilers.node.pressure import Pressure

# A status that says nothing new is still written this often (the kubelet's
# nodeStatusReportFrequency); in between the Lease shows that the node lives.
HEARTBEAT_SECONDS = 300.0

RUNTIME_IS_DOWN = "container runtime is down"


class _Words(msgspec.Struct, frozen=True):
    """Reason, message and the Event's reason of a condition that is True, and of one that is
    False."""

    true: tuple[str, str, str]
    false: tuple[str, str, str]


_PRESSURE_WORDS = {
    Pressure.MEMORY: _Words(
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available",
         "NodeHasInsufficientMemory"),
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available",
         "NodeHasSufficientMemory"),
    ),
    Pressure.DISK: _Words(
        ("KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure"),
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure"),
    ),
    Pressure.PROCESS_IDS: _Words(
        ("KubeletHasInsufficientPID", "kubelet has insufficient PID available",
         "NodeHasInsufficientPID"),
        ("KubeletHasSufficientPID", "kubelet has sufficient PID available",
         "NodeHasSufficientPID"),
    ),
}  # fmt: skip
_EVENT_REASONS = {
    pressure.value: {"True": words.true[2], "False": words.false[2]}
    for pressure, words in _PRESSURE_WORDS.items()
} | {"Ready": {"True": "NodeReady", "False": "NodeNotReady"}}


def node_conditions(
    pressures: Collection[Pressure], troubles: Sequence[str], now: datetime
) -> list[NodeCondition]:
    """The conditions as they are now. `troubles` are why the node is not ready."""
    found = [_pressure_condition(one, one in pressures, now) for one in _PRESSURE_WORDS]
    if troubles:
        message = troubles[0] if len(troubles) == 1 else f"[{', '.join(troubles)}]"
        return [*found, _condition("Ready", "False", "KubeletNotReady", message, now)]
    ready = ("KubeletReady", "kubelet is posting ready status")
    return [*found, _condition("Ready", "True", *ready, now)]


def _pressure_condition(pressure: Pressure, is_short: bool, now: datetime) -> NodeCondition:
    words = _PRESSURE_WORDS[pressure]
    reason, message, _ = words.true if is_short else words.false
    return _condition(pressure.value, "True" if is_short else "False", reason, message, now)


def _condition(type: str, status: str, reason: str, message: str, now: datetime) -> NodeCondition:
    return NodeCondition(
        type=type,
        status=status,
        reason=reason,
        message=message,
        last_heartbeat_time=now,
        last_transition_time=now,
    )


def merged(present: list[NodeCondition], wanted: list[NodeCondition]) -> list[NodeCondition]:
    """The node's own conditions after those of others; their times move on together, when one
    has changed or the heartbeat is due."""
    ours = {condition.type for condition in wanted}
    old = {condition.type: condition for condition in present}
    others = [condition for condition in present if condition.type not in ours]
    if all(_still_says(old.get(new.type), new) for new in wanted):
        return others + [old[new.type] for new in wanted]
    return others + [_since_when(old.get(new.type), new) for new in wanted]


def _since_when(old: NodeCondition | None, new: NodeCondition) -> NodeCondition:
    if old is None or old.status != new.status:
        return new
    return msgspec.structs.replace(new, last_transition_time=old.last_transition_time)


def _still_says(old: NodeCondition | None, new: NodeCondition) -> bool:
    if old is None or (old.status, old.reason, old.message) != (
        *(new.status, new.reason, new.message),
    ):
        return False
    if old.last_heartbeat_time is None or new.last_heartbeat_time is None:
        return False
    age = abs(new.last_heartbeat_time - old.last_heartbeat_time)
    return age < timedelta(seconds=HEARTBEAT_SECONDS)


def changes(present: list[NodeCondition], wanted: list[NodeCondition]) -> list[str]:
    """The reasons of the Events that tell of what has changed from one state to the other."""
    old = {condition.type: condition.status for condition in present}
    return [
        _EVENT_REASONS[new.type][new.status]
        for new in wanted
        if new.type in old and old[new.type] != new.status
    ]
