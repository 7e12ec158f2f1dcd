"""The Node object of this process's node, and the Lease that says that it lives.

Only what is the node's own is written: the standard labels, its part of the status, the Lease.
Labels, taints, cordoning and conditions that others set stay as they are.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

from kernel.api.client import Client
from kernel.api.errors import Conflict, NotFound
from kernel.clock import Clock, now_datetime, now_timestamp
from kernel.control.reconciler import Reconciler, Request, Result, RetryAfter, Trigger
from kernel.control.recorder import Recorder
from kernel.objects.coordination import Lease, LeaseSpec
from kernel.objects.meta import ObjectMeta, OwnerReference
from kernel.objects.node import (
    DaemonEndpoint,
    Node,
    NodeAddress,
    NodeDaemonEndpoints,
    NodeStatus,
    NodeSystemInfo,
)
from kernel.objects.quantity import format_binary
from kernel.reconcilers.node.conditions import changes, merged, node_conditions
from kernel.reconcilers.node.health import Health, NodeHealth
from kernel.reconcilers.node.images import listed_images
from kernel.reconcilers.node.machine import Machine
from kernel.reconcilers.node_limits import NodeLimits

LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
RENEW_SECONDS = 10.0
CONFLICT_RETRY_SECONDS = 0.05
PODS_MAX_DEFAULT = 110


class NodeIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself. `labels` are given to a Node that is new, beside the standard
    ones. `runtime_version` is as `kubectl get nodes -o wide` shows it: `containerd://2.0.1`."""

    name: str
    machine: Machine
    runtime_version: str
    kubelet_version: str
    kubelet_port: int = 0
    pods_max: int = PODS_MAX_DEFAULT
    labels: Mapping[str, str] = {}


def node_registration(
    identity: NodeIdentity,
    health: NodeHealth,
    recorder: Recorder,
    clock: Clock,
    limits: NodeLimits,
) -> Reconciler:
    """The reconciler that keeps the Node there and its status fresh, and renews the Lease."""

    async def reconcile(request: Request, client: Client) -> Result:
        if request.name != identity.name:
            return Result()
        try:
            found = await health.look()
            node = await _ensure_node(identity, found, client, recorder, clock)
            renew_in_seconds = await _ensure_lease(node, client, clock)
        except Conflict as error:
            raise RetryAfter(CONFLICT_RETRY_SECONDS, str(error)) from error
        return Result(requeue_after_seconds=min(renew_in_seconds, limits.node_check_seconds))

    @asynccontextmanager
    async def at_start(trigger: Trigger) -> AsyncIterator[None]:
        trigger(Request(identity.name))
        yield

    return Reconciler(
        name="node",
        kind=Node,
        reconcile=reconcile,
        when=lambda node: node.metadata.name == identity.name,
        sources=(at_start,),
    )


async def _ensure_node(
    identity: NodeIdentity, health: Health, client: Client, recorder: Recorder, clock: Clock
) -> Node:
    """The Node as it should be, as far as it is this process's to say."""
    standard_labels = {
        "kubernetes.io/hostname": identity.name,
        "kubernetes.io/os": identity.machine.operating_system,
        "kubernetes.io/arch": identity.machine.architecture,
    }
    try:
        node = await client.get(Node, identity.name)
    except NotFound:
        labels = {**identity.labels, **standard_labels}
        status = _status(identity, health, NodeStatus(), clock)
        metadata = ObjectMeta(name=identity.name, labels=labels)
        return await client.create(Node(metadata=metadata, status=status))
    if not standard_labels.items() <= node.metadata.labels.items():
        node.metadata.labels |= standard_labels
        node = await client.update(node)
    status = _status(identity, health, node.status, clock)
    if status != node.status:
        reasons = changes(node.status.conditions, status.conditions)
        node.status = status
        node = await client.update_status(node)
        for reason in reasons:
            message = f"Node {identity.name} status is now: {reason}"
            await recorder.event(node, "Normal", reason, message)
    return node


def _status(
    identity: NodeIdentity, health: Health, present: NodeStatus, clock: Clock
) -> NodeStatus:
    """The status to have in place of `present`, which is left as it is."""
    machine = identity.machine
    resources = {
        "cpu": str(machine.cpus),
        "memory": f"{machine.memory_bytes // 1024}Ki",
        "ephemeral-storage": f"{machine.storage_bytes // 1024}Ki",
        "pods": str(identity.pods_max),
    }
    for name, size_bytes in machine.huge_pages_bytes.items():
        resources[name] = format_binary(size_bytes)
    addresses = [
        NodeAddress(type="InternalIP", address=machine.internal_ip),
        NodeAddress(type="Hostname", address=machine.hostname),
    ]
    conditions = node_conditions(health.pressures, health.troubles, now_timestamp(clock))
    images = present.images if health.images is None else listed_images(health.images)
    return msgspec.structs.replace(
        present,
        images=images,
        capacity=present.capacity | resources,
        allocatable=present.allocatable | resources,
        conditions=merged(present.conditions, conditions),
        addresses=addresses,
        daemon_endpoints=NodeDaemonEndpoints(
            kubelet_endpoint=DaemonEndpoint(port=identity.kubelet_port)
        ),
        node_info=_system_info(identity),
    )


def _system_info(identity: NodeIdentity) -> NodeSystemInfo:
    machine = identity.machine
    return NodeSystemInfo(
        machine_id=machine.machine_id,
        system_uuid=machine.system_uuid,
        boot_id=machine.boot_id,
        kernel_version=machine.kernel_version,
        os_image=machine.os_image,
        container_runtime_version=identity.runtime_version,
        kubelet_version=identity.kubelet_version,
        operating_system=machine.operating_system,
        architecture=machine.architecture,
    )


async def _ensure_lease(node: Node, client: Client, clock: Clock) -> float:
    """Renew the Lease where that is due; answers in how many seconds it will be."""
    name, now = node.metadata.name, now_datetime(clock)
    owner = OwnerReference(
        api_version=node.api_version, kind=node.kind, name=name, uid=node.metadata.uid
    )
    try:
        lease = await client.get(Lease, name, namespace=LEASE_NAMESPACE)
    except NotFound:
        metadata = ObjectMeta(name=name, namespace=LEASE_NAMESPACE, owner_references=[owner])
        spec = LeaseSpec(holder_identity=name, lease_duration_seconds=LEASE_SECONDS, renew_time=now)
        await client.create(Lease(metadata=metadata, spec=spec))
        return RENEW_SECONDS
    renewed = lease.spec.renew_time
    ours = lease.spec.holder_identity == name and lease.metadata.owner_references == [owner]
    if ours and renewed is not None:
        age_seconds = (now - renewed).total_seconds()
        # A whole second is stored a microsecond later (a MicroTime keeps its fraction).
        if -1 < age_seconds < RENEW_SECONDS - 0.001:
            return RENEW_SECONDS - max(age_seconds, 0)
    lease.metadata.owner_references = [owner]
    lease.spec.holder_identity = name
    lease.spec.lease_duration_seconds = LEASE_SECONDS
    lease.spec.renew_time = now
    await client.update(lease)
    return RENEW_SECONDS
