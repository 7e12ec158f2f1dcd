"""Taints that follow from a node's state, which Kubernetes' node lifecycle controller sets.

| state | taint, with the effect NoSchedule |
| --- | --- |
| `spec.unschedulable`, as `kubectl cordon` sets it | node.kubernetes.io/unschedulable |
| condition Ready is False | node.kubernetes.io/not-ready |
| condition Ready is Unknown | node.kubernetes.io/unreachable |

Short memory, disk or process ids are told by conditions alone: with a single node there is none
that could take the Pods instead.
"""

import msgspec

from kernel.api.client import Client
from kernel.api.errors import Conflict, NotFound
from kernel.clock import Clock, now_timestamp
from kernel.control.reconciler import Reconciler, Request, RetryAfter
from kernel.control.recorder import Recorder
from kernel.objects.node import Node, Taint

_EFFECT = "NoSchedule"
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_BY_READY = {
    "False": "node.kubernetes.io/not-ready",
    "Unknown": "node.kubernetes.io/unreachable",
}
_OURS = {_UNSCHEDULABLE, *_BY_READY.values()}
_CONFLICT_RETRY_SECONDS = 0.05


def wanted_taints(node: Node) -> list[Taint]:
    """All taints that the node should have, those of others first (pure)."""
    keys = [_UNSCHEDULABLE] if node.spec.unschedulable else []
    for condition in node.status.conditions:
        if condition.type == "Ready" and condition.status in _BY_READY:
            keys.append(_BY_READY[condition.status])
    present = node.spec.taints
    ours = {taint.key: taint for taint in present if _is_ours(taint)}
    kept = [taint for taint in present if not _is_ours(taint) or taint.key in keys]
    return kept + [Taint(key=key, effect=_EFFECT) for key in keys if key not in ours]


def _is_ours(taint: Taint) -> bool:
    return taint.key in _OURS and taint.effect == _EFFECT


def _is_cordoned(taints: list[Taint]) -> bool:
    return any(_is_ours(taint) and taint.key == _UNSCHEDULABLE for taint in taints)


def node_taints(recorder: Recorder, clock: Clock) -> Reconciler:
    """The reconciler that keeps the taints of every node, and says when one is cordoned or is no
    longer: the taint remembers what has been said."""

    async def reconcile(request: Request, client: Client) -> None:
        try:
            node = await client.get(Node, request.name)
            wanted, present = wanted_taints(node), node.spec.taints
            if wanted == present:
                return
            now = now_timestamp(clock)
            node.spec.taints = [
                msgspec.structs.replace(taint, time_added=now)
                if _is_ours(taint) and taint.time_added is None
                else taint
                for taint in wanted
            ]
            node = await client.update(node)
            if _is_cordoned(wanted) != _is_cordoned(present):
                reason = "NodeNotSchedulable" if _is_cordoned(wanted) else "NodeSchedulable"
                message = f"Node {request.name} status is now: {reason}"
                await recorder.event(node, "Normal", reason, message)
        except NotFound:
            return
        except Conflict as error:
            raise RetryAfter(_CONFLICT_RETRY_SECONDS, str(error)) from error

    return Reconciler(name="node-taints", kind=Node, reconcile=reconcile)
