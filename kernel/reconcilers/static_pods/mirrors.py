"""Static Pods: a directory of manifests, each with a mirror Pod in the API.

The mirror is an ordinary Pod with the kubelet's annotations, on this node from the start, so the
node agent runs it. It follows the file: deleted through the API it is there again in the same
atomic write, changed in the file it is replaced, gone from the directory it goes.

File notifications start a reading of the directory at once; a slow rescan is the safety net, for
what gives no notification (the target of a symbolic link, some network file systems).
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from kernel.api.client import Client
from kernel.api.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound
from kernel.clock import Clock, now_datetime
from kernel.control.informer import Informers, ObjectKey
from kernel.control.reconciler import Reconciler, Request, RetryAfter, Trigger, Watch
from kernel.control.recorder import Recorder
from kernel.objects.meta import ObjectMeta, OwnerReference
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.reconcilers.static_pods.files import StaticPodFiles, WantedPod
from kernel.reconcilers.static_pods.watch import DirectoryWatch

logger = logging.getLogger("podkernel.static_pods")

HASH_ANNOTATION = "kubernetes.io/config.hash"
SOURCE_ANNOTATION = "kubernetes.io/config.source"
SEEN_ANNOTATION = "kubernetes.io/config.seen"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
SOURCE = "file"

BAD_FILE_REASON = "FailedStaticPod"

RESCAN_SECONDS = 20.0
MISSING_DIRECTORY_SECONDS = 1.0
CONFLICT_RETRY_SECONDS = 0.05


def static_pods(
    directory: Path, node_name: str, informers: Informers, recorder: Recorder, clock: Clock
) -> Reconciler:
    """The reconciler that mirrors the Pods of `directory` on this node. `recorder` tells, on the
    Node, of files that can't be used."""
    mirrors = _Mirrors(directory, node_name, informers, recorder, clock)
    return Reconciler(
        name="static-pods",
        kind=Pod,
        reconcile=mirrors.reconcile,
        when=mirrors.is_ours,
        watches=(Watch(Node, mirrors.requests_of_node),),
        sources=(mirrors.source,),
    )


class _Mirrors:
    """What the files ask for, against what the API has."""

    def __init__(
        self,
        directory: Path,
        node_name: str,
        informers: Informers,
        recorder: Recorder,
        clock: Clock,
    ):
        self._directory = directory
        self._node_name = node_name
        self._nodes = informers.of(Node)
        self._recorder = recorder
        self._clock = clock
        self._files = StaticPodFiles(directory, node_name)
        self._missing = False
        self._unwatched = False
        self._said: dict[str, bytes] = {}  # problems of files, as long as they last
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
        return [Request(name, namespace) for namespace, name in self._files.wanted]

    async def reconcile(self, request: Request, client: Client) -> None:
        """Make the API have what the files ask for, for one name."""
        wanted = self._files.wanted.get((request.namespace, request.name))
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
            if present is not None:
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
        """The Pod to create for what a file asks for."""
        seen = now_datetime(self._clock).astimezone(UTC).isoformat().replace("+00:00", "Z")
        pod = msgspec.json.decode(msgspec.json.encode(wanted.pod), type=Pod)
        pod.metadata.annotations |= {
            HASH_ANNOTATION: wanted.hash,
            MIRROR_ANNOTATION: wanted.hash,
            SEEN_ANNOTATION: seen,
            SOURCE_ANNOTATION: SOURCE,
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

    # Files

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Read the directory, and follow it."""
        await self._read(trigger)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow, trigger)
            yield
            tasks.cancel_scope.cancel()

    async def _follow(self, trigger: Trigger) -> None:
        """Watch the directory. Now and then the watch is made anew, because another directory may
        have taken the place of the one that is watched; that starts with a reading."""
        while True:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, trigger)
                await self._clock.sleep(
                    MISSING_DIRECTORY_SECONDS if self._missing else RESCAN_SECONDS
                )
                tasks.cancel_scope.cancel()

    async def _watch(self, trigger: Trigger) -> None:
        """Read the directory now that it is watched, and whenever something in it changes."""
        try:
            with DirectoryWatch.open(self._directory) as watch:
                self._unwatched = False
                while True:
                    await self._read(trigger)
                    await watch.wait_change()
        except FileNotFoundError:
            await self._read(trigger)
        except (OSError, RuntimeError) as error:
            if not self._unwatched:
                logger.warning(
                    "%s: changes are noticed after up to %g s only: %s",
                    *(self._directory, RESCAN_SECONDS, error),
                )
            self._unwatched = True
            await self._read(trigger)

    async def _read(self, trigger: Trigger) -> None:
        """Read the directory, and have looked at what it asks for differently."""
        with anyio.CancelScope(shield=True):  # what has been read must be passed on
            before = self._files.wanted
            try:
                await anyio.to_thread.run_sync(self._files.read)
            except FileNotFoundError:
                if not self._missing:
                    logger.warning("%s: no such directory; waiting for it", self._directory)
                self._missing = True
            else:
                self._missing = False
            after = self._files.wanted
            for key in before.keys() | after.keys():
                old, new = before.get(key), after.get(key)
                if old is None or new is None or old.hash != new.hash:
                    trigger(Request(key[1], key[0]))
            await self._say(self._files.problems)

    async def _say(self, problems: dict[str, bytes]) -> None:
        """Tell of what is wrong with the files, once for what they say now."""
        for problem, digest in problems.items():
            if self._said.get(problem) != digest:
                await self._tell(problem)
        self._said = problems

    async def _refuse(self, wanted: WantedPod, problems: list[str]) -> None:
        """Tell of a Pod that the API does not take, once for what its file says."""
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


def _is_current(present: Pod, wanted: WantedPod) -> bool:
    return (
        present.metadata.deletion_timestamp is None
        and present.metadata.annotations.get(HASH_ANNOTATION) == wanted.hash
    )
