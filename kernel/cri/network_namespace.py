"""Work inside of another network namespace.

A socket belongs to the namespace of the thread that makes it, and works from any other. So a thread
goes into the namespace, does the work and ends with it: nobody may be given it afterwards.
"""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from kernel.cri.process import syscalls as system

Result = TypeVar("Result")


def in_own_thread(work: Callable[[], Result]) -> Result:
    """What the work answers, done in a thread of its own. Blocks; raises what the work raises."""
    done: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, name="in a network namespace")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return done[0]


def enter_network(path: str) -> None:
    """Take this thread into the network namespace at a path such as `/proc/1/ns/net`. Raises
    `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        system.enter_namespace(descriptor)
    finally:
        os.close(descriptor)
