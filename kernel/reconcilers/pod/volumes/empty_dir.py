"""emptyDir: a directory as old as the Pod, on disk or in memory."""

import os
from pathlib import Path

from kernel.objects.pod import Pod
from kernel.objects.volume import EmptyDirVolumeSource
from kernel.reconcilers.pod.observe import runtime_uid
from kernel.reconcilers.pod.volumes.directories import SHARED_MEMORY, memory_directory


def prepare_empty_dir(pod: Pod, source: EmptyDirVolumeSource, path: Path) -> Path:
    """Where the volume is: `path`, or a directory in memory. What is in it stays."""
    if source.medium == "Memory" and os.access(SHARED_MEMORY, os.W_OK):
        path = memory_directory(runtime_uid(pod)) / path.name
    if not path.exists():
        path.mkdir(parents=True)
        _open_to_all(path, pod)
    return path


def _open_to_all(path: Path, pod: Pod) -> None:
    """Containers run as any user: an emptyDir is everybody's, and of the group `fsGroup`."""
    path.chmod(0o777)
    group = pod.spec.security_context.fs_group if pod.spec.security_context else None
    if group is not None and os.geteuid() == 0:
        os.chown(path, -1, group)
        path.chmod(0o2777)
