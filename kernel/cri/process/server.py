"""The shim's door: requests over the sandbox's unix socket, a JSON object a line each way.

    {"do": "start", "container": ID}                    {} once executed, or {"error": …}
    {"do": "wait", "container": ID}                     {} once it has exited
    {"do": "signal", "container": ID, "signal": 15}     {}
    {"do": "kill", "container": ID}                     {} once it has exited
    {"do": "exec", "container": ID, "command": […], "tty": false} with descriptors
                                                        {} once executed, then {"exit_code": 7}
    {"do": "attach", "container": ID, "stdin": true} with descriptors
                                                        {} with descriptors
    {"do": "sockets"}                                   {} with descriptors
    {"do": "reopen_log", "container": ID}               {}
    {"do": "stop"}                                      {}, and the shim ends
    {"do": "subscribe"}                                 {}, then {"event": "exited", "container": …}

A connection carries one request. Descriptors travel beside it (see `descriptors`), so that what
programs read and write passes through nobody else's hands: to `exec`, the command's standard
streams, or a socket to which its terminal is sent; to `attach`, two pipes to write to, and from it
the terminal or the container's input; from `sockets`, TCP sockets of the Pod's network that aren't
connected yet, for IPv4 and, where the machine has it, IPv6.

A client that goes away, or closes its sending half, before the last answer of `exec` has the
command killed; one that was attached with input has ended it by that. Standard library alone.
"""

import contextlib
import os
import signal
import socket

from kernel.cri.process.command import CommandProcess
from kernel.cri.process.connection import Connection
from kernel.cri.process.container import Answer, ContainerProcess
from kernel.cri.process.layout import (
    CONTAINER_FILE,
    CONTAINERS_DIRECTORY,
    SOCKET_FILE,
    Record,
    read_json,
)
from kernel.cri.process.loop import READABLE, Loop
from kernel.cri.process.network import entered
from kernel.cri.process.streams import Streams

# A client that connects waits where the backlog is full, and podkernel's event loop with it.
_BACKLOG = 1024


