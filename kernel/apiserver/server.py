"""The API server: an HTTP listener in front of an `ObjectApi`, with TLS, token and kubeconfig."""

import asyncio
import errno
import socket
import ssl
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from kernel.api.access.authorizer import Authorizer
from kernel.api.access.default_objects import ensure_default_roles
from kernel.api.object_api import ObjectApi
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.apiserver.access.authentication import Authenticator, load_token
from kernel.apiserver.bodies import BODY_BYTES_MAX
from kernel.apiserver.certificates import prepare_certificates
from kernel.apiserver.connections import Connections
from kernel.apiserver.kubeconfig import write_kubeconfig
from kernel.apiserver.limits.settings import LIMITS, Limits
from kernel.apiserver.logs import PodLogs
from kernel.apiserver.metrics import Metrics
from kernel.apiserver.monitoring.exposition import MoreFigures
from kernel.apiserver.plugin_paths import PluginPaths
from kernel.apiserver.pod_access import PodAccess
from kernel.apiserver.proxying.node_paths import NodePaths
from kernel.apiserver.proxying.proxies import Proxies
from kernel.apiserver.routes import Routes
from kernel.apiserver.streaming.pod_streams import PodStreams
from kernel.apiserver.streams import OpenStreams
from kernel.cri.runtime import Runtime

USER = "admin"
PORT_MAX = 65535
BACKLOG_CONNECTIONS = 1024
STOP_SECONDS_MAX = 2.0


class ListenFailure(Exception):
    """The server can't listen where it was told to. The message is one line for a person."""


def check_listen(host: str, port: int) -> None:
    """Raise `ListenFailure` where nobody could listen now, before anything else is begun."""
    try:
        for family, kind, _, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                probe.listen()
    except OSError as error:
        raise ListenFailure(_listen_message(host, port, error)) from error


