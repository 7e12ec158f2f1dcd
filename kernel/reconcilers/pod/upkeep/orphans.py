"""Directories of Pods that are gone: left by a podkernel that was killed while it removed them.

Sandboxes that no Pod has any more need nothing of the kind: each is a key of the node agent's,
which ends it.
"""

import logging
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from kernel.control.informer import Informer
from kernel.control.reconciler import Trigger
from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import runtime_uid
from kernel.reconcilers.pod.host import Host
from kernel.reconcilers.pod.observe import OWNER
from kernel.reconcilers.pod.volumes.directories import remove_pod_directory

logger = logging.getLogger("podkernel.pods")

SWEEP_SECONDS = 60.0

_INDEX = "runtime uid"


class OrphanSweep:
    """Removes, at the start and then now and then, what neither the API nor the runtime knows."""

    def __init__(self, host: Host, pods: Informer[Pod]) -> None:
        self._host = host
        self._pods = pods
        pods.add_index(_INDEX, lambda pod: [runtime_uid(pod)])

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Sweep for as long as the context is open."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._sweep_now_and_then)
            yield
            tasks.cancel_scope.cancel()

    async def _sweep_now_and_then(self) -> None:
        while True:
            try:
                await self.sweep()
            except (OSError, cri.RuntimeFailure) as failure:
                logger.warning("orphaned directories are not looked for: %s", failure)
            await self._host.clock.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Look once. The directories are listed first: what a Pod makes later is not among them."""
        logs = {_uid_of_logs(name): name for name in _names(self._host.logs_directory)}
        # Others' directories, such as the lost+found of a disk of its own, are not ours to remove.
        uids = set(filter(_UID.fullmatch, {*logs, *_names(self._host.pods_directory)}))
        if not uids:
            return
        owned = await self._host.runtime.sandboxes(labels={OWNER: self._host.owner})
        for uid in sorted(uids - {sandbox.uid for sandbox in owned}):
            if not self._pods.by_index(_INDEX, uid):
                logger.info("removing the directories of the pod %s, which is gone", uid)
                await anyio.to_thread.run_sync(partial(self._remove, uid, logs.get(uid)))

    def _remove(self, uid: str, logs: str | None) -> None:
        if logs is not None:
            shutil.rmtree(self._host.logs_directory / logs, ignore_errors=True)
        try:
            remove_pod_directory(self._host.pods_directory, uid)
        except OSError as error:
            logger.warning("the directory of the pod %s can't be removed: %s", uid, error)


_UID = re.compile(r"[0-9a-f-]{16,}")
"""A Pod's uid, or the hash that a static Pod goes by."""


def _names(directory: Path) -> list[str]:
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _uid_of_logs(name: str) -> str:
    """The last part of `<namespace>_<name>_<uid>`."""
    return name.rpartition("_")[2]
