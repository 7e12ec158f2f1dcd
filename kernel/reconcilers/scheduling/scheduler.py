"""Pending Pods to nodes.

A decision and the note of it in the ledger are one step without an await, so two Pods never get
the same room, however many binds are under way. Pods that fit nowhere wait (waiting.py)
until a node changes or a Pod leaves one; nothing polls.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from kernel.api.client import Client, WatchEvent, WatchEventType
from kernel.api.errors import Conflict, NotFound
from kernel.clock import Clock, now_timestamp
from kernel.control.informer import Informers, ObjectKey, key_of
from kernel.control.reconciler import Reconciler, Request, Result, Trigger
from kernel.control.recorder import Recorder
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.objects.pod_status import PodCondition
from kernel.reconcilers.scheduling.crowd import Crowd
from kernel.reconcilers.scheduling.ledger import Ledger
from kernel.reconcilers.scheduling.requests import Requirements, node_facts, requirements
from kernel.reconcilers.scheduling.waiting import Waiting

SCHEDULER_NAME = "default-scheduler"
# Binds that may be under way together: a store that syncs to disk writes them as one group.
CONCURRENCY = 16

_TERMINAL_PHASES = ("Succeeded", "Failed")
_GATED_MESSAGE = "Scheduling is blocked due to non-empty scheduling gates"


def scheduler(informers: Informers, recorder: Recorder, clock: Clock) -> Reconciler:
    """The reconciler that binds Pods of `default-scheduler`; `recorder` speaks for that name."""
    scheduling = _Scheduling(informers, recorder, clock)
    return Reconciler(
        name=SCHEDULER_NAME,
        kind=Pod,
        reconcile=scheduling.reconcile,
        when=lambda _: False,  # `source` asks for Pods itself: it knows their priority
        sources=(scheduling.source,),
        concurrency=CONCURRENCY,
    )


class _Scheduling:
    """The scheduler's memory: a ledger that follows the informers, and the Pods that wait."""

    def __init__(self, informers: Informers, recorder: Recorder, clock: Clock):
        self._recorder = recorder
        self._clock = clock
        self._pods = informers.of(Pod)
        self._nodes = informers.of(Node)
        self._namespaces = informers.of(Namespace)
        self._pods.on_change(self._pod_changed)
        self._nodes.on_change(self._node_changed)
        self._namespaces.on_change(self._namespace_changed)
        self._trigger: Trigger | None = None
        self._reset()

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Take in what there is, and follow it from then on."""
        self._reset()
        self._trigger = trigger
        for node in self._nodes.all():
            self._ledger.set_node(node_facts(node))
        for pod in self._pods.all():
            self._take_in(pod, int(pod.metadata.resource_version))
        yield
        self._trigger = None

    async def reconcile(self, request: Request, client: Client) -> Result | None:
        """Place one Pod, or say why it can't be placed."""
        pod = self._pods.get(request.namespace, request.name)
        earlier = self._waiting.leave(request)
        self._crowd.leave(request)
        if pod is None or not _wants_node(pod):
            self._pass_on(earlier)
            return None
        if pod.spec.scheduling_gates:
            self._pass_on(earlier)
            await self._set_condition(pod, client, "SchedulingGated", _GATED_MESSAGE)
            return None
        asked = requirements(pod)
        verdict = self._crowd.verdict(pod, self._ledger, asked)
        node_name = self._ledger.choose(asked, verdict)
        if node_name:
            self._place(pod, node_name, asked)
        elif verdict.refusals:
            self._crowd.park(request, pod.spec.priority or 0)
        else:
            self._waiting.park(request, asked, pod.spec.priority or 0)
        if node_name or earlier != asked:
            self._pass_on(earlier)
        if node_name:
            await self._bind(pod, node_name, client)
        else:
            message = self._ledger.explain(asked, verdict)
            await self._recorder.event(pod, "Warning", "FailedScheduling", message)
            await self._set_condition(pod, client, "Unschedulable", message)
        return None

    def _place(self, pod: Pod, node_name: str, asked: Requirements, cause: int = 0) -> None:
        self._ledger.place(key_of(pod), node_name, asked)
        self._crowd.came(pod, cause)

    async def _bind(self, pod: Pod, node_name: str, client: Client) -> None:
        namespace, name = key_of(pod)
        try:
            await client.bind(name, node_name, namespace=namespace, uid=pod.metadata.uid)
        except BaseException as error:
            self._give_back(pod)
            if isinstance(error, NotFound | Conflict):
                return  # deleted, or placed by somebody else: the informer has it already
            raise
        message = f"Successfully assigned {namespace}/{name} to {node_name}"
        await self._recorder.event(pod, "Normal", "Scheduled", message)

    def _give_back(self, pod: Pod) -> None:
        """Take a Pod off the ledger again, unless it is on a node after all."""
        key = key_of(pod)
        present = self._pods.get(*key)
        if present is None or not present.spec.node_name:
            self._left(key, 0)

    async def _set_condition(self, pod: Pod, client: Client, reason: str, message: str) -> None:
        """Say in the Pod's status that it has no node, and why."""
        present = next((one for one in pod.status.conditions if one.type == "PodScheduled"), None)
        since = now_timestamp(self._clock)
        if present is not None and present.status == "False":
            if (present.reason, present.message) == (reason, message):
                return
            since = present.last_transition_time or since
        condition = PodCondition(
            type="PodScheduled",
            status="False",
            observed_generation=pod.metadata.generation,
            reason=reason,
            message=message,
            last_transition_time=since,
        )
        patch: dict[str, Any] = {"status": {"conditions": [msgspec.to_builtins(condition)]}}
        namespace, name = key_of(pod)
        try:
            await client.patch(
                Pod, name, patch, namespace=namespace, type="strategic", subresource="status"
            )
        except NotFound:
            return  # deleted meanwhile

    def _reset(self) -> None:
        self._ledger = Ledger()
        self._waiting = Waiting(self._wake)
        self._crowd = Crowd(self._pods, self._namespaces, self._wake)
        self._seen: dict[ObjectKey, tuple[str, int, dict[str, str]]] = {}

    def _wake(self, request: Request, priority: int, cause: int) -> None:
        if self._trigger is not None:
            self._trigger(request, priority=priority, cause=cause)

    def _pass_on(self, asked: Requirements | None) -> None:
        """Give the next Pod that asks for the same its turn."""
        if asked is not None:
            self._waiting.wake_next(asked, 0)

    def _freed(self, node_name: str, cause: int) -> None:
        """A node may have room for a Pod that waits."""
        if node_name and len(self._waiting):
            ledger = self._ledger
            self._waiting.wake_fitting(lambda asked: ledger.accepts(node_name, asked), cause)

    def _left(self, key: ObjectKey, cause: int) -> None:
        """A Pod takes no room on its node any more."""
        node_name = self._ledger.remove(key)
        if node_name:
            self._crowd.went(key, cause)
            self._freed(node_name, cause)

    def _pod_changed(self, event: WatchEvent[Pod], revision: int) -> None:
        if self._trigger is None:
            return
        pod = event.object
        if event.type is WatchEventType.DELETED:
            self._seen.pop(key_of(pod), None)
            self._left(key_of(pod), revision)
        else:
            self._take_in(pod, revision)

    def _take_in(self, pod: Pod, revision: int) -> None:
        """Follow a Pod that is there: on the ledger where it is on a node, else to be placed."""
        key = key_of(pod)
        if pod.status.phase in _TERMINAL_PHASES:
            self._left(key, revision)
            return
        known = self._seen.get(key)
        state = (pod.metadata.uid, pod.metadata.generation, pod.metadata.labels)
        if pod.spec.node_name:
            placed = self._ledger.placed(key)
            if placed is not None and placed.node_name == pod.spec.node_name and known == state:
                return  # its status changed, nothing more
            self._place(pod, pod.spec.node_name, requirements(pod), revision)
            if placed is not None:
                self._freed(placed.node_name, revision)
        elif known != state and _is_ours(pod):
            self._wake(Request(key[1], key[0]), pod.spec.priority or 0, revision)
        self._seen[key] = state

    def _node_changed(self, event: WatchEvent[Node], revision: int) -> None:
        if self._trigger is None:
            return
        name = event.object.metadata.name
        had_nodes = self._ledger.nodes_count > 0
        if event.type is WatchEventType.DELETED:
            self._ledger.remove_node(name)
            self._crowd.wake(revision)
        elif self._ledger.set_node(node_facts(event.object)):
            self._crowd.wake(revision)
            if not had_nodes:  # until now the Pods waited for any node at all
                self._waiting.wake_all(revision)
            else:
                self._freed(name, revision)

    def _namespace_changed(self, event: WatchEvent[Namespace], revision: int) -> None:
        if self._trigger is not None:
            self._crowd.wake(revision)


def _is_ours(pod: Pod) -> bool:
    return pod.spec.scheduler_name in ("", SCHEDULER_NAME)


def _wants_node(pod: Pod) -> bool:
    return (
        not pod.spec.node_name
        and pod.metadata.deletion_timestamp is None
        and pod.status.phase not in _TERMINAL_PHASES
        and _is_ours(pod)
    )
