"""Static Pods: manifests in a directory or behind a URL, each with a mirror Pod in the API.

The mirror is an ordinary Pod with the kubelet's annotations, on this node from the start, so the
node agent runs it. It follows its manifest: deleted through the API it is there again in the same
atomic write, changed in the manifest it is replaced, gone from there it goes.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

import anyio
import msgspec

from kernel.api.client import Client
from kernel.api.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound
from kernel.clock import Clock, now_datetime
from kernel.control.informer import Informers, ObjectKey, key_of
from kernel.control.reconciler import Reconciler, Request, RetryAfter, Trigger, Watch
from kernel.control.recorder import Recorder
from kernel.objects.meta import ObjectMeta, OwnerReference
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import CONFIG_HASH
from kernel.reconcilers.static_pods.directory import DirectorySource
from kernel.reconcilers.static_pods.manifests import WantedPod
from kernel.reconcilers.static_pods.source import RESCAN_SECONDS, PodSource
from kernel.reconcilers.static_pods.url import ManifestUrl, UrlSource

logger = logging.getLogger("podkernel.static_pods")

SOURCE_ANNOTATION = "kubernetes.io/config.source"
SEEN_ANNOTATION = "kubernetes.io/config.seen"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
BAD_FILE_REASON = "FailedStaticPod"

CONFLICT_RETRY_SECONDS = 0.05


def static_pods(
    place: Path | ManifestUrl,
    node_name: str,
    informers: Informers,
    recorder: Recorder,
    clock: Clock,
) -> Reconciler:
    """The reconciler that mirrors the Pods of a directory or URL on this node. `recorder` tells, on
    the Node, of manifests that can't be used."""
    source: PodSource
    if isinstance(place, ManifestUrl):
        source = UrlSource(place, node_name, clock)
    else:
        source = DirectorySource(place, node_name, clock)
    mirrors = _Mirrors(source, node_name, informers, recorder, clock)
    return Reconciler(
        name="static-pods",
        kind=Pod,
        reconcile=mirrors.reconcile,
        when=mirrors.is_ours,
        watches=(Watch(Node, mirrors.requests_of_node),),
        sources=(mirrors.source,),
    )


