"""The one place that wires the object graph: store, API, reconcilers, node, API server."""

import re
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from kernel.api.access.authorizer import Authorizer
from kernel.api.access.escalation import escalation_hooks
from kernel.api.admission import AdmissionChain
from kernel.api.changes import ChangeLog
from kernel.api.client import Client, ProjectionView
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.api.policies.stored_policies import StoredPolicies
from kernel.api.replayed import open_world
from kernel.api.retention import retaining
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.api.webhooks.stored_webhooks import StoredWebhooks
from kernel.apiserver.kubeconfig import served_address
from kernel.apiserver.pod_access import PodAccess
from kernel.clock import Clock, SystemClock
from kernel.control.informer import Informers
from kernel.control.manager import Manager
from kernel.control.plugin import (
    Plugin,
    check_names,
    load_path,
    served_kinds,
    upcasters_of,
)
from kernel.control.plugin_http import HttpGet
from kernel.control.projection_run import Projections
from kernel.control.reconciler import Reconciler
from kernel.control.replay import Replay, ReplayProgress, ReplayReport
from kernel.cri.choice import RuntimeName, outside_runtime, own_runtime
from kernel.cri.gateway import Gateway
from kernel.cri.runtime import Runtime
from kernel.objects.kinds import KindTable
from kernel.objects.namespace import Namespace
from kernel.reconcilers.api_endpoints import publish_endpoints, published_address
from kernel.reconcilers.builtin import NodeSetup, builtin_plugin
from kernel.reconcilers.node_limits import NODE_LIMITS, NodeLimits
from kernel.reconcilers.pod.shutdown import stop_all_pods
from kernel.reconcilers.pod.volumes.directories import unmount_all
from kernel.reconcilers.priority_classes import ensure_priority_classes
from kernel.reconcilers.static_pods.url import SCHEMES, ManifestUrl
from kernel.reconcilers.system_objects import SERVICE_ADDRESS, ensure_system_objects
from kernel.store.compaction import Retention
from kernel.store.store import Durability, Store

if TYPE_CHECKING:
    from kernel.apiserver.metrics import Metrics
    from kernel.apiserver.server import ApiServer

OnExit = Literal["stop", "keep"]

POD_DIRECTORY = "pods"
POD_LOG_DIRECTORY = "pod-logs"
PROCESS_RUNTIME_DIRECTORY = "process"
KEY_DIRECTORY = "pki"
TOKEN_KEY_FILE = "pki/sa.key"
KUBECONFIG_FILE = "kubeconfig"
OWNER_FILE = "runtime-owner"
RETENTION = Retention()


