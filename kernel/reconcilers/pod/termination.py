"""The last words of containers: the file that they may write them to, and reading them back."""

import os
from pathlib import Path
from typing import BinaryIO

from kernel.cri import runtime as cri
from kernel.cri.log_entry import parse_entry
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.configuration.translate import TERMINATION_MESSAGE_POLICY
from kernel.reconcilers.pod.volumes.directories import pod_directory

MESSAGE_BYTES_MAX = 4096
POD_MESSAGES_BYTES_MAX = 12 * 1024
LOG_BYTES_MAX = 2048
LOG_LINES_MAX = 80


def message_file(pods_directory: Path, uid: str, container_name: str, attempt: int) -> Path:
    """Where the termination message of one attempt ends up."""
    directory = pod_directory(pods_directory, uid) / "containers" / container_name
    return directory / f"{attempt}.message"


def make_message_file(pods_directory: Path, uid: str, container_name: str, attempt: int) -> Path:
    """An empty file for an attempt's message, which any user may write to."""
    path = message_file(pods_directory, uid, container_name, attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o666)
    return path


def message_bytes_max(pod: Pod) -> int:
    """How much of each container's message the Pod's status has room for."""
    spec = pod.spec
    count = len(spec.init_containers) + len(spec.containers) + len(spec.ephemeral_containers)
    return POD_MESSAGES_BYTES_MAX // max(count, 1)


def termination_message(container: cri.Container, pods_directory: Path, uid: str) -> str:
    """What an ended container has left behind; with the policy FallbackToLogsOnError, and after
    a failure, the end of its log where that is nothing."""
    path = message_file(pods_directory, uid, container.name, container.attempt)
    message = _end_of(path)
    if message or not may_speak_by_log(container):
        return message
    return _end_of_log(Path(container.log_path))


def may_speak_by_log(container: cri.Container) -> bool:
    """Whether the end of its log counts where an ended container has left nothing else."""
    policy = container.annotations.get(TERMINATION_MESSAGE_POLICY)
    return policy == "FallbackToLogsOnError" and container.exit_code != 0


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _tail(file, MESSAGE_BYTES_MAX).decode(errors="replace")
    except OSError:
        return ""


def _tail(file: BinaryIO, bytes_max: int) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - bytes_max, 0))
    return file.read(bytes_max)


def _end_of_log(path: Path) -> str:
    """The end of a log in CRI's format: content alone, of both streams as it was written."""
    window_bytes = 4 * LOG_BYTES_MAX
    try:
        with path.open("rb") as file:
            while True:
                tail = _tail(file, window_bytes)
                is_whole = len(tail) < window_bytes
                # What a window begins in the middle of is no entry.
                entries = tail.splitlines()[0 if is_whole else 1 :][-LOG_LINES_MAX:]
                content = b"".join(map(_content, entries))
                if is_whole or len(content) >= LOG_BYTES_MAX or len(entries) == LOG_LINES_MAX:
                    return content[-LOG_BYTES_MAX:].decode(errors="replace")
                window_bytes *= 2
    except OSError:
        return ""


def _content(line: bytes) -> bytes:
    """What an entry adds; one that is a part of a line has no line's end."""
    entry = parse_entry(line)
    if entry is None:
        return b""
    return entry.content if entry.partial else entry.content + b"\n"
