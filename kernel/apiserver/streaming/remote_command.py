"""A command in a container, or its main process, in conversation with a client.

It is the same conversation over WebSockets and over SPDY: a `Caller` stands for the client.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import anyio

from kernel.cri.runtime import RuntimeFailure
from kernel.cri.streaming import OutputChannel, Session
from kernel.objects.meta import Status, StatusCause, StatusDetails


class CallerGone(Exception):
    """The client has left before the conversation was over."""


class Caller(Protocol):
    """The client's side."""

    async def begin(self) -> None:
        """Come together with the client. Raises `CallerGone`."""
        ...

    async def pass_input(self, session: Session) -> None:
        """Hand on what the client sends, as it comes; returns once the client has left."""
        ...

    async def write(self, channel: OutputChannel, data: bytes) -> None:
        """Send output; returns once the client has room for more. What the client did not ask for
        is dropped. Raises `CallerGone`."""
        ...

    async def finish(self, status: Status) -> None:
        """Tell the outcome, and end the conversation in order. Raises `CallerGone`."""
        ...


async def converse(
    opening: AbstractAsyncContextManager[Session], caller: Caller, *, action: str
) -> None:
    """Carry input and output until the command has ended; with the client gone, leave it at once.
    Raises `CallerGone`.

    `action` says in a failure what was tried: "executing command in container".
    """
    await caller.begin()
    try:
        async with opening as session:
            status = await _carry(session, caller)
    except RuntimeFailure as failure:
        status = internal_error(f"error {action}: {failure}")
    if status is not None:
        await caller.finish(status)


async def _carry(session: Session, caller: Caller) -> Status | None:
    """The outcome; None where nobody waits for it any more. Raises `RuntimeFailure`."""
    status: Status | None = None
    failure: RuntimeFailure | None = None

    async def pass_output() -> None:
        nonlocal status, failure
        try:
            async for channel, data in session.output():
                await caller.write(channel, data)
            status = outcome(await session.exit_code())
        except RuntimeFailure as error:
            failure = error
        except CallerGone:
            pass
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(pass_output)
        # Here and not in a task of its own: a task that is cancelled, as this is in the end, leaves
        # a ring of frames behind, which hold all there is of the connection.
        try:
            await caller.pass_input(session)
        except* RuntimeFailure:
            pass  # a command that takes no input any more: its end will say how it went
        else:
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return status


def outcome(exit_code: int | None) -> Status:
    """How a command has ended; None is a process that was only attached to."""
    if not exit_code:
        return Status(status="Success", code=200)
    cause = StatusCause(reason="ExitCode", message=str(exit_code))
    return Status(
        status="Failure",
        message=f"command terminated with non-zero exit code: exit status {exit_code}",
        reason="NonZeroExitCode",
        details=StatusDetails(causes=[cause]),
    )


def internal_error(message: str) -> Status:
    """How a command has failed that is not to blame for it."""
    return Status(
        status="Failure",
        message=f"Internal error occurred: {message}",
        reason="InternalError",
        details=StatusDetails(causes=[StatusCause(message=message)]),
        code=500,
    )
