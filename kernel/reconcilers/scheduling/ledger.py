"""What is left on each node, kept up to date Pod by Pod, and the choice among the nodes.

A decision costs a few comparisons a node and nothing a Pod: sums are changed when a Pod is placed
or goes, and what depends on labels and taints alone is worked out once for all Pods that wish for
the same.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from kernel.control.informer import ObjectKey
from kernel.reconcilers.scheduling.neighbours import BEYOND_HELP, NO_VERDICT, Verdict
from kernel.reconcilers.scheduling.requests import (
    Amounts,
    HostPort,
    NodeFacts,
    Requirements,
    parse_wishes,
)
from kernel.reconcilers.scheduling.rules import (
    SCORE_MAX,
    failure_message,
    room_refusals,
    standing_refusal,
    standing_scores,
)

REMEMBERED_WISHES_MAX = 1024


class NodeRoom:
    """One node and what is left on it. `facts` is None while Pods name a node that there is not."""

    __slots__ = (
        *("facts", "cpu_milli", "memory_bytes", "others", "pods", "ports"),
        *("weighed_cpu_milli", "weighed_memory_bytes", "cpu_score", "memory_score"),
    )

    def __init__(self) -> None:
        self.facts: NodeFacts | None = None
        self.cpu_milli = 0  # free, as all of these; below 0 where Pods came past the scheduler
        self.memory_bytes = 0
        self.others: Counter[str] = Counter()
        self.pods = 0
        self.ports: Counter[HostPort] = Counter()  # used, with the number of Pods that use it
        self.weighed_cpu_milli = 0
        self.weighed_memory_bytes = 0
        self.cpu_score = 0.0  # score of one free unit
        self.memory_score = 0.0

    def set_facts(self, facts: NodeFacts | None) -> None:
        """Take in what the node has now."""
        if self.facts is not None:
            self._grow(self.facts, -1)
        if facts is not None:
            self._grow(facts, 1)
            cpu_milli, memory_bytes, _ = facts.allocatable
            self.cpu_score = SCORE_MAX / 2 / cpu_milli if cpu_milli else 0.0
            self.memory_score = SCORE_MAX / 2 / memory_bytes if memory_bytes else 0.0
        self.facts = facts

    def take(self, asked: Requirements, sign: int = 1) -> None:
        """Count a Pod in (or out again, with a `sign` of -1)."""
        cpu_milli, memory_bytes, others = asked.stated
        self.cpu_milli -= sign * cpu_milli
        self.memory_bytes -= sign * memory_bytes
        for name, amount in others:
            self.others[name] -= sign * amount
        self.pods -= sign
        self.weighed_cpu_milli -= sign * asked.weighed.cpu_milli
        self.weighed_memory_bytes -= sign * asked.weighed.memory_bytes
        for port in asked.ports:
            self.ports[port] += sign
            if not self.ports[port]:
                del self.ports[port]

    def refusals(self, asked: Requirements) -> list[str]:
        """Why a Pod does not fit beside those that are here; empty where it does."""
        free = Amounts(self.cpu_milli, self.memory_bytes, tuple(self.others.items()))
        return room_refusals(asked, free, self.pods, self.ports)

    def fits(self, asked: Requirements) -> bool:
        """Whether `refusals` is empty, found out faster."""
        stated = asked.stated
        return (
            self.pods > 0
            and (stated.cpu_milli <= self.cpu_milli or not stated.cpu_milli)
            and (stated.memory_bytes <= self.memory_bytes or not stated.memory_bytes)
            and ((not stated.others and not asked.ports) or not self.refusals(asked))
        )

    def score(self, weighed: Amounts) -> float:
        """How empty the node would be with the Pod on it: the mean of cpu and memory, 0..100."""
        cpu_milli = self.weighed_cpu_milli - weighed.cpu_milli
        memory_bytes = self.weighed_memory_bytes - weighed.memory_bytes
        score = cpu_milli * self.cpu_score if cpu_milli > 0 else 0.0
        return score + memory_bytes * self.memory_score if memory_bytes > 0 else score

    def _grow(self, facts: NodeFacts, sign: int) -> None:
        cpu_milli, memory_bytes, others = facts.allocatable
        self.cpu_milli += sign * cpu_milli
        self.memory_bytes += sign * memory_bytes
        self.weighed_cpu_milli += sign * cpu_milli
        self.weighed_memory_bytes += sign * memory_bytes
        self.pods += sign * facts.pods_max
        for name, amount in others:
            self.others[name] += sign * amount


class Placed(msgspec.Struct, frozen=True):
    """A Pod that is on a node, or about to be."""

    node_name: str
    asked: Requirements


class _Standing(msgspec.Struct, frozen=True):
    """The nodes that some wishes leave, with their scores, and why not the others."""

    candidates: list[tuple[str, NodeRoom, int]]
    refusals: Counter[str]


class Ledger:
    """All nodes, and where the Pods are."""

    def __init__(self) -> None:
        self._rooms: dict[str, NodeRoom] = {}
        self._placed: dict[ObjectKey, Placed] = {}
        self.nodes_count = 0
        self._standing: dict[bytes, _Standing] = {}

    def set_node(self, facts: NodeFacts) -> bool:
        """Take a node in; answers whether anything about it is new."""
        room = self._room(facts.name)
        if room.facts == facts:
            return False
        self.nodes_count += room.facts is None
        room.set_facts(facts)
        self._standing.clear()
        return True

    def remove_node(self, name: str) -> None:
        """Forget a node; the Pods on it stay where they are."""
        room = self._rooms.get(name)
        if room is None or room.facts is None:
            return
        room.set_facts(None)
        self.nodes_count -= 1
        self._standing.clear()
        self._drop_if_unused(name)

    def placed(self, key: ObjectKey) -> Placed | None:
        """Where a Pod is."""
        return self._placed.get(key)

    def place(self, key: ObjectKey, node_name: str, asked: Requirements) -> None:
        """Count a Pod on a node, and no longer where it was counted before."""
        self.remove(key)
        self._placed[key] = Placed(node_name, asked)
        self._room(node_name).take(asked)

    def remove(self, key: ObjectKey) -> str:
        """Count a Pod no longer; answers the name of the node that it was on, or ""."""
        placed = self._placed.pop(key, None)
        if placed is None:
            return ""
        self._rooms[placed.node_name].take(placed.asked, -1)
        self._drop_if_unused(placed.node_name)
        return placed.node_name

    def nodes(self) -> dict[str, NodeFacts]:
        """The nodes that there are, by name."""
        return {facts.name: facts for _, facts in _known(self._rooms.values())}

    def all_placed(self) -> Iterator[tuple[ObjectKey, str]]:
        """Every Pod that is on a node, with the node's name."""
        return ((key, placed.node_name) for key, placed in self._placed.items())

    def choose(self, asked: Requirements, verdict: Verdict = NO_VERDICT) -> str:
        """The name of the best node that the Pod fits on, or ""; the first of equals. `verdict` is
        what other Pods have to do with it."""
        best_name, best_score = "", -1.0
        fits, score_of, weighed = NodeRoom.fits, NodeRoom.score, asked.weighed
        refused, scores = verdict.refusals, verdict.scores
        for name, room, standing_score in self._standing_of(asked).candidates:
            if fits(room, asked) and name not in refused:
                score = standing_score + score_of(room, weighed) + scores.get(name, 0)
                if score > best_score:
                    best_name, best_score = name, score
        return best_name

    def accepts(self, name: str, asked: Requirements) -> bool:
        """Whether a Pod could be placed on one node as it is now."""
        room = self._rooms.get(name)
        if room is None or room.facts is None:
            return False
        return room.fits(asked) and not standing_refusal(parse_wishes(asked.wishes), room.facts)

    def explain(self, asked: Requirements, verdict: Verdict = NO_VERDICT) -> str:
        """Why a Pod fits on none of the nodes."""
        standing = self._standing_of(asked)
        unhelped, room = Counter(standing.refusals), Counter[str]()
        room_nodes_count = len(standing.candidates)
        for name, candidate, _ in standing.candidates:
            refusals = candidate.refusals(asked)
            neighbourly = "" if refusals else verdict.refusals.get(name, "")
            if neighbourly in BEYOND_HELP:
                unhelped[neighbourly] += 1
                room_nodes_count -= 1
            else:
                room.update(refusals or [neighbourly])
        return failure_message(self.nodes_count, unhelped, room, room_nodes_count)

    def _standing_of(self, asked: Requirements) -> _Standing:
        known = self._standing.get(asked.wishes)
        if known is None:
            if len(self._standing) >= REMEMBERED_WISHES_MAX:
                self._standing.clear()
            known = self._standing[asked.wishes] = self._work_out(asked)
        return known

    def _work_out(self, asked: Requirements) -> _Standing:
        wishes = parse_wishes(asked.wishes)
        refusals: Counter[str] = Counter()
        left: list[tuple[NodeRoom, NodeFacts]] = []
        for room, facts in _known(self._rooms.values()):
            refusal = standing_refusal(wishes, facts)
            if refusal:
                refusals[refusal] += 1
            else:
                left.append((room, facts))
        scores = standing_scores(wishes, (facts for _, facts in left))
        return _Standing([(one.name, room, scores[one.name]) for room, one in left], refusals)

    def _room(self, name: str) -> NodeRoom:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = NodeRoom()
        return room

    def _drop_if_unused(self, name: str) -> None:
        room = self._rooms[name]
        if room.facts is None and not room.pods:
            del self._rooms[name]


def _known(rooms: Iterable[NodeRoom]) -> Iterator[tuple[NodeRoom, NodeFacts]]:
    for room in rooms:
        if room.facts is not None:
            yield room, room.facts
