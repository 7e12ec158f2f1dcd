"""Which of its runtime's ways a Pod is run in."""

from kernel.api.client import Client
from kernel.api.errors import NotFound
from kernel.objects.pod import Pod
from kernel.objects.runtime_class import RuntimeClass
from kernel.reconcilers.pod.configuration.environment import ConfigError


async def runtime_handler(client: Client, pod: Pod) -> str:
    """The handler of the Pod's RuntimeClass; empty is the runtime's default. Raises `ConfigError`
    where there is no such RuntimeClass (any more)."""
    name = pod.spec.runtime_class_name
    if name is None:
        return ""
    try:
        return (await client.get(RuntimeClass, name)).handler
    except NotFound as error:
        raise ConfigError(f'runtimeclass.node.k8s.io "{name}" not found') from error
