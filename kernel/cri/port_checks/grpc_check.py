"""The gRPC check: `grpc.health.v1.Health/Check`, as the kubelet calls it.

grpc's asynchronous client works on asyncio alone; on another loop the check says so.
"""

import asyncio

import anyio
import grpc
import grpc.aio

from kernel.cri.grpc_calls import answer_of
from kernel.cri.port_check import CheckResult
from kernel.cri.port_checks.deadline import Deadline
from kernel.cri.port_checks.dialing import address_text
from kernel.cri.port_checks.http_check import USER_AGENT
from kernel.cri.proto import health_pb2

_METHOD = "/grpc.health.v1.Health/Check"
_OPTIONS = (
    ("grpc.primary_user_agent", USER_AGENT),
    ("grpc.enable_http_proxy", 0),
    # Channels to the same address would share connections, and what they know of them.
    ("grpc.use_local_subchannel_pool", 1),
    # A server that comes up within the timeout is found.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


async def check_grpc(host: str, port: int, service: str, deadline: Deadline) -> CheckResult:
    """Well means that the server answers SERVING for the service."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return CheckResult(False, "error: gRPC checks work on asyncio only")
    address = address_text(host, port)
    channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
    try:
        await deadline.run(channel.channel_ready)
        return await _ask(channel, service, deadline)
    except TimeoutError:
        words = f'failed to connect service "{address}" within {deadline.seconds:g}s'
        return CheckResult(False, f"timeout: {words}: context deadline exceeded")
    finally:
        with anyio.CancelScope(shield=True):
            await channel.close(grace=None)


async def _ask(channel: grpc.aio.Channel, service: str, deadline: Deadline) -> CheckResult:
    check = channel.unary_unary(
        _METHOD,
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        request = health_pb2.HealthCheckRequest(service=service)
        answer = await deadline.run(lambda: answer_of(check(request)))
    except TimeoutError:
        message = f"timeout: health rpc did not complete within {deadline.seconds:g}s"
        return CheckResult(False, message)
    except grpc.aio.AioRpcError as error:
        return CheckResult(False, _failure(error))
    status = health_pb2.HealthCheckResponse.ServingStatus
    if answer.status == status.SERVING:
        return CheckResult(True)
    name = status.Name(answer.status) if answer.status in status.values() else str(answer.status)
    return CheckResult(False, f'service unhealthy (responded with "{name}")')


def _failure(error: grpc.aio.AioRpcError) -> str:
    details = " ".join((error.details() or "").split())
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        health = "the grpc health protocol (grpc.health.v1.Health)"
        return f"error: this server does not implement {health}: {details}"
    code = error.code().name.title().replace("_", "")
    return f"error: health rpc probe failed: rpc error: code = {code} desc = {details}"
