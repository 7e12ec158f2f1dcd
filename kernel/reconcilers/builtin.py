"""The built-in reconcilers and admission hooks, as a plugin like any other."""

from pathlib import Path

import msgspec

from kernel.api.client import Client
from kernel.clock import Clock
from kernel.control.informer import Informers
from kernel.control.plugin import Plugin
from kernel.control.reconciler import Reconciler
from kernel.control.recorder import Recorder
from kernel.cri.runtime import Runtime
from kernel.objects.kinds import KindTable
from kernel.reconcilers.cluster_roles import cluster_role_aggregation
from kernel.reconcilers.custom_resources import custom_resources
from kernel.reconcilers.event_expiry import event_expiry
from kernel.reconcilers.limit_ranges import limit_range_admission
from kernel.reconcilers.namespaces import namespaces
from kernel.reconcilers.node.health import NodeHealth
from kernel.reconcilers.node.image_collection import ImageCollection
from kernel.reconcilers.node.machine import Machine, this_machine
from kernel.reconcilers.node.registration import NodeIdentity, node_registration
from kernel.reconcilers.node.taints import node_taints
from kernel.reconcilers.node_limits import NODE_LIMITS, NodeLimits
from kernel.reconcilers.owners import owners
from kernel.reconcilers.pod.host import ApiAccess
from kernel.reconcilers.pod.lifecycle import NodeAgent
from kernel.reconcilers.priority_classes import priority_admission
from kernel.reconcilers.resource_quotas import resource_quotas
from kernel.reconcilers.runtime_classes import runtime_class_admission
from kernel.reconcilers.scheduling.scheduler import SCHEDULER_NAME, scheduler
from kernel.reconcilers.service_accounts import service_account_admission
from kernel.reconcilers.static_pods.mirrors import static_pods
from kernel.reconcilers.static_pods.url import ManifestUrl
from kernel.reconcilers.storage_classes import storage_class_admission
from kernel.reconcilers.system_objects import (
    furnish_namespaces,
    protect_system_namespaces,
    system_objects,
)
from kernel.reconcilers.unserved_kinds import unserved_kinds

COMPONENT = "podkernel"  # who speaks in Events where Kubernetes has no one to
NODE_COMPONENT = "kubelet"  # what Kubernetes calls the node agent in Events
KUBERNETES_VERSION = "v1.32.0"  # the version whose behaviour is served


class NodeSetup(msgspec.Struct, frozen=True):
    """The node that this process is: its runtime, and where it keeps what belongs to Pods.

    `owner` marks what the node makes in a runtime that others may use too; it is the same at every
    start over one data directory.
    """

    name: str
    owner: str
    runtime: Runtime
    pod_directory: Path
    log_directory: Path
    api_access: ApiAccess
    static_pods: Path | ManifestUrl | None = None
    limits: NodeLimits = NODE_LIMITS


async def builtin_plugin(
    *,
    client: Client,
    informers: Informers,
    kinds: KindTable,
    clock: Clock,
    node: NodeSetup | None,
    authority: str,
) -> Plugin:
    """Everything that a kernel does by itself; without `node`, all but running Pods. `authority`
    is the API server's, in PEM.

    The order is the order of the start: static Pods before the node agent, so that it does not
    take what they run for left over.
    """
    scheduling_recorder = Recorder(client, component=SCHEDULER_NAME, clock=clock)
    reconcilers = [
        system_objects(authority=authority),
        namespaces(client, informers, kinds, clock),
        event_expiry(clock),
        cluster_role_aggregation(informers),
        custom_resources(client, informers, clock),
        resource_quotas(),
        *owners(informers, kinds),
        scheduler(informers, scheduling_recorder, clock),
        *unserved_kinds(Recorder(client, component=COMPONENT, clock=clock)),
    ]
    if node is not None:
        reconcilers += await _node_reconcilers(node, client, informers, clock)
    return Plugin(
        name="builtin",
        reconcilers=tuple(reconcilers),
        admission_hooks=(
            protect_system_namespaces,
            furnish_namespaces(authority),
            service_account_admission(client, clock),
            runtime_class_admission(client),
            *priority_admission(informers),
            *limit_range_admission(informers),
            storage_class_admission(informers),
        ),
    )


async def _node_reconcilers(
    node: NodeSetup, client: Client, informers: Informers, clock: Clock
) -> list[Reconciler]:
    for directory in (node.pod_directory, node.log_directory):
        directory.mkdir(parents=True, exist_ok=True)
    node.pod_directory.chmod(0o700)  # what Secrets say stands there, readable to any container
    machine = this_machine(node.pod_directory)
    recorder = Recorder(client, component=NODE_COMPONENT, clock=clock, host=node.name)
    version = await node.runtime.version()
    identity = NodeIdentity(
        name=node.name,
        machine=machine,
        runtime_version=f"{version.name}://{version.version}",
        kubelet_version=KUBERNETES_VERSION,
    )
    agent = NodeAgent(
        node_name=node.name,
        owner=node.owner,
        runtime=node.runtime,
        clock=clock,
        recorder=recorder,
        pods_directory=node.pod_directory,
        logs_directory=node.log_directory,
        host_addresses=[machine.internal_ip],
        capacity=_capacity(machine),
        limits=node.limits,
        informers=informers,
        api_access=node.api_access,
    )
    health = NodeHealth(node.runtime, node.pod_directory, clock, node.limits)
    reconcilers = [
        node_registration(identity, health, recorder, clock, node.limits),
        node_taints(recorder, clock),
        ImageCollection(node.name, node.runtime, recorder, clock, node.limits).reconciler(),
    ]
    if node.static_pods is not None:
        reconcilers.append(static_pods(node.static_pods, node.name, informers, recorder, clock))
    return [*reconcilers, *agent.reconcilers()]


def _capacity(machine: Machine) -> dict[str, str]:
    """What resource references of containers without limits stand for."""
    return {
        "cpu": str(machine.cpus),
        "memory": str(machine.memory_bytes),
        "ephemeral-storage": str(machine.storage_bytes),
    }
