"""Static Pods from a directory.

File notifications start a reading of the directory at once; a slow rescan is the safety net, for
what gives no notification (the target of a symbolic link, some network file systems).
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import anyio
import anyio.to_thread

from kernel.clock import Clock
from kernel.control.informer import ObjectKey
from kernel.reconcilers.static_pods.files import StaticPodFiles
from kernel.reconcilers.static_pods.manifests import WantedPod
from kernel.reconcilers.static_pods.source import RESCAN_SECONDS
from kernel.reconcilers.static_pods.watch import DirectoryWatch

logger = logging.getLogger("podkernel.static_pods")

MISSING_DIRECTORY_SECONDS = 1.0


class DirectorySource:
    """The manifests in a directory (see `PodSource`), which may come and go."""

    name = "file"
    known = True

    def __init__(self, directory: Path, node_name: str, clock: Clock):
        self._directory = directory
        self._clock = clock
        self._files = StaticPodFiles(directory, node_name)
        self._missing = False
        self._unwatched = False

    @property
    def wanted(self) -> Mapping[ObjectKey, WantedPod]:
        return self._files.wanted

    @property
    def problems(self) -> Mapping[str, bytes]:
        return self._files.problems

    async def read(self) -> None:
        try:
            await anyio.to_thread.run_sync(self._files.read)
        except FileNotFoundError:
            if not self._missing:
                logger.warning("%s: no such directory; waiting for it", self._directory)
            self._missing = True
        else:
            self._missing = False

    async def follow(self, read: Callable[[], Awaitable[None]]) -> None:
        # Now and then the watch is made anew, because another directory may have taken the place
        # of the one that is watched; that starts with a reading.
        while True:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, read)
                await self._clock.sleep(
                    MISSING_DIRECTORY_SECONDS if self._missing else RESCAN_SECONDS
                )
                tasks.cancel_scope.cancel()

    async def _watch(self, read: Callable[[], Awaitable[None]]) -> None:
        """Read the directory now that it is watched, and whenever something in it changes."""
        try:
            with DirectoryWatch.open(self._directory) as watch:
                self._unwatched = False
                while True:
                    await read()
                    await watch.wait_change()
        except FileNotFoundError:
            await read()
        except (OSError, RuntimeError) as error:
            if not self._unwatched:
                logger.warning(
                    "%s: changes are noticed after up to %g s only: %s",
                    *(self._directory, RESCAN_SECONDS, error),
                )
            self._unwatched = True
            await read()
