"""Sandboxes are led to the server that runs, whenever that is."""

import socket

import pytest

from kernel.apiserver.pod_access import PodAccess

pytestmark = pytest.mark.anyio

NODE_ADDRESS = ("127.0.0.1", 6443)


class RecordedGateway:
    """A gateway that leads nobody anywhere."""

    def __init__(self, gone: str = "") -> None:
        self.connected: list[tuple[str, str]] = []
        self.ports: list[int] = []
        self.closed = False
        self._gone = gone

    def connect(self, namespace: str, address: str) -> None:
        if namespace == self._gone:
            raise FileNotFoundError(namespace)
        self.connected.append((namespace, address))

    def listen(self, port: int) -> socket.socket:
        self.ports.append(port)
        return socket.socket()

    def close(self) -> None:
        self.closed = True


class Server:
    """Takes sockets to listen on."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []

    async def accept(self, listener: socket.socket) -> None:
        self.sockets.append(listener)
        listener.close()


async def test_without_a_server_nothing_is_made() -> None:
    def make() -> RecordedGateway:
        raise AssertionError

    access = PodAccess(make)
    await access.connect("one", "/ns/one", "10.0.0.1")
    assert access.node_address is None
    access.close()


async def test_those_from_before_the_server_and_those_after_are_led_there() -> None:
    gateway, server = RecordedGateway(), Server()
    access = PodAccess(lambda: gateway)
    await access.connect("one", "/ns/one", "10.0.0.1")
    await access.connect("gone", "/ns/gone", "10.0.0.9")
    access.release("gone")
    await access.serve(server.accept, NODE_ADDRESS)
    await access.connect("two", "/ns/two", "10.0.0.2")
    assert gateway.connected == [("/ns/one", "10.0.0.1"), ("/ns/two", "10.0.0.2")]
    assert (gateway.ports, len(server.sockets)) == ([443], 1)
    assert access.node_address == NODE_ADDRESS


async def test_the_next_server_has_a_gateway_of_its_own() -> None:
    gateways = [RecordedGateway(), RecordedGateway()]
    made = iter(gateways)
    access = PodAccess(lambda: next(made))
    await access.connect("one", "/ns/one", "10.0.0.1")
    for gateway in gateways:
        await access.serve(Server().accept, NODE_ADDRESS)
        assert gateway.connected == [("/ns/one", "10.0.0.1")]
        access.close()
        assert gateway.closed


async def test_a_sandbox_that_went_unseen_is_forgotten() -> None:
    gateways = [RecordedGateway(gone="/ns/gone"), RecordedGateway()]
    made = iter(gateways)
    access = PodAccess(lambda: next(made))
    await access.connect("gone", "/ns/gone", "10.0.0.1")
    for _ in gateways:
        await access.serve(Server().accept, NODE_ADDRESS)
        access.close()
    assert gateways[1].connected == []


async def test_where_there_can_be_no_gateway_the_caller_learns_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def make() -> RecordedGateway:
        raise PermissionError("Operation not permitted")

    access = PodAccess(make)
    await access.connect("one", "/ns/one", "10.0.0.1")
    await access.serve(Server().accept, NODE_ADDRESS)
    assert "10.0.0.1 can't reach the API server: Operation not permitted" in caplog.text
    with pytest.raises(PermissionError):
        await access.connect("two", "/ns/two", "10.0.0.2")


async def test_a_gateway_that_the_server_does_not_take_is_let_go() -> None:
    gateway = RecordedGateway()

    async def refuse(listener: socket.socket) -> None:
        listener.close()
        raise RuntimeError("the server has ended")

    access = PodAccess(lambda: gateway)
    await access.serve(refuse, NODE_ADDRESS)
    with pytest.raises(RuntimeError):
        await access.connect("one", "/ns/one", "10.0.0.1")
    assert gateway.closed


async def test_a_server_that_ends_while_its_gateway_opens_has_none() -> None:
    gateways = [RecordedGateway(), RecordedGateway()]
    made = iter(gateways)
    access = PodAccess(lambda: next(made))

    async def end(listener: socket.socket) -> None:
        listener.close()
        access.close()

    await access.connect("one", "/ns/one", "10.0.0.1")
    await access.serve(end, NODE_ADDRESS)
    assert gateways[0].closed
    assert gateways[0].connected == []
    await access.serve(Server().accept, NODE_ADDRESS)
    assert gateways[1].connected == [("/ns/one", "10.0.0.1")]
