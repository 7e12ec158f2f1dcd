"""Admission by LimitRanges: Pods and claims get defaults, and stay within bounds (what Kubernetes'
admission plugin LimitRanger does)."""

from kernel.api.admission import AdmissionHook, AdmissionRequest, admission
from kernel.api.errors import Forbidden
from kernel.api.limit_ranges import joined, refusals, set_defaults
from kernel.control.informer import Informers
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.resource_policies import LimitRange

NAME = "LimitRanger"


def limit_range_admission(informers: Informers) -> tuple[AdmissionHook, ...]:
    """The hooks that look LimitRanges up in `informers`."""
    known = informers.of(LimitRange)

    def those_of(namespace: str) -> list[LimitRange]:
        if not len(known):
            return []
        found = [one for one in known.all() if one.metadata.namespace == namespace]
        return sorted(found, key=lambda one: one.metadata.name)

    @admission(Pod, name=NAME)
    def set_limits(request: AdmissionRequest) -> None:
        for limit_range in those_of(request.namespace):
            set_defaults(request.object, limit_range)

    @admission(Pod, validating=True, name=NAME)
    def check_pods(request: AdmissionRequest) -> None:
        check(request)

    @admission(Pod, operations=("UPDATE",), subresources=("resize",), validating=True, name=NAME)
    def check_resizes(request: AdmissionRequest) -> None:
        check(request)

    @admission(PersistentVolumeClaim, operations=("CREATE", "UPDATE"), validating=True, name=NAME)
    def check_claims(request: AdmissionRequest) -> None:
        check(request)

    def check(request: AdmissionRequest) -> None:
        for limit_range in those_of(request.namespace):
            found = refusals(request.object, limit_range)
            if found:
                plural, name = request.info.qualified_plural, request.name
                raise Forbidden(f'{plural} "{name}" is forbidden: {joined(found)}')

    return set_limits, check_pods, check_resizes, check_claims
