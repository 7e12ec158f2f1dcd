"""PriorityClasses: the two of the system, and what they make of Pods (what Kubernetes' admission
plugin Priority does)."""

from kernel.api.admission import AdmissionHook, AdmissionRequest, admission
from kernel.api.client import Client
from kernel.api.context import acting
from kernel.api.errors import Forbidden, NotFound
from kernel.control.informer import Informer, Informers
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod
from kernel.objects.priority_class import SYSTEM_CLASSES, SYSTEM_PREFIX, PriorityClass

NAME = "priority-classes"
POLICY_DEFAULT = "PreemptLowerPriority"

_BY_HAND = "must not be provided in pod spec; priority admission controller computed"


async def ensure_priority_classes(client: Client) -> None:
    """Make those of the system's classes that are missing."""
    with acting(NAME):
        for name, (value, description) in SYSTEM_CLASSES.items():
            try:
                await client.get(PriorityClass, name)
            except NotFound:
                metadata = ObjectMeta(name=name)
                made = PriorityClass(metadata=metadata, value=value, description=description)
                await client.create(made)


def priority_admission(informers: Informers) -> tuple[AdmissionHook, ...]:
    """The hooks that look PriorityClasses up in `informers`."""
    known = informers.of(PriorityClass)

    @admission(Pod, name="Priority")
    def set_priority(request: AdmissionRequest) -> None:
        refusal = _follow_class(request.object, known)
        if refusal:
            raise Forbidden(f'pods "{request.name}" is forbidden: {refusal}')

    @admission(PriorityClass, operations=("CREATE", "UPDATE"), validating=True, name="Priority")
    def allow_one_default(request: AdmissionRequest) -> None:
        present = _default_class(known)
        is_other = present is not None and present.metadata.name != request.name
        if request.object.global_default and present is not None and is_other:
            raise _refused(
                request,
                f"PriorityClass {present.metadata.name} is already marked as default. Only one"
                " default can exist",
            )

    @admission(PriorityClass, operations=("DELETE",), validating=True, name="Priority")
    def keep_system_classes(request: AdmissionRequest) -> None:
        if request.name.startswith(SYSTEM_PREFIX):
            raise _refused(request, "this is a system priority class and cannot be deleted")

    return set_priority, allow_one_default, keep_system_classes


def _refused(request: AdmissionRequest, why: str) -> Forbidden:
    return Forbidden(f'{request.info.qualified_plural} "{request.name}" is forbidden: {why}')


def _follow_class(pod: Pod, known: Informer[PriorityClass]) -> str:
    """Give a Pod the priority of its class; answers why it is refused, else nothing. A priority of
    0 is what a Pod has that does not say any."""
    spec = pod.spec
    if spec.priority_class_name:
        found = known.get("", spec.priority_class_name)
        if found is None:
            return f"no PriorityClass with name {spec.priority_class_name} was found"
    else:
        found = _default_class(known)
    priority, policy = 0, POLICY_DEFAULT
    if found is not None:
        spec.priority_class_name = found.metadata.name
        priority, policy = found.value, found.preemption_policy or POLICY_DEFAULT
    if spec.priority not in (None, 0, priority):
        given = f"the integer value of priority ({spec.priority})"
        return f"{given} {_BY_HAND} {priority} from the given PriorityClass name"
    if spec.preemption_policy not in (None, POLICY_DEFAULT, policy):
        given = f"the string value of PreemptionPolicy ({spec.preemption_policy})"
        return f"{given} {_BY_HAND} {policy} from the given PriorityClass name"
    spec.priority, spec.preemption_policy = priority, policy
    return ""


def _default_class(known: Informer[PriorityClass]) -> PriorityClass | None:
    """The class of Pods that name none: of several, the lowest, as in Kubernetes."""
    defaults = [one for one in known.all() if one.global_default]
    return min(defaults, key=lambda one: one.value, default=None)
