"""How Pods reach the API server, which listens on the node's loopback address alone.

Each sandbox with a network of its own is led to a gateway (`kernel.cri.gateway`) that has the
address of Service `kubernetes`, and the server takes connections there too. While no server runs,
sandboxes are remembered, and led there once one does. Programs in the node's own network are told
the server's own address.
"""

import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio
import anyio.to_thread

logger = logging.getLogger("podkernel.apiserver")

SERVICE_PORT = 443

Accept = Callable[[socket.socket], Awaitable[None]]
"""Has a server take connections from a listening socket; the socket is then the server's."""


class Gateway(Protocol):
    """What leads sandboxes to one address. All methods block, and raise `OSError`."""

    def connect(self, namespace: str, address: str) -> None: ...

    def listen(self, port: int) -> socket.socket: ...

    def close(self) -> None: ...


class PodAccess:
    """Leads sandboxes to the server that runs. `make_gateway` is called once one needs it.

    `node_address` is where the server that ran last was reached on the node.
    """

    def __init__(
        self, make_gateway: Callable[[], Gateway], node_address: tuple[str, int] | None = None
    ):
        self._make_gateway = make_gateway
        self._gateway: Gateway | None = None
        self._accept: Accept | None = None
        self._opening = anyio.Lock()
        self._sandboxes: dict[str, tuple[str, str]] = {}
        self.node_address = node_address

    # For the node agent

    async def connect(self, sandbox_id: str, namespace: str, address: str) -> None:
        """Lead a sandbox to the server: `namespace` is the path of its network namespace, `address`
        its own. Raises `OSError`."""
        self._sandboxes[sandbox_id] = (namespace, address)
        if self._accept is None:
            return
        gateway = await self._opened(self._accept)
        if gateway is not None:
            await anyio.to_thread.run_sync(gateway.connect, namespace, address)

    def release(self, sandbox_id: str) -> None:
        """The sandbox is gone, and its network with it."""
        self._sandboxes.pop(sandbox_id, None)

    # For the server

    async def serve(self, accept: Accept, node_address: tuple[str, int]) -> None:
        """A server has started: lead all sandboxes there, and those to come."""
        self._accept = accept
        self.node_address = node_address
        for sandbox_id, (namespace, address) in list(self._sandboxes.items()):
            try:
                await self.connect(sandbox_id, namespace, address)
            except FileNotFoundError:
                self.release(sandbox_id)
            except OSError as error:
                logger.warning("the Pod at %s can't reach the API server: %s", address, error)

    def close(self) -> None:
        """The server has ended."""
        self._accept = None
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.close()

    async def _opened(self, accept: Accept) -> Gateway | None:
        """The gateway to the server that accepts so; None where that has ended meanwhile."""
        async with self._opening:
            if self._gateway is None:
                gateway = await anyio.to_thread.run_sync(self._make_gateway)
                try:
                    await accept(await anyio.to_thread.run_sync(gateway.listen, SERVICE_PORT))
                except BaseException:
                    gateway.close()
                    raise
                if self._accept is not accept:
                    gateway.close()
                    return None
                self._gateway = gateway
            return self._gateway
