"""The shim's event loop: file descriptors and child processes, nothing else. One thread."""

import contextlib
import os
import select
import signal
from collections.abc import Callable

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT


class Loop:
    """Calls back when a descriptor is ready or a child has died, until `stop`."""

    def __init__(self, on_child_exit: Callable[[int, int], None]) -> None:
        """`on_child_exit` gets the pid and the wait status of every child that is reaped."""
        self._on_child_exit = on_child_exit
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        # Forgotten in the present round: their numbers may be others' by now.
        self._forgotten: set[int] = set()
        self._running = True
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake_read = wake_read
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self.watch(wake_read, READABLE, self._reap)

    def watch(self, descriptor: int, events: int, callback: Callable[[int], None]) -> None:
        """Call `callback` with the events that are there; replaces an earlier watch."""
        if descriptor in self._callbacks:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.register(descriptor, events)
        self._callbacks[descriptor] = callback

    def forget(self, descriptor: int) -> None:
        """Stop watching a descriptor, before it is closed; forgetting twice is no error."""
        if self._callbacks.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)
            self._forgotten.add(descriptor)

    def run(self) -> None:
        while self._running:
            self._forgotten.clear()
            for descriptor, events in self._epoll.poll():
                # What is missed here for a new file of that number comes again in the next round.
                if descriptor not in self._forgotten:
                    self._callbacks[descriptor](events)

    def stop(self) -> None:
        self._running = False

    def _reap(self, events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._on_child_exit(pid, status)
