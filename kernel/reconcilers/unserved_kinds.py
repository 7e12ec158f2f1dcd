"""Objects that are stored and nothing more say so: nothing acts on them yet."""

from kernel.api.client import Client
from kernel.control.reconciler import Reconciler, Request
from kernel.control.recorder import Recorder
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.autoscaling import HorizontalPodAutoscaler
from kernel.objects.batch import CronJob, Job
from kernel.objects.disruption_budget import PodDisruptionBudget
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.networking import Ingress, NetworkPolicy
from kernel.objects.persistent_volume import PersistentVolume
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod_template import ReplicationController
from kernel.objects.storage import StorageClass, VolumeAttachment

NAME = "unserved-kinds"
REASON = "Unsupported"

_NO_PODS = "nothing creates their Pods yet"
_MISSING: dict[type[Kind], str] = {
    ReplicationController: _NO_PODS,
    Deployment: _NO_PODS,
    ReplicaSet: _NO_PODS,
    StatefulSet: _NO_PODS,
    DaemonSet: _NO_PODS,
    Job: _NO_PODS,
    CronJob: "nothing creates their Jobs yet",
    PodDisruptionBudget: "no eviction is refused for their sake yet",
    PersistentVolumeClaim: "nothing provides volumes for them yet",
    PersistentVolume: "nothing binds claims to them yet",
    StorageClass: "nothing provides volumes of them yet",
    VolumeAttachment: "nothing attaches volumes for their sake yet",
    Ingress: "nothing takes requests for their sake yet",
    NetworkPolicy: "no traffic is refused for their sake yet",
    HorizontalPodAutoscaler: "nothing is scaled for their sake yet",
}
"""What somebody who stores an object of a kind does not get."""


def unserved_kinds(recorder: Recorder) -> list[Reconciler]:
    """A reconciler for each such kind, which says it once of each object."""
    return [_reconciler_of(kind, missing, recorder) for kind, missing in _MISSING.items()]


def _reconciler_of(kind: type[Kind], missing: str, recorder: Recorder) -> Reconciler:
    message = f"{kind.info.kind}s are stored; {missing}"
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
        namespace=obj.metadata.namespace or "default",  # where Events of cluster-scoped objects are
        field_selector=f"involvedObject.uid={obj.metadata.uid},reason={REASON}",
    )
    return bool(events)
