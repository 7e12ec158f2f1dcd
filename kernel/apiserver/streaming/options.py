"""What a client asks for in the query of exec, attach and port-forward."""

import msgspec

from kernel.api.errors import BadRequest
from kernel.apiserver.parameters import Parameters

PORT_MAX = 65535


class CommandOptions(msgspec.Struct, frozen=True):
    """PodExecOptions, and PodAttachOptions where `command` is empty. `container` is empty where
    the client leaves the choice to the server."""

    container: str
    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool
    command: tuple[str, ...] = ()

    @classmethod
    def of_exec(cls, parameters: Parameters) -> "CommandOptions":
        """The options of an exec. Raises `BadRequest`."""
        command = tuple(parameters.texts("command"))
        if not command:
            raise BadRequest("you must specify at least one command for the container")
        return msgspec.structs.replace(cls.of_attach(parameters), command=command)

    @classmethod
    def of_attach(cls, parameters: Parameters) -> "CommandOptions":
        """The options of an attach. Raises `BadRequest`."""
        tty = parameters.flag("tty")
        options = cls(
            container=parameters.text("container"),
            stdin=parameters.flag("stdin"),
            stdout=parameters.flag("stdout"),
            # A terminal has one output: kubelets leave stderr out too, and say nothing.
            stderr=parameters.flag("stderr") and not tty,
            tty=tty,
        )
        if not (options.stdin or options.stdout or options.stderr):
            raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
        return options


def read_ports(parameters: Parameters) -> list[int]:
    """The ports in `ports=80&ports=443` or `ports=80,443`. Raises `BadRequest`."""
    texts = [text for value in parameters.texts("ports") for text in value.split(",")]
    if not texts:
        raise BadRequest('query parameter "ports" is required')
    return [read_port(text) for text in texts]


def read_port(text: str) -> int:
    """A port in a query or a header. Raises `BadRequest`."""
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(f'unable to parse "{text}" as a port')
    port = int(text)
    if not 1 <= port <= PORT_MAX:
        raise BadRequest(f'port "{text}" must be between 1 and {PORT_MAX}, inclusive')
    return port
