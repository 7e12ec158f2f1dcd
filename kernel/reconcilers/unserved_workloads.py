"""Objects that are stored and nothing more say so: no controller makes Pods of them yet."""

from kernel.api.client import Client
from kernel.control.reconciler import Reconciler, Request
from kernel.control.recorder import Recorder
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.batch import CronJob, Job
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.pod_template import ReplicationController

NAME = "unserved-workloads"
REASON = "Unsupported"

_MADE: dict[type[Kind], str] = {
    ReplicationController: "Pods",
    Deployment: "Pods",
    ReplicaSet: "Pods",
    StatefulSet: "Pods",
    DaemonSet: "Pods",
    Job: "Pods",
    CronJob: "Jobs",
}
"""What each kind's controller would make."""


def unserved_workloads(recorder: Recorder) -> list[Reconciler]:
    """A reconciler for each such kind, which says it once of each object."""
    return [_reconciler_of(kind, made, recorder) for kind, made in _MADE.items()]


def _reconciler_of(kind: type[Kind], made: str, recorder: Recorder) -> Reconciler:
    message = f"{kind.info.kind}s are stored; nothing creates their {made} yet"
    told: dict[Request, str] = {}  # the uid of each object whose Event is known to be there

    async def reconcile(request: Request, client: Client) -> None:
        told_of = told.pop(request, "")
        obj = await client.get(kind, request.name, namespace=request.namespace)
        uid = obj.metadata.uid
        if told_of != uid and not await _is_told(client, obj):
            await recorder.event(obj, "Warning", REASON, message)
        told[request] = uid

    return Reconciler(
        name=f"{NAME}/{kind.info.plural}", kind=kind, reconcile=reconcile, when=_is_live
    )


def _is_live(obj: Kind) -> bool:
    return obj.metadata.deletion_timestamp is None


async def _is_told(client: Client, obj: Kind) -> bool:
    """Whether it was said before this process started."""
    events = await client.list(
        Event,
        namespace=obj.metadata.namespace,
        field_selector=f"involvedObject.uid={obj.metadata.uid},reason={REASON}",
    )
    return bool(events)
