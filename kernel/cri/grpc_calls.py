"""Awaiting grpc's asynchronous calls where anyio cancels them."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import anyio.lowlevel

Answer = TypeVar("Answer")


async def answer_of(call: Awaitable[Answer]) -> Answer:
    """What the call answers.

    A call that is cancelled raises a cancellation of grpc's own making. anyio does not know that
    again: it would end the whole task instead of the scope that was cancelled.
    """
    try:
        return await call
    except asyncio.CancelledError:
        await anyio.lowlevel.checkpoint_if_cancelled()
        raise
