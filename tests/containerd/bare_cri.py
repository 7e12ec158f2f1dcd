"""CRI calls without podkernel's runtime between: for the harness, and as a floor to measure."""

from types import TracebackType
from typing import Self, TypeVar

import grpc
from google.protobuf.message import Message

from kernel.cri.proto import runtime_pb2 as cri

Answer = TypeVar("Answer", bound=Message)


class BareCri:
    """A synchronous connection to the CRI server at a unix socket."""

    def __init__(self, socket_path: str) -> None:
        self._channel = grpc.insecure_channel(f"unix:{socket_path}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._channel.close()

    def call(self, request: Message, answer: type[Answer]) -> Answer:
        """Send `request` to the method named after it. Raises `grpc.RpcError`."""
        method = request.DESCRIPTOR.name.removesuffix("Request")
        services = cri.DESCRIPTOR.services_by_name
        is_image = method in services["ImageService"].methods_by_name
        service = "ImageService" if is_image else "RuntimeService"
        send = self._channel.unary_unary(
            f"/runtime.v1.{service}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        response: Answer = send(request)
        return response