class _Mirrors:
    """What the manifests ask for, against what the API has."""

    def __init__(
        self,
        source: PodSource,
        node_name: str,
        informers: Informers,
        recorder: Recorder,
        clock: Clock,
    ):
        self._source = source
        self._node_name = node_name
        self._nodes = informers.of(Node)
        self._pods = informers.of(Pod)
        self._recorder = recorder
        self._clock = clock
        self._queued: Mapping[ObjectKey, WantedPod] = {}
        self._said: Mapping[str, bytes] = {}  # problems of manifests, as long as they last
        self._refused: dict[ObjectKey, str] = {}  # by the API: hash of what was refused

    def is_ours(self, pod: Pod) -> bool:
        """Whether a Pod mirrors a static Pod of this node."""
        return (
            MIRROR_ANNOTATION in pod.metadata.annotations and pod.spec.node_name == self._node_name
        )

    def requests_of_node(self, node: Node) -> list[Request]:
        """The mirrors name their Node as owner: they may have waited for it."""
        if node.metadata.name != self._node_name:
            return []
        return [Request(name, namespace) for namespace, name in self._source.wanted]

    async def reconcile(self, request: Request, client: Client) -> None:
        """Make the API have what the manifests ask for, for one name."""
        wanted = self._source.wanted.get((request.namespace, request.name))
        try:
            present = await client.get(Pod, request.name, namespace=request.namespace)
        except NotFound:
            present = None
        if present is not None and not self.is_ours(present):
            if wanted is not None:
                message = "a Pod of that name is in the API, and is no static Pod of this node"
                await self._refuse(wanted, [wanted.document.problem("metadata.name", message)])
            return
        if wanted is None:
            if present is not None and self._source.known:
                await self._remove(present, client)
        elif present is None or not _is_current(present, wanted):
            await self._put(wanted, present, client)

    async def _put(self, wanted: WantedPod, present: Pod | None, client: Client) -> None:
        """Create the mirror, or replace it without a moment in which there is none."""
        node = self._nodes.get("", self._node_name)
        if node is None:
            return  # a request follows when it is registered
        if present is not None and present.metadata.finalizers:
            await self._remove(present, client)  # a request follows when they have let it go
            return
        pod = self._mirror(wanted, node)
        try:
            async with client.transaction() as transaction:
                if present is not None:
                    await transaction.delete(
                        Pod,
                        pod.metadata.name,
                        namespace=pod.metadata.namespace,
                        grace_period_seconds=0,
                    )
                await transaction.create(pod)
        except (Conflict, AlreadyExists) as error:
            raise RetryAfter(CONFLICT_RETRY_SECONDS, str(error)) from error
        except Invalid as error:
            causes = error.details.causes if error.details is not None else []
            problems = [wanted.document.problem(one.field, one.message) for one in causes]
            await self._refuse(wanted, problems or [wanted.document.problem("", error.message)])
        except (NotFound, Forbidden, BadRequest) as error:
            await self._refuse(wanted, [wanted.document.problem("", error.message)])
            raise RetryAfter(RESCAN_SECONDS, str(error)) from error
        else:
            self._refused.pop((pod.metadata.namespace, pod.metadata.name), None)

    async def _remove(self, present: Pod, client: Client) -> None:
        metadata = present.metadata
        try:
            await client.delete(
                Pod,
                metadata.name,
                namespace=metadata.namespace,
                grace_period_seconds=0,
                uid=metadata.uid,
            )
        except (NotFound, Conflict):
            return  # gone, or another one: that has been queued

    def _mirror(self, wanted: WantedPod, node: Node) -> Pod:
        """The Pod to create for what a manifest asks for."""
        seen = now_datetime(self._clock).astimezone(UTC).isoformat().replace("+00:00", "Z")
        pod = msgspec.json.decode(msgspec.json.encode(wanted.pod), type=Pod)
        pod.metadata.annotations |= {
            CONFIG_HASH: wanted.hash,
            MIRROR_ANNOTATION: wanted.hash,
            SEEN_ANNOTATION: seen,
            SOURCE_ANNOTATION: self._source.name,
        }
        owner = OwnerReference(
            api_version=node.api_version,
            kind=node.kind,
            name=node.metadata.name,
            uid=node.metadata.uid,
            controller=True,
        )
        pod.metadata.owner_references = [owner]
        return pod

    # Manifests

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Follow the manifests. Those on this machine are read before anything else is done."""

        async def read() -> None:
            await self._read(trigger)

        if self._source.known:
            await read()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._source.follow, read)
            yield
            tasks.cancel_scope.cancel()

    async def _read(self, trigger: Trigger) -> None:
        """Read the manifests, and have looked at what they ask for differently."""
        was_known = self._source.known
        await self._source.read()
        before, after = self._queued, self._source.wanted
        changed = [
            key
            for key in before.keys() | after.keys()
            if _hash_of(before.get(key)) != _hash_of(after.get(key))
        ]
        if self._source.known and not was_known:  # what nobody asks for any more can go
            changed += [key_of(pod) for pod in self._pods.all() if self.is_ours(pod)]
        for namespace, name in changed:
            trigger(Request(name, namespace))
        self._queued = after
        await self._say(self._source.problems)

    async def _say(self, problems: Mapping[str, bytes]) -> None:
        """Tell of what is wrong with the manifests, once for what they say now."""
        for problem, digest in problems.items():
            if self._said.get(problem) != digest:
                await self._tell(problem)
        self._said = problems

    async def _refuse(self, wanted: WantedPod, problems: list[str]) -> None:
        """Tell of a Pod that the API does not take, once for what its manifest says."""
        key = (wanted.pod.metadata.namespace, wanted.pod.metadata.name)
        if self._refused.get(key) != wanted.hash:
            self._refused[key] = wanted.hash
            for problem in problems:
                await self._tell(problem)

    async def _tell(self, problem: str) -> None:
        logger.warning("%s", problem)
        # The kubelet, too, tells of its node under the node's name as uid; describe finds both.
        node = Node(metadata=ObjectMeta(name=self._node_name, uid=self._node_name))
        await self._recorder.event(node, "Warning", BAD_FILE_REASON, problem)


def _hash_of(wanted: WantedPod | None) -> str:
    return wanted.hash if wanted is not None else ""


def _is_current(present: Pod, wanted: WantedPod) -> bool:
    return (
        present.metadata.deletion_timestamp is None
        and present.metadata.annotations.get(CONFIG_HASH) == wanted.hash
    )
