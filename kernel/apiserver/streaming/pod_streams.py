"""The subresources exec, attach and portforward of Pods: one way from a request to the runtime."""

from contextlib import AbstractAsyncContextManager, suppress
from functools import partial

import anyio
from aiohttp import web

from kernel.api.object_api import ObjectApi
from kernel.apiserver.answers import text_answer
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.streaming.channel_protocols import CHANNEL_PROTOCOLS
from kernel.apiserver.streaming.command_channels import ChannelCaller
from kernel.apiserver.streaming.command_streams import STREAM_PROTOCOLS, StreamCaller
from kernel.apiserver.streaming.forward_channels import CHANNEL_FORWARD_PROTOCOLS, ChannelForwarder
from kernel.apiserver.streaming.forward_streams import (
    FORWARD_PROTOCOL,
    TUNNEL_PROTOCOL,
    StreamForwarder,
)
from kernel.apiserver.streaming.options import CommandOptions, read_ports
from kernel.apiserver.streaming.remote_command import Caller, CallerGone, converse, internal_error
from kernel.apiserver.streaming.running import (
    NothingRuns,
    any_container,
    look_up,
    running_container,
)
from kernel.apiserver.streaming.upgrade import agree, switch_to_spdy
from kernel.apiserver.streaming.web_socket import WebSocketStream, beating, open_web_socket
from kernel.apiserver.streams import OpenStreams
from kernel.apiserver.targets import Target
from kernel.cri.runtime import Runtime, RuntimeFailure
from kernel.cri.streaming import Session
from kernel.objects.pod import Pod
from kernel.spdy.connection import SpdyConnection

FAREWELL_SECONDS_MAX = 0.2
SERVER_STOPS = internal_error("the server is stopping")


class PodStreams:
    """Serves them by what `runtime` runs; None is a kernel without a node, where nothing does.

    All raise `ApiError` for what is wrong with a request. Where there is nothing to talk to, the
    answer is a kubelet's, in plain text: kubectl writes `unable to upgrade connection` before it.
    """

    def __init__(self, api: ObjectApi, runtime: Runtime | None, streams: OpenStreams):
        self._api = api
        self._runtime = runtime
        self._streams = streams

    async def exec(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Run a command in a container, in conversation with the client."""
        options = CommandOptions.of_exec(parameters)
        return await self._command(request, target, options, "executing command in container")

    async def attach(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Bring the client together with a container's main process."""
        options = CommandOptions.of_attach(parameters)
        return await self._command(request, target, options, "attaching to container")

    async def _command(
        self, request: web.BaseRequest, target: Target, options: CommandOptions, action: str
    ) -> web.StreamResponse:
        upgrade = agree(request, web_socket=tuple(CHANNEL_PROTOCOLS), spdy=STREAM_PROTOCOLS)
        try:
            pod = self._pod(target)
            container_id = running_container(pod, options.container)
            runtime = self._running_runtime()
            await look_up(runtime, pod, container_id)
        except (NothingRuns, RuntimeFailure) as refusal:
            return text_answer(str(refusal), status=500)

        if options.command:
            session = runtime.exec(
                container_id, options.command, stdin=options.stdin, tty=options.tty
            )
        else:
            session = runtime.attach(container_id, stdin=options.stdin)
        if upgrade.carrier == "websocket":
            socket = await open_web_socket(request, upgrade.version)
            with beating(request):
                await self._converse(request, session, ChannelCaller(socket, options), action)
            return socket
        response, stream = await switch_to_spdy(request, upgrade.version)
        async with SpdyConnection(stream, is_server=True) as connection:
            caller = StreamCaller(connection, options, upgrade.version)
            await self._converse(request, session, caller, action)
        return response

    async def _converse(
        self,
        request: web.BaseRequest,
        session: AbstractAsyncContextManager[Session],
        caller: Caller,
        action: str,
    ) -> None:
        """Until one side has ended, or the server ends: the client is told, if it listens."""
        async with self._streams.open(request) as scope:
            with suppress(CallerGone):
                await converse(session, caller, action=action)
        if scope.cancelled_caught:
            with anyio.move_on_after(FAREWELL_SECONDS_MAX), suppress(CallerGone):
                await caller.finish(SERVER_STOPS)

    async def port_forward(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Carry connections of the client's to ports of the Pod."""
        socket_protocols = (TUNNEL_PROTOCOL, *CHANNEL_FORWARD_PROTOCOLS)
        upgrade = agree(request, web_socket=socket_protocols, spdy=(FORWARD_PROTOCOL,))
        by_channels = upgrade.version in CHANNEL_FORWARD_PROTOCOLS
        ports = read_ports(parameters) if by_channels else []
        pod = self._pod(target)
        try:
            container_id = any_container(pod)
            runtime = self._running_runtime()
            sandbox_id = (await look_up(runtime, pod, container_id)).sandbox_id
        except (NothingRuns, RuntimeFailure) as refusal:
            return text_answer(str(refusal), status=500)
        connect = partial(runtime.connect, sandbox_id)

        if upgrade.carrier == "spdy":
            response, stream = await switch_to_spdy(request, upgrade.version)
            async with (
                self._streams.open(request),
                SpdyConnection(stream, is_server=True) as connection,
            ):
                await StreamForwarder(connection, connect, sandbox_id).run()
            return response
        socket = await open_web_socket(request, upgrade.version)
        async with self._streams.open(request) as scope:
            with beating(request):
                if by_channels:
                    await ChannelForwarder(socket, ports, connect, sandbox_id).run()
                else:
                    tunnel = WebSocketStream(socket)
                    async with SpdyConnection(tunnel, is_server=True) as connection:
                        await StreamForwarder(connection, connect, sandbox_id).run()
        if scope.cancelled_caught and request.transport is not None:
            request.transport.close()  # the server ends, and waits for no client to agree
        return socket

    def _pod(self, target: Target) -> Pod:
        pod: Pod = self._api.get(target.kind, target.one_namespace, target.name).decode()
        return pod

    def _running_runtime(self) -> Runtime:
        if self._runtime is None:
            raise NothingRuns("this kernel has no node, so nothing runs here")
        return self._runtime