class Kernel:
    """A running kernel: reconcilers at work over one data directory.

    ```python
    async with Kernel.open("state/") as kernel:
        await kernel.client.create(pod)
    ```
    """

    def __init__(
        self,
        data_directory: Path,
        api: ObjectApi,
        client: Client,
        tokens: ServiceAccountTokens,
        authorizer: Authorizer,
        pod_access: PodAccess,
        manager: Manager,
        node: NodeSetup | None,
        http_gets: Sequence[HttpGet] = (),
    ):
        self.data_directory = data_directory
        self.client = client
        self.runtime_name = node.runtime.name if node is not None else "nothing (no node)"
        self._node = node
        self._api = api
        self._tokens = tokens
        self._authorizer = authorizer
        self._pod_access = pod_access
        self._manager = manager
        self._http_gets = http_gets

    def projection(self, name: str) -> ProjectionView:
        """What a plugin's projection has made of the log up to now, own writes included. Raises
        `NotFound`, or `ApiError` where its fold has failed."""
        return self.client.projection(name)

    @staticmethod
    @asynccontextmanager
    async def open(
        path: str | Path,
        *,
        runtime: RuntimeName | Runtime | None = "process",
        plugins: Iterable[Plugin | ModuleType | Path | str] = (),
        durability: Durability = "disk",
        node_name: str = "",
        static_pods: str | Path | None = None,
        static_pods_headers: Mapping[str, str] | None = None,
        containerd_socket: str = "",
        on_exit: OnExit = "stop",
        retention: Retention | None = RETENTION,
        node_limits: NodeLimits = NODE_LIMITS,
        clock: Clock | None = None,
    ) -> "AsyncIterator[Kernel]":
        """Open a data directory, making it where it is missing, and run its reconcilers.

        `runtime` is what Pods run on: a name, a runtime of your own, or None for a kernel without
        a node (then Pods are stored and stay Pending). `plugins` are Plugins, modules, or paths of
        files or folders. `on_exit` says whether running Pods are stopped at the end, or kept
        running for the next one who opens the directory. `node_name` is this host's unless given.
        `retention` bounds how much of the past the log keeps (None: all of it), and `node_limits`
        what Pods' logs and images may take of this machine. `static_pods` is a directory of
        manifests, or a URL that starts with http:// or https://, which is asked for with
        `static_pods_headers`.

        Raises `StoreError` (held by another process, not writable), `RuntimeUnavailable`,
        `PluginError`.
        """
        clock = clock or SystemClock()
        directory = _absolute(path)
        loaded = [one for plugin in plugins for one in _load(plugin)]
        kinds, admission = _tables_of(loaded)
        upcasters = upcasters_of(loaded)
        async with AsyncExitStack() as stack:
            # Before the directory is made: a daemon that isn't there leaves no trace of us.
            chosen = await _outside_runtime(stack, runtime, clock, containerd_socket)
            store = await stack.enter_async_context(
                Store.open_writer(directory, clock=clock, durability=durability)
            )
            if retention is not None:
                await stack.enter_async_context(retaining(store, retention, clock))
            api = ObjectApi(store, kinds, clock, admission, upcasters)
            admission.follow(StoredPolicies(api), StoredWebhooks(api))
            authorizer = Authorizer(api)
            for hook in escalation_hooks(authorizer):
                admission.add_builtin(hook)
            projections = Projections(
                [one for plugin in loaded for one in plugin.projections],
                ChangeLog(store, upcasters),
                clock,
            )
            tokens = ServiceAccountTokens(api, directory / TOKEN_KEY_FILE)
            client = LocalClient(api, projections.view, tokens)
            authority = _authority(directory, clock)
            await ensure_system_objects(client, authority=authority)
            await ensure_priority_classes(client)
            pod_access = PodAccess(
                partial(Gateway, SERVICE_ADDRESS), served_address(directory / KUBECONFIG_FILE)
            )
            node = None
            if chosen is None and isinstance(runtime, str):
                chosen = await _own_runtime(stack, runtime, clock, directory)
            if chosen is not None:
                node = NodeSetup(
                    owner=await _owner(directory, client),
                    name=node_name or _host_name(),
                    runtime=chosen,
                    pod_directory=directory / POD_DIRECTORY,
                    log_directory=directory / POD_LOG_DIRECTORY,
                    api_access=pod_access,
                    static_pods=_static_pods(static_pods, static_pods_headers or {}),
                    limits=node_limits,
                )
                if on_exit == "stop":
                    stack.callback(unmount_all, node.pod_directory)
                    stack.push_async_callback(stop_all_pods, chosen, clock, node.owner)
            await stack.enter_async_context(projections.running())
            manager = await _run_reconcilers(
                stack, client, kinds, admission, clock, node, authority, loaded
            )
            gets = [get for plugin in loaded for get in plugin.http_gets]
            yield Kernel(
                directory, api, client, tokens, authorizer, pod_access, manager, node, gets
            )

    @staticmethod
    async def replay(
        path: str | Path,
        *,
        plugins: Iterable[Plugin | ModuleType | Path | str] = (),
        reconcilers: Iterable[Reconciler] = (),
        from_revision: int | None = None,
        progress: ReplayProgress = lambda revision, newest: None,
    ) -> ReplayReport:
        """Feed an old log to reconcilers, and report what they would have written.

        `path` is a data directory that this process does not have open; it is only read, also
        while another process writes it. All of `plugins` counts (kinds, admission hooks, upcasters,
        projections), and `reconcilers` beside their own. It starts with the entry `from_revision`,
        by default with the first one that the log can show. How the world answers is said in
        kernel/control/replay.py.

        Raises `StoreError` (no log, or none from that revision on), `ApiError`, `PluginError`.
        """
        loaded = [one for plugin in plugins for one in _load(plugin)]
        loaded.append(Plugin(name="given", reconcilers=tuple(reconcilers)))
        check_names(loaded)
        kinds, admission = _tables_of(loaded)
        with open_world(
            _absolute(path),
            kinds=kinds,
            admission=admission,
            upcasters=upcasters_of(loaded),
            from_revision=from_revision,
        ) as world:
            replay = Replay(
                world,
                [one for plugin in loaded for one in plugin.reconcilers],
                [one for plugin in loaded for one in plugin.projections],
            )
            return await replay.run(progress)

    @asynccontextmanager
    async def serving(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: bool = True
    ) -> "AsyncIterator[ApiServer]":
        """Let kubectl in: serve the API with TLS and a token. Port 0 takes a free one.

        The server's `url` and `kubeconfig` say how to reach it. Whoever asks over HTTP may do what
        roles allow them (docs/access.md); the kernel's own `client` may do everything. Needs
        asyncio. Raises `ListenFailure`.
        """
        from kernel.apiserver.plugin_paths import PluginPaths
        from kernel.apiserver.server import ApiServer
        from kernel.queue_figures import queue_figures

        server = ApiServer(
            self._api,
            data_directory=self.data_directory,
            pod_logs_directory=self.data_directory / POD_LOG_DIRECTORY,
            tokens=self._tokens,
            authorizer=self._authorizer,
            pod_access=self._pod_access,
            tls=tls,
            plugin_paths=PluginPaths(self._http_gets, self.client),
            metrics=self._metrics(),
            runtime=self._node.runtime if self._node is not None else None,
            more_figures=partial(queue_figures, self._manager),
        )
        await server.start(host, port)
        try:
            address = published_address(host)
            if address:
                await publish_endpoints(self.client, address, server.port)
            yield server
        finally:
            await server.stop()

    def _metrics(self) -> "Metrics | None":
        """What the Pods of this process's node use, where there is a node."""
        from kernel.apiserver.metrics import Metrics
        from kernel.apiserver.usage_samples import UsageSampler

        node = self._node
        if node is None:
            return None
        sampler = UsageSampler(node.runtime, self._api.clock)
        return Metrics(self._api, sampler, node.name)


