"""What differs between kinds when they are created, updated and deleted."""

from datetime import datetime
from typing import Any

import msgspec

from kernel.api.custom_resources.establishment import begin_termination
from kernel.objects.custom_object import CustomObject
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.kind import Kind
from kernel.objects.meta import DeleteOptions
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.objects.pod_status import PodCondition, PodStatus
from kernel.objects.quality_of_service import quality_of_service

TERMINAL_PHASES = ("Succeeded", "Failed")


def reset_status(obj: Any) -> None:
    """Give a new object the status that the API starts it with, whatever its maker sent.

    A Node keeps what it came with: its agent registers it with its status, as a kubelet does.
    """
    if not obj.info.has_status or isinstance(obj, Node):
        return
    if isinstance(obj, Pod):
        obj.status = PodStatus(phase="Pending", qos_class=quality_of_service(obj.spec))
        return
    if isinstance(obj, CustomObject):
        obj.status = None
        return
    field = next(field for field in msgspec.structs.fields(obj) if field.name == "status")
    obj.status = (
        field.default_factory()
        if field.default_factory is not msgspec.NODEFAULT
        else None
        if field.default is msgspec.NODEFAULT
        else field.default
    )
    if isinstance(obj, Namespace):
        obj.status.phase = "Active"


def with_ephemeral_containers(pod: Any, asked: Any) -> Any:
    """`pod` with the ephemeral containers of `asked`, of which nothing else is taken."""
    pod.spec.ephemeral_containers = asked.spec.ephemeral_containers
    return pod


def spec_changed(new: Kind, old: Kind) -> bool:
    """Whether anything but metadata and status differs: then the generation counts up. A status
    that is no subresource counts like all else."""
    if isinstance(new, CustomObject) and isinstance(old, CustomObject):
        return new.content != old.content
    return any(
        getattr(new, name) != getattr(old, name)
        for name in new.__struct_fields__
        if name not in ("metadata", "status")
    )


def keep_all_but_status(obj: Any, present: Any) -> None:
    """Put all of `present` into `obj` but its status."""
    present.status = obj.status
    for name in obj.__struct_fields__:
        setattr(obj, name, getattr(present, name))


def deletion_grace_seconds(obj: Kind, options: DeleteOptions) -> int:
    """How long a deleted object lives on; 0 is "gone at once".

    Only a Pod that is on a node and not finished has a grace period: its node agent ends it.
    """
    if not isinstance(obj, Pod) or not obj.spec.node_name:
        return 0
    if obj.status.phase in TERMINAL_PHASES:
        return 0
    if options.grace_period_seconds is not None:
        return max(options.grace_period_seconds, 0)
    default: int | None = obj.spec.termination_grace_period_seconds
    if default is None:
        return 30
    return default if default >= 0 else 1


def holds_deletion(obj: Kind) -> bool:
    """Whether something else must be done before a deleted object may go."""
    if obj.metadata.finalizers or _is_definition_in_use(obj):
        return True
    return isinstance(obj, Namespace) and bool(obj.spec.finalizers)


def _is_definition_in_use(obj: Kind) -> bool:
    """Whether there may be objects of the kind that is defined: until somebody has looked."""
    return isinstance(obj, CustomResourceDefinition) and obj.metadata.deletion_timestamp is None


def set_condition(pod: Any, condition: PodCondition) -> bool:
    """Put a condition into a Pod's status; answers whether it was not there with that state."""
    conditions = {found.type: found for found in pod.status.conditions}
    present = conditions.get(condition.type)
    if present is not None and present.status == condition.status:
        return False
    conditions[condition.type] = condition
    pod.status.conditions = list(conditions.values())
    return True


def mark_terminating(obj: Kind, now: datetime) -> None:
    """Show in the status that a deletion is under way, for kinds whose status has that."""
    if isinstance(obj, Namespace):
        obj.status.phase = "Terminating"
    if isinstance(obj, CustomResourceDefinition):
        begin_termination(obj, now)
