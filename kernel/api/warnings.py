"""What people are warned of in objects that are accepted nevertheless, kind by kind.

Pure; the words are Kubernetes' (the strategies of each kind, and pkg/api's warnings.go).
"""

from collections.abc import Callable, Iterator
from typing import Any

from kernel.api.pod_warnings import fraction_warning, name_warnings, pod_warnings
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.batch import CronJob, Job
from kernel.objects.kind import Kind
from kernel.objects.networking import Ingress
from kernel.objects.persistent_volume import PersistentVolume
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.pod_template import PodTemplate, PodTemplateSpec, ReplicationController
from kernel.objects.quantity import QuantityError, parse_quantity
from kernel.objects.service import Service

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_INGRESS_ANNOTATION = "kubernetes.io/ingress.class"


def warnings_of(obj: Kind, *, is_new: bool) -> list[str]:
    """What is to be said of an object that is stored, for the first time where `is_new`."""
    rule = _RULES.get(type(obj))
    if rule is None:
        return []
    found = list(rule(obj))
    if is_new and isinstance(obj, Pod):
        found += name_warnings(obj.metadata.name, "the Pod's hostname")
    elif is_new and type(obj) in _MAKERS:
        found += name_warnings(obj.metadata.name, "Pod names and hostnames")
    return found


def _template(template: PodTemplateSpec | None, path: str) -> Iterator[str]:
    if template is not None:
        yield from pod_warnings(template.metadata, template.spec, path)


def _of_template(obj: Any) -> Iterator[str]:
    return _template(obj.spec.template, "spec.template.")


def _service(service: Service) -> Iterator[str]:
    spec = service.spec
    if spec.cluster_ip == "None":
        for name, is_set in (
            ("loadBalancerIP", bool(spec.load_balancer_ip)),
            ("externalIPs", bool(spec.external_ips)),
            ("SessionAffinity", spec.session_affinity not in ("", "None")),
        ):
            if is_set:
                yield f"spec.{name} is ignored for headless services"
    if spec.type == "ExternalName" and spec.external_ips:
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'


def _ingress(ingress: Ingress) -> Iterator[str]:
    if _INGRESS_ANNOTATION in ingress.metadata.annotations:
        yield (
            f'annotation "{_INGRESS_ANNOTATION}" is deprecated, please use'
            " 'spec.ingressClassName' instead"
        )


def _volume(volume: PersistentVolume) -> Iterator[str]:
    yield from _class_annotation(volume)
    if volume.spec.persistent_volume_reclaim_policy == "Recycle":
        yield (
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead,"
            " the recommended approach is to use dynamic provisioning."
        )
    yield from _fraction(volume.spec.capacity, "spec.capacity")


def _claim(claim: PersistentVolumeClaim) -> Iterator[str]:
    yield from _class_annotation(claim)
    yield from _fraction(claim.spec.resources.requests, "spec.resources.requests")
    yield from _fraction(claim.spec.resources.limits, "spec.resources.limits")


def _class_annotation(obj: Kind) -> Iterator[str]:
    if _CLASS_ANNOTATION in obj.metadata.annotations:
        yield (
            f"metadata.annotations[{_CLASS_ANNOTATION}]: deprecated since v1.8; use"
            ' "storageClassName" attribute instead'
        )


def _fraction(quantities: dict[str, str], path: str) -> Iterator[str]:
    text = quantities.get("storage", "0")
    try:
        if parse_quantity(text).denominator != 1:
            yield fraction_warning(f"{path}[storage]", text)
    except QuantityError:
        return


_MAKERS: tuple[type[Kind], ...] = (
    *(Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, ReplicationController),
)
_RULES: dict[type[Kind], Callable[[Any], Iterator[str]]] = {
    Pod: lambda pod: pod_warnings(pod.metadata, pod.spec),
    PodTemplate: lambda stored: _template(stored.template, "template."),
    **dict.fromkeys(_MAKERS, _of_template),
    CronJob: lambda cron_job: _template(
        cron_job.spec.job_template.spec.template, "spec.jobTemplate.spec.template."
    ),
    Service: _service,
    Ingress: _ingress,
    PersistentVolume: _volume,
    PersistentVolumeClaim: _claim,
}
