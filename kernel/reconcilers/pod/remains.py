"""What is left of a Pod whose object is gone, as a Pod again: enough of it to end it in order.

A static Pod whose file was removed, or a Pod that was deleted by force, is known by its sandbox and
containers alone. Each container keeps in an annotation what its end asks for.
"""

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.container import ContainerPort, LifecycleHandler
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Container, Lifecycle, Pod, PodSpec
from kernel.reconcilers.pod.decisions.init_order import is_sidecar
from kernel.reconcilers.pod.observe import Observed

END = "podkernel.dev/end"


class _End(msgspec.Struct, omit_defaults=True):
    """`sidecar_position` is the place among the Pod's init containers."""

    pre_stop: LifecycleHandler | None = None
    ports: list[ContainerPort] = []
    sidecar_position: int | None = None


def end_annotations(pod: Pod, container: Container) -> dict[str, str]:
    """What a container keeps of the Pod for its end; nothing where it asks for nothing."""
    end = _End()
    if container.lifecycle is not None and container.lifecycle.pre_stop is not None:
        end.pre_stop, end.ports = container.lifecycle.pre_stop, container.ports
    names = [one.name for one in pod.spec.init_containers if is_sidecar(one)]
    if container.name in names:
        end.sidecar_position = names.index(container.name)
    return {END: msgspec.json.encode(end).decode()} if end != _End() else {}


def remains_of(uid: str, observed: Observed) -> Pod:
    """The Pod of this uid as far as what runs of it shows."""
    sandbox = observed.sandboxes[0]
    sidecars: dict[int, Container] = {}
    mains: list[Container] = []
    for run in observed.running():
        end = _end_of(run)
        container = Container(name=run.name, ports=end.ports)
        if end.pre_stop is not None:
            container.lifecycle = Lifecycle(pre_stop=end.pre_stop)
        if end.sidecar_position is None:
            mains.append(container)
        else:
            container.restart_policy = "Always"
            sidecars[end.sidecar_position] = container
    return Pod(
        metadata=ObjectMeta(name=sandbox.name, namespace=sandbox.namespace, uid=uid),
        spec=PodSpec(
            containers=mains,
            init_containers=[sidecars[position] for position in sorted(sidecars)],
            host_network=not sandbox.addresses,
        ),
    )


def _end_of(run: cri.Container) -> _End:
    try:
        return msgspec.json.decode(run.annotations.get(END, "{}"), type=_End)
    except msgspec.DecodeError:
        return _End()
