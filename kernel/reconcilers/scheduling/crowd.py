"""The placed Pods as neighbours, and the Pods that wait because of them.

Nearly all Pods wish for no neighbours and are repelled by none: for those a verdict costs two
looks. The others are judged against every placed Pod (neighbours.py), and where that leaves no
node they wait here until anything changes that could help.
"""

from kernel.control.informer import Informer, ObjectKey, key_of
from kernel.control.reconciler import Request
from kernel.objects.namespace import Namespace
from kernel.objects.pod import Pod
from kernel.reconcilers.scheduling.ledger import Ledger
from kernel.reconcilers.scheduling.neighbours import (
    NO_VERDICT,
    Neighbour,
    Surroundings,
    Verdict,
    judge,
    repels,
    wishes_for_neighbours,
)
from kernel.reconcilers.scheduling.requests import Requirements, parse_wishes
from kernel.reconcilers.scheduling.waiting import Wake


class Crowd:
    """Who is placed is the ledger's to say; who they are, the informers'."""

    def __init__(self, pods: Informer[Pod], namespaces: Informer[Namespace], wake: Wake):
        self._pods = pods
        self._namespaces = namespaces
        self._wake = wake
        self._repelling: set[ObjectKey] = set()
        self._waiting: dict[Request, int] = {}

    def verdict(self, pod: Pod, ledger: Ledger, asked: Requirements) -> Verdict:
        """What other Pods have to do with where this one may run."""
        wishes = wishes_for_neighbours(pod)
        if not wishes and not self._repelling:
            return NO_VERDICT
        neighbours = [
            Neighbour(neighbour, node_name)
            for key, node_name in ledger.all_placed()
            if wishes or key in self._repelling
            if (neighbour := self._pods.get(*key)) is not None
        ]
        namespaces = {one.metadata.name: one.metadata.labels for one in self._namespaces.all()}
        around = Surroundings(ledger.nodes(), neighbours, namespaces, parse_wishes(asked.wishes))
        return judge(pod, around)

    def park(self, request: Request, priority: int) -> None:
        """Have a Pod wait that its neighbours leave no node."""
        self._waiting[request] = priority

    def leave(self, request: Request) -> None:
        """The Pod is looked at now, or gone."""
        self._waiting.pop(request, None)

    def came(self, pod: Pod, cause: int) -> None:
        """A Pod is on a node now, or has changed there."""
        if repels(pod):
            self._repelling.add(key_of(pod))
        else:
            self._repelling.discard(key_of(pod))
        self.wake(cause)

    def went(self, key: ObjectKey, cause: int) -> None:
        """A Pod is on no node any more."""
        self._repelling.discard(key)
        self.wake(cause)

    def wake(self, cause: int) -> None:
        """Have all that wait here looked at again."""
        waiting, self._waiting = self._waiting, {}
        for request, priority in waiting.items():
            self._wake(request, priority, cause)