async def _outside_runtime(
    stack: AsyncExitStack,
    runtime: RuntimeName | Runtime | None,
    clock: Clock,
    containerd_socket: str,
) -> Runtime | None:
    """The runtime that is there already: the caller's own (not ours to close), or a daemon."""
    if not isinstance(runtime, str):
        return runtime
    found = await outside_runtime(runtime, clock=clock, containerd_socket=containerd_socket)
    if found is not None:
        stack.push_async_callback(found.close)
    return found


async def _own_runtime(
    stack: AsyncExitStack, name: RuntimeName, clock: Clock, directory: Path
) -> Runtime:
    made = await own_runtime(
        name,
        clock=clock,
        state_directory=directory / PROCESS_RUNTIME_DIRECTORY,
        hidden_directory=directory,
    )
    stack.push_async_callback(made.close)
    return made


async def _run_reconcilers(
    stack: AsyncExitStack,
    client: Client,
    kinds: KindTable,
    admission: AdmissionChain,
    clock: Clock,
    node: NodeSetup | None,
    authority: str,
    loaded: Sequence[Plugin],
) -> Manager:
    """Run what is built in and what plugins bring, until the stack is left."""
    informers = Informers(client)
    builtin = await builtin_plugin(
        client=client, informers=informers, kinds=kinds, clock=clock, node=node, authority=authority
    )
    for hook in builtin.admission_hooks:
        admission.add_builtin(hook)
    check_names([builtin, *loaded])
    manager = Manager(client, clock, informers)
    for plugin in (builtin, *loaded):
        manager.add(plugin.reconcilers)
    await stack.enter_async_context(manager.running())
    return manager


def _absolute(path: str | Path) -> Path:
    return Path(path).absolute()


def _host_name() -> str:
    """This host's name as the name of a node, in which not all that hosts use is allowed."""
    return re.sub(r"[^a-z0-9.]+", "-", socket.gethostname().lower()).strip("-.") or "localhost"


def set_apart(directory: Path, clock: Clock) -> None:
    """Give the copy of a data directory a mark of its own for what it runs, so that it never takes
    over, or stops, the Pods of the first one in a runtime that both use."""
    (directory / OWNER_FILE).write_text(clock.uuid() + "\n")


async def _owner(directory: Path, client: Client) -> str:
    """What marks this data directory's Pods in a shared runtime: the uid of kube-system, which
    Kubernetes too takes for the identity of a cluster, unless the directory was set apart."""
    with suppress(FileNotFoundError):
        return (directory / OWNER_FILE).read_text().strip()
    return (await client.get(Namespace, "kube-system")).metadata.uid


def _static_pods(place: str | Path | None, headers: Mapping[str, str]) -> Path | ManifestUrl | None:
    if isinstance(place, str) and place.startswith(SCHEMES):
        return ManifestUrl(place, headers)
    return Path(place) if place is not None else None


def _authority(directory: Path, clock: Clock) -> str:
    """What the API server is to be trusted by, in PEM, also where none is started."""
    from kernel.apiserver.certificates import prepare_authority  # cryptography loads slowly

    return prepare_authority(directory / KEY_DIRECTORY, clock)


def _load(plugin: Plugin | ModuleType | Path | str) -> list[Plugin]:
    if isinstance(plugin, Plugin):
        return [plugin]
    if isinstance(plugin, ModuleType):
        return [Plugin.from_module(plugin)]
    return load_path(Path(plugin))


def _tables_of(plugins: Sequence[Plugin]) -> tuple[KindTable, AdmissionChain]:
    """The kinds and the hooks of the core and of all plugins."""
    return served_kinds(plugins), AdmissionChain(
        hook for plugin in plugins for hook in plugin.admission_hooks
    )