class Server:
    """The containers of one sandbox, and who asks about them. The sandbox is the working directory.

    `network` is a descriptor of the Pod's network namespace, None for the machine's own.
    """

    def __init__(self, sandbox: Record, *, network: int | None) -> None:
        self.loop = Loop(self._on_child_exit)
        self._sandbox = sandbox
        self._network = network
        self._containers: dict[str, ContainerProcess] = {}
        self._children: dict[int, ContainerProcess | CommandProcess] = {}
        self._subscribers: list[Connection] = []
        self._stopping: list[Connection] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Relative to the working directory: a socket's whole path may not exceed 107 bytes.
        self._listener.bind(SOCKET_FILE)
        os.chmod(SOCKET_FILE, 0o600)
        self._listener.listen(_BACKLOG)
        self._listener.setblocking(False)
        self.loop.watch(self._listener.fileno(), READABLE, self._accept)

    def _accept(self, events: int) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        Connection(self.loop, client, self._handle)

    def _handle(self, connection: Connection, request: Record) -> None:
        try:
            self._perform(connection, request)
        except (OSError, KeyError, ValueError) as error:
            connection.answer({"error": str(error) or type(error).__name__})

    def _perform(self, connection: Connection, request: Record) -> None:
        verb = request["do"]
        if verb == "subscribe":
            self._subscribers.append(connection)
            connection.on_gone = lambda: self._unsubscribe(connection)
            connection.push({})
        elif verb == "stop":
            self._stop(connection)
        elif verb == "start":
            self._start(request["container"], connection.answer)
        elif verb == "sockets":
            self._send_sockets(connection)
        else:
            self._perform_on_running(connection, request)

    def _perform_on_running(self, connection: Connection, request: Record) -> None:
        verb, container = request["do"], self._containers.get(request["container"])
        if container is None:
            # It was never started: there is nothing to wait for, to signal or to reopen.
            talks = verb in ("exec", "attach")
            connection.answer({"error": "container is not running"} if talks else {})
        elif verb == "wait":
            container.wait(connection.answer)
        elif verb == "signal":
            container.signal(request["signal"])
            connection.answer({})
        elif verb == "kill":
            container.kill()
            container.wait(connection.answer)
        elif verb == "exec":
            self._execute(connection, container, request)
        elif verb == "attach":
            self._attach(connection, container, request)
        elif verb == "reopen_log":
            container.reopen_log()
            connection.answer({})
        else:
            raise ValueError(f"unknown request {verb!r}")

    def _start(self, container_id: str, answer: Answer) -> None:
        if container_id in self._containers:
            raise ValueError("container was started before")
        if self._stopping:
            raise ValueError("sandbox is being stopped")
        directory = os.path.abspath(f"{CONTAINERS_DIRECTORY}/{container_id}")
        record = read_json(f"{directory}/{CONTAINER_FILE}")
        container = ContainerProcess(
            self.loop,
            directory,
            self._sandbox,
            record,
            network=self._network,
            target=self._target_of(record),
            on_change=self._publish,
        )
        container.start(answer)
        self._containers[container_id] = container
        if container.running:
            self._children[container.pid] = container

    def _target_of(self, record: Record) -> ContainerProcess | None:
        target_id = record["config"].get("target_container_id")
        if not target_id:
            return None
        target = self._containers.get(target_id)
        if target is None or not target.running:
            raise ValueError(f"target container {target_id} is not running")
        return target

    def _execute(
        self, connection: Connection, container: ContainerProcess, request: Record
    ) -> None:
        if not container.running:
            raise ValueError("container is not running")
        process = CommandProcess(
            self.loop,
            self._sandbox,
            container,
            on_start=lambda: connection.push({}),
            on_end=connection.answer,
        )
        streams = Streams(connection.take_descriptors(), tty=request["tty"])
        try:
            process.start(request["command"], streams)
        finally:
            streams.close()
        self._children[process.pid] = process
        connection.on_gone = process.kill

    def _attach(self, connection: Connection, container: ContainerProcess, request: Record) -> None:
        stdout, stderr = connection.take_descriptors()
        try:
            descriptors = container.attach(stdout, stderr, stdin=request["stdin"])
        except ValueError:
            os.close(stdout)
            os.close(stderr)
            raise
        if request["stdin"]:
            connection.on_gone = lambda: self._end_input(connection, container)
        connection.push_with_descriptors(descriptors)

    def _end_input(self, connection: Connection, container: ContainerProcess) -> None:
        container.end_input()
        connection.close()

    def _send_sockets(self, connection: Connection) -> None:
        home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if self._network is None:
                sockets = _make_sockets()
            else:
                with entered(self._network, home=home):
                    sockets = _make_sockets()
        finally:
            os.close(home)
        connection.push_with_descriptors([each.fileno() for each in sockets])
        for each in sockets:
            each.close()
        connection.close()

    def _on_child_exit(self, pid: int, status: int) -> None:
        # Orphans of containers are reaped here too; nobody asks for them.
        child = self._children.pop(pid, None)
        if child is not None:
            child.on_exit(status)
        if self._stopping and not self._children:
            self._finish_stopping()

    def _publish(self, event: str, container_id: str) -> None:
        self._subscribers = [each for each in self._subscribers if each.is_open]
        for subscriber in self._subscribers:
            subscriber.push({"event": event, "container": container_id})

    def _unsubscribe(self, connection: Connection) -> None:
        if connection in self._subscribers:
            self._subscribers.remove(connection)
        connection.on_gone()

    def _stop(self, connection: Connection) -> None:
        self._stopping.append(connection)
        for child in list(self._children.values()):
            child.kill()
        if not self._children:
            self._finish_stopping()

    def _finish_stopping(self) -> None:
        for connection in self._stopping:
            connection.answer({})
        self.loop.stop()


def _make_sockets() -> list[socket.socket]:
    """For TCP over IPv4 and, where the machine has it, IPv6."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM)]
    with contextlib.suppress(OSError):
        sockets.append(socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
    return sockets


def ignore_terminal_signals() -> None:
    """The shim ends by request, or by SIGKILL."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
