"""The last words of containers: the file that they may write them to, and reading them back."""

from pathlib import Path

from kernel.cri import runtime as cri
from kernel.reconcilers.pod.translate import TERMINATION_MESSAGE_POLICY
from kernel.reconcilers.pod.volumes.directories import pod_directory

MESSAGE_BYTES_MAX = 4096
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


def termination_message(container: cri.Container, pods_directory: Path, uid: str) -> str:
    """What an ended container has left behind; with the policy FallbackToLogsOnError, and after
    a failure, the end of its log where that is nothing."""
    path = message_file(pods_directory, uid, container.name, container.attempt)
    message = _start_of(path)
    policy = container.annotations.get(TERMINATION_MESSAGE_POLICY)
    if message or policy != "FallbackToLogsOnError" or container.exit_code == 0:
        return message
    return _end_of_log(Path(container.log_path))


def _start_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MESSAGE_BYTES_MAX).decode(errors="replace")
    except OSError:
        return ""


def _end_of_log(path: Path) -> str:
    """The last lines of a log in CRI's format (`time stream tag content`), content alone."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - 2 * LOG_BYTES_MAX, 0))
            entries = file.read().splitlines()[-LOG_LINES_MAX:]
    except OSError:
        return ""
    lines = [entry.split(b" ", 3)[3] for entry in entries if entry.count(b" ") >= 3]
    return b"\n".join(lines)[-LOG_BYTES_MAX:].decode(errors="replace")
