"""Admission of Pods that name a RuntimeClass: it has to be there, and has a say in the Pod.

What Kubernetes' admission plugin RuntimeClass does (plugin/pkg/admission/runtimeclass). The handler
itself is looked up by the node agent, when the Pod starts.
"""

from collections.abc import Mapping

from kernel.api.admission import AdmissionHook, AdmissionRequest, admission
from kernel.api.client import Client
from kernel.api.errors import Forbidden, NotFound
from kernel.objects.pod import Pod
from kernel.objects.quantity import compare_quantities
from kernel.objects.runtime_class import RuntimeClass, Scheduling


def runtime_class_admission(client: Client) -> AdmissionHook:
    """The hook that looks RuntimeClasses up with `client`."""

    @admission(Pod, name="RuntimeClass")
    async def follow_runtime_class(request: AdmissionRequest) -> None:
        pod: Pod = request.object
        refusal = await _refusal(client, pod)
        if refusal:
            raise Forbidden(f'pods "{request.name}" is forbidden: {refusal}')

    return follow_runtime_class


async def _refusal(client: Client, pod: Pod) -> str:
    """Let the RuntimeClass have its say; answers why the Pod is refused, else nothing."""
    name, runtime_class = pod.spec.runtime_class_name, None
    if name is not None:
        try:
            runtime_class = await client.get(RuntimeClass, name)
        except NotFound:
            return f'pod rejected: RuntimeClass "{name}" not found'
    return _set_overhead(pod, runtime_class) or _set_scheduling(pod, runtime_class)


def _set_overhead(pod: Pod, runtime_class: RuntimeClass | None) -> str:
    wanted = pod.spec.overhead
    if runtime_class is None or runtime_class.overhead is None:
        without = "Pod Overhead set without corresponding RuntimeClass defined Overhead"
        return f"pod rejected: {without}" if wanted else ""
    defined = runtime_class.overhead.pod_fixed
    if wanted and not _are_equal(wanted, defined):
        return "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
    pod.spec.overhead = dict(defined)
    return ""


def _are_equal(left: Mapping[str, str], right: Mapping[str, str]) -> bool:
    return left.keys() == right.keys() and all(
        compare_quantities(left[name], right[name]) == 0 for name in left
    )


def _set_scheduling(pod: Pod, runtime_class: RuntimeClass | None) -> str:
    if runtime_class is None or runtime_class.scheduling is None:
        return ""
    scheduling: Scheduling = runtime_class.scheduling
    selector = pod.spec.node_selector
    for key, value in scheduling.node_selector.items():
        if selector.get(key, value) != value:
            return (
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
    pod.spec.node_selector = selector | scheduling.node_selector
    pod.spec.tolerations += [
        toleration
        for toleration in scheduling.tolerations
        if toleration not in pod.spec.tolerations
    ]
    return ""
