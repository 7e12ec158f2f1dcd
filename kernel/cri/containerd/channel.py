"""gRPC calls over containerd's socket, with the runtime contract's errors.

grpc's asynchronous client works on asyncio alone, so on another loop every call says so.
"""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import anyio
import grpc
import grpc.aio
from google.protobuf.message import Message

from kernel.cri.containerd.connection_holder import ConnectionHolder
from kernel.cri.grpc_calls import answer_of
from kernel.cri.proto import containers_pb2, content_pb2, events_pb2, runtime_pb2, tasks_pb2
from kernel.cri.runtime import NotFound, RuntimeFailure, RuntimeUnavailable

Answer = TypeVar("Answer", bound=Message)

CONTAINERD_NAMESPACE = "k8s.io"
"""The containerd namespace that its CRI plugin keeps sandboxes and containers in."""

CALL_SECONDS_MAX = 120.0
"""How long a call may take that waits for nothing but containerd itself: `runtimeRequestTimeout` of
kubelets, and its default."""

_NOT_READY_YET = "server is not initialized yet"
"""What containerd's CRI plugin says while it looks at what ran before it was started."""

_METADATA = (("containerd-namespace", CONTAINERD_NAMESPACE),)
_FINISHING_SECONDS = 2.0
"""How long a call that should not be cut off may hold up the one who wants to leave."""

_MESSAGE_BYTES_MAX = 16 << 20
_OPTIONS = (
    ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", _MESSAGE_BYTES_MAX),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Not a pause, but how long one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 5000),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class DeadlineExceeded(RuntimeFailure):
    """The call, or what containerd did for it, took longer than allowed."""


class FailedPrecondition(RuntimeFailure):
    """What the call is about is not in the state for it."""


class ShimClosed(RuntimeFailure):
    """The shim of the container went away while it was asked: the container has just ended."""


class Unimplemented(RuntimeFailure):
    """The server does not know the service or the method."""


def _paths() -> dict[str, str]:
    """From a request's message type to the path of the method that takes it."""
    return {
        method.input_type.full_name: f"/{service.full_name}/{method.name}"
        for file in (runtime_pb2, events_pb2, containers_pb2, content_pb2, tasks_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


_PATHS = _paths()


class ContainerdChannel:
    """One connection, made by the first call on the loop that makes it, shared by all."""

    def __init__(self, socket_path: str, *, call_seconds_max: float = CALL_SECONDS_MAX) -> None:
        self.socket_path = socket_path
        self.call_seconds_max = call_seconds_max
        self._channel: grpc.aio.Channel | None = None
        self._methods: dict[str, Any] = {}
        self._holder = ConnectionHolder(socket_path)

    async def call(
        self,
        request: Message,
        answer: type[Answer],
        *,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Send `request` to the method that takes it. Raises `RuntimeFailure` and its kinds;
        past the timeout (None: `call_seconds_max`) that is `DeadlineExceeded`."""
        if timeout_seconds is None:
            timeout_seconds = self.call_seconds_max
        deadline = timeout_seconds if math.isfinite(timeout_seconds) else None
        path = _PATHS[request.DESCRIPTOR.full_name]
        method = self._methods.get(path)
        if method is None:
            method = self._methods[path] = self._connected().unary_unary(
                path,
                request_serializer=type(request).SerializeToString,
                response_deserializer=answer.FromString,
            )
        try:
            response: Answer = await answer_of(
                method(request, timeout=deadline, metadata=_METADATA)
            )
        except grpc.aio.AioRpcError as error:
            failure = self._failure(error)
            if isinstance(failure, DeadlineExceeded):
                name = path.rpartition("/")[2]
                failure = DeadlineExceeded(
                    f"containerd has not done {name} within {timeout_seconds:g} s: {failure}"
                )
            raise failure from error
        return response

    async def call_to_the_end(self, request: Message, answer: type[Answer]) -> Answer:
        """As `call`, for what must not be given up half-way: containerd goes on with it where this
        process is killed, and one who cancels waits for it for up to `_FINISHING_SECONDS`."""
        await self._holder.hold()
        under_way = asyncio.ensure_future(self.call(request, answer))
        with anyio.move_on_after(_FINISHING_SECONDS, shield=True):
            await asyncio.wait({under_way})
        return await under_way

    async def subscribe(self, filters: Sequence[str]) -> AsyncIterator[events_pb2.Envelope]:
        """containerd's events that match one of `filters`, until the stream breaks."""
        request = events_pb2.SubscribeRequest(filters=filters)
        method = self._connected().unary_stream(
            _PATHS[request.DESCRIPTOR.full_name],
            request_serializer=type(request).SerializeToString,
            response_deserializer=events_pb2.Envelope.FromString,
        )
        stream = method(request, metadata=_METADATA)
        try:
            async for envelope in stream:
                yield envelope
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error
        finally:
            stream.cancel()

    async def close(self) -> None:
        """End the connection; a later call makes a new one."""
        channel, self._channel = self._channel, None
        self._methods.clear()
        if channel is not None:
            await channel.close(grace=None)
        self._holder.release()

    def _connected(self) -> grpc.aio.Channel:
        if self._channel is None:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                raise RuntimeUnavailable(
                    "the containerd runtime works on asyncio only: run podkernel on asyncio, "
                    "or choose another runtime"
                ) from None
            self._channel = grpc.aio.insecure_channel(f"unix:{self.socket_path}", options=_OPTIONS)
        return self._channel

    def _failure(self, error: grpc.aio.AioRpcError) -> RuntimeFailure:
        message = " ".join((error.details() or error.code().name).split())
        match error.code():
            case grpc.StatusCode.NOT_FOUND:
                return NotFound(message)
            case grpc.StatusCode.UNAVAILABLE:
                return RuntimeUnavailable(self._explain_unavailable(message))
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return DeadlineExceeded(message)
            case grpc.StatusCode.FAILED_PRECONDITION:
                return FailedPrecondition(message)
            case grpc.StatusCode.UNIMPLEMENTED:
                return Unimplemented(message)
            case _ if _NOT_READY_YET in message:
                return RuntimeUnavailable(self._explain_unavailable(message))
            case _ if "ttrpc: closed" in message:
                return ShimClosed(message)
            case _:
                return RuntimeFailure(message)

    def _explain_unavailable(self, message: str) -> str:
        path = self.socket_path
        if not os.path.exists(path):
            cause = "there is no such socket; start containerd or name its socket"
        elif not os.access(path, os.R_OK | os.W_OK):
            cause = "permission denied; run podkernel as root or as a member of the socket's group"
        else:
            cause = f"{message}; see whether containerd runs"
        return f"containerd does not answer at {path}: {cause}, or choose another runtime"
