"""The subresource proxy: from a request below `…/proxy` to the Pod that is to answer it."""

from functools import partial

import anyio
from aiohttp import web

from kernel.api.errors import MethodNotAllowed
from kernel.api.object_api import ObjectApi
from kernel.apiserver.answers import text_answer
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.proxying.addresses import (
    ProxiedName,
    ServiceUnavailable,
    pod_port,
    read_name,
    service_backends,
    service_port,
)
from kernel.apiserver.proxying.exchange import Exchange, secured, unreachable
from kernel.apiserver.proxying.headers import Headers, forwarded, rewritten_location
from kernel.apiserver.proxying.node_paths import NodePaths
from kernel.apiserver.streaming.running import NothingRuns, any_container, look_up
from kernel.apiserver.streams import OpenStreams
from kernel.apiserver.targets import Target
from kernel.cri.runtime import Runtime, RuntimeFailure
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.objects.service import Service

_SEGMENTS_BEFORE = {True: 8, False: 6}
"""Parts of a path up to `proxy`, by whether the object is in a namespace:
`/api/v1/namespaces/NAMESPACE/pods/NAME/proxy` and `/api/v1/nodes/NAME/proxy`."""


class Proxies:
    """Passes requests on to what `runtime` runs; None is a kernel without a node."""

    def __init__(
        self, api: ObjectApi, runtime: Runtime | None, streams: OpenStreams, node_paths: NodePaths
    ):
        self._api = api
        self._runtime = runtime
        self._streams = streams
        self._node_paths = node_paths

    async def pods(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """To a port of a Pod."""
        wanted = read_name(target.name, "pod")
        pod: Pod = self._api.get(Pod, target.one_namespace, wanted.name).decode()
        return await self._pass_on(request, target, wanted, pod, pod_port(pod, wanted))

    async def services(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """To one of the ready Pods of a Service, any."""
        wanted = read_name(target.name, "service")
        service: Service = self._api.get(Service, target.one_namespace, wanted.name).decode()
        port = service_port(service, wanted)
        backends = service_backends(service, port, self._selected(service))
        pod, number = backends[int(self._api.clock.random() * len(backends))]
        return await self._pass_on(request, target, wanted, pod, number)

    async def nodes(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """To the agent of a node, of which a few paths are here."""
        wanted = read_name(target.name, "node")
        self._api.get(Node, "", wanted.name)
        _, path, _ = _split(request, target)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("none of a node's paths takes this method")
        return await self._node_paths.answer(wanted.name, path)

    def _selected(self, service: Service) -> list[Pod]:
        selector = service.spec.selector
        if not selector:
            return []
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        page = self._api.list(Pod, namespace=service.metadata.namespace, label_selector=labels)
        return [stored.decode() for stored in page.items]

    async def _pass_on(
        self, request: web.BaseRequest, target: Target, wanted: ProxiedName, pod: Pod, port: int
    ) -> web.StreamResponse:
        prefix, path, query = _split(request, target)
        if not path and request.method in ("GET", "HEAD"):
            # What a page names relative to itself is to be found below the proxy.
            answer = text_answer("", status=301)
            answer.headers["Location"] = f"{prefix}/" + (f"?{query}" if query else "")
            return answer
        headers = forwarded(
            request.raw_headers,
            client_address=request.remote or "",
            uri=prefix + path,
            is_unpacked="Content-Encoding" in request.headers,
        )
        hosts = (request.host, f"{pod.status.pod_ip}:{port}")
        answer_headers = partial(_answer_headers, prefix=prefix, hosts=hosts)
        runtime, sandbox_id = await self._sandbox(pod)
        asked = (path or "/") + (f"?{query}" if query else "")
        try:
            async with runtime.connect(sandbox_id, port) as connection:
                stream = await secured(connection) if wanted.scheme == "https" else connection
                exchange = Exchange(
                    request, stream, asked, headers, answer_headers, self._api.clock
                )
                return await exchange.run(self._streams)
        except ConnectionRefusedError as error:
            address = f"{pod.status.pod_ip}:{port}"
            raise ServiceUnavailable(
                f"error trying to reach service: dial tcp {address}: connect: connection refused"
            ) from error
        except (RuntimeFailure, anyio.BrokenResourceError) as error:
            raise unreachable(error) from error

    async def _sandbox(self, pod: Pod) -> tuple[Runtime, str]:
        """What runs the Pod, and the runtime's id of it. Raises `ServiceUnavailable`."""
        if self._runtime is None:
            raise ServiceUnavailable(
                "error trying to reach service: this kernel has no node, so nothing runs here"
            )
        try:
            status = await look_up(self._runtime, pod, any_container(pod))
        except (NothingRuns, RuntimeFailure) as error:
            raise unreachable(error) from error
        return self._runtime, status.sandbox_id


def _split(request: web.BaseRequest, target: Target) -> tuple[str, str, str]:
    """The path up to `proxy`, what follows it (empty, or from its slash on), and the query; all
    as they were sent."""
    whole, _, query = request.raw_path.partition("?")
    parts = ["", *whole.lstrip("/").split("/")]  # however many slashes it begins with
    count = _SEGMENTS_BEFORE[target.info.namespaced]
    rest = parts[count:]
    return "/".join(parts[:count]), "/" + "/".join(rest) if rest else "", query


def _answer_headers(headers: Headers, *, prefix: str, hosts: tuple[str, ...]) -> Headers:
    return [
        (key, _location(value, prefix, hosts) if key.lower() == b"location" else value)
        for key, value in headers
    ]


def _location(value: bytes, prefix: str, hosts: tuple[str, ...]) -> bytes:
    location = value.decode("utf-8", "surrogateescape")
    new = rewritten_location(location, prefix=prefix, hosts=hosts)
    return new.encode("utf-8", "surrogateescape")