class ApiServer:
    """Serves one `ObjectApi` over HTTP.

    `data_directory` gets `pki/`, `token` and `kubeconfig`; `pod_logs_directory` is where the node
    agent has the runtime write container logs; `tokens` knows those of ServiceAccounts,
    `authorizer` what users may do, and by `pod_access` Pods reach the server, where it speaks TLS;
    `plugin_paths` are served beside the API, and `metrics` as metrics.k8s.io; exec and its like go
    to `runtime`, where the kernel has a node. With `tls` false it speaks plain HTTP, for benches
    and proxies on loopback: kubectl sends no token over that. `limits` bound what clients may take
    of the server; `/metrics` tells `more_figures` beside its own.
    """

    def __init__(
        self,
        api: ObjectApi,
        *,
        data_directory: Path,
        pod_logs_directory: Path,
        tokens: ServiceAccountTokens,
        authorizer: Authorizer,
        pod_access: PodAccess | None = None,
        tls: bool = True,
        plugin_paths: PluginPaths | None = None,
        metrics: Metrics | None = None,
        runtime: Runtime | None = None,
        limits: Limits = LIMITS,
        more_figures: MoreFigures = tuple,
    ):
        self._api = api
        self._more_figures = more_figures
        self._limits = limits
        self._tasks: list[asyncio.Task[None]] = []
        self._runtime = runtime
        self._metrics = metrics
        self._tokens = tokens
        self._authorizer = authorizer
        self._pod_access = pod_access
        self._pod_listeners: list[asyncio.Server] = []
        self._plugin_paths = plugin_paths
        self._data_directory = data_directory
        self._pod_logs_directory = pod_logs_directory
        self._tls = tls
        self._streams = OpenStreams()
        self._http: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self.url = ""
        self.port = 0
        self.token = ""

    @property
    def kubeconfig(self) -> Path:
        """The file that lets kubectl in; there once `start` has returned."""
        return self._data_directory / "kubeconfig"

    def open_streams(self) -> int:
        """How many watches, followed logs and conversations are being served."""
        return len(self._streams)

    async def start(self, listen_host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen, and write the kubeconfig. Port 0 takes a free one; `url` then names it.

        Raises `ListenFailure`, and `OSError` where the data directory can't be written.
        """
        if not 0 <= port <= PORT_MAX:  # uvloop would take the port modulo 65536
            raise ListenFailure(f"can't listen on {listen_host}:{port}: no such port")
        self._data_directory.mkdir(parents=True, exist_ok=True)
        self.token = load_token(self._data_directory / "token")
        context: ssl.SSLContext | None = None
        authority: Path | None = None
        if self._tls:
            certificates = prepare_certificates(
                self._data_directory / "pki", listen_host, self._api.clock
            )
            context, authority = certificates.server_context(), certificates.authority
        await ensure_default_roles(self._api)
        authenticator = Authenticator(
            self.token,
            user=USER,
            listen_host=listen_host,
            service_accounts=self._tokens,
            clock=self._api.clock,
        )
        logs = PodLogs(self._api, self._pod_logs_directory, self._streams, self._runtime)
        routes = Routes(
            self._api,
            authenticator,
            self._authorizer,
            logs,
            PodStreams(self._api, self._runtime, self._streams),
            Proxies(self._api, self._runtime, self._streams, NodePaths(self._api, self._metrics)),
            self._streams,
            self._tokens,
            self._plugin_paths,
            self._metrics,
            self._limits,
            self._more_figures,
        )
        self.port = await self._listen(routes, listen_host, port, context)
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://{_in_url(_reachable_host(listen_host))}:{self.port}"
        write_kubeconfig(self.kubeconfig, url=self.url, authority=authority, token=self.token)
        if self._pod_access is not None and context is not None:
            accept = partial(self._accept, context=context)
            await self._pod_access.serve(accept, (_reachable_host(listen_host), self.port))

    async def stop(self) -> None:
        """End the streams and close all connections; requests in work get a moment to finish."""
        if self._listener is None or self._http is None:
            return
        if self._pod_access is not None:
            self._pod_access.close()
        for listener in (self._listener, *self._pod_listeners):
            listener.close()
        self._pod_listeners = []
        self._streams.end()
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._http.pre_shutdown()
        await self._http.shutdown(STOP_SECONDS_MAX)
        self._listener = self._http = None

    async def _accept(self, listener: socket.socket, *, context: ssl.SSLContext) -> None:
        assert self._http is not None
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            self._http,
            sock=listener,
            ssl=context,
            ssl_handshake_timeout=self._limits.head_seconds,
        )
        self._pod_listeners.append(server)

    async def _listen(
        self, routes: Routes, host: str, port: int, context: ssl.SSLContext | None
    ) -> int:
        loop = asyncio.get_running_loop()

        def make_request(
            message: RawRequestMessage,
            payload: StreamReader,
            protocol: web.RequestHandler,
            writer: AbstractStreamWriter,
            task: "asyncio.Task[None]",
        ) -> web.BaseRequest:
            return web.BaseRequest(
                message, payload, protocol, writer, task, loop, client_max_size=BODY_BYTES_MAX
            )

        self._http = Connections(
            routes.handle, clock=self._api.clock, limits=self._limits, request_factory=make_request
        )
        try:
            self._listener = await loop.create_server(
                self._http,
                host or None,
                port,
                ssl=context,
                ssl_handshake_timeout=self._limits.head_seconds if context else None,
                backlog=BACKLOG_CONNECTIONS,
            )
        except OSError as error:
            raise ListenFailure(_listen_message(host, port, error)) from error
        deadlines = (self._http.heads, self._http.answers, routes.gate.bodies)
        self._tasks = [loop.create_task(one.run()) for one in deadlines]
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound


def _listen_message(host: str, port: int, error: OSError) -> str:
    place = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"can't listen on {place}: the port is taken; choose another one, or 0 for a free one"
        )
    if error.errno == errno.EACCES:
        return f"can't listen on {place}: no permission for this port"
    return f"can't listen on {place}: {error.strerror or error}"


def _reachable_host(listen_host: str) -> str:
    """How a client of this machine addresses the listener."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen_host, listen_host)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
