"""A directory of manifests, as the Pods that it asks for and what is wrong with the rest.

- `.yaml`, `.yml` and `.json` files count, with any number of Pods (or Lists of Pods) in each.
  Dotfiles, folders and other names do not: editors and copying tools write their halves there.
- A file that can't be used leaves what it asked for before in place: a Pod must not end because
  its file is half-written. Once the file is gone, so is the Pod.
- Where two ask for a Pod of the same name, the one in the file that comes first by name has it.
"""

import hashlib
import os
import stat
from pathlib import Path

import msgspec

from kernel.api.manifest import ManifestError
from kernel.control.informer import ObjectKey
from kernel.reconcilers.static_pods.manifests import (
    MANIFEST_BYTES_MAX,
    WantedPod,
    by_name,
    pods_of,
)

SUFFIXES = (".yaml", ".yml", ".json")


class _File(msgspec.Struct, frozen=True):
    """What one file said when it was read last: `digest` is of its bytes."""

    digest: bytes
    pods: list[WantedPod]
    problems: list[str]


class StaticPodFiles:
    """Reads a directory again and again. Blocking: call `read` in a thread.

    `problems` has a line of text for each problem, with the digest of the content that has it.
    """

    def __init__(self, directory: Path, node_name: str):
        self._directory = directory
        self._node_name = node_name
        self._files: dict[Path, _File] = {}
        self.wanted: dict[ObjectKey, WantedPod] = {}
        self.problems: dict[str, bytes] = {}

    def read(self) -> None:
        """Bring `wanted` and `problems` up to date. Raises `FileNotFoundError` where there is no
        such directory, and then nothing is wanted."""
        try:
            paths = sorted(self._paths())
        except FileNotFoundError:
            self._files, self.wanted, self.problems = {}, {}, {}
            raise
        except OSError as error:
            self.problems = {f"{self._directory}: can't be read: {error.strerror}": b""}
            return
        files: dict[Path, _File] = {}
        for path in paths:
            file = self._read_file(path)
            if file is not None:
                files[path] = file
        self._files = files
        self.wanted, self.problems = self._merge()

    def _paths(self) -> list[Path]:
        return [
            path
            for path in self._directory.iterdir()
            if not path.name.startswith(".") and path.suffix.lower() in SUFFIXES
        ]

    def _read_file(self, path: Path) -> _File | None:
        """What a file says; None where it is gone, or is none that counts."""
        before = self._files.get(path)
        try:
            data = _regular_file_bytes(path)
        except FileNotFoundError:
            if not path.is_symlink():
                return None
            data, problem = None, "the symbolic link leads nowhere"
        except OSError as error:
            data, problem = None, f"can't be read: {error.strerror}"
        except ValueError as error:
            data, problem = None, str(error)
        else:
            if data is None:
                return None
        if data is None:
            kept = before.pods if before is not None else []
            return _File(b"", kept, [f"{path}: {problem}"])
        digest = hashlib.sha256(data).digest()
        if before is not None and before.digest == digest:
            return before
        try:
            return _File(digest, self._pods_of(data, path), [])
        except ManifestError as error:
            return _File(digest, before.pods if before is not None else [], error.problems)

    def _pods_of(self, data: bytes, path: Path) -> list[WantedPod]:
        pods = pods_of(data, str(path), self._node_name)
        if not pods:  # as a file is for a moment that is being written anew
            raise ManifestError([f"{path}: there is no Pod in it"])
        return pods

    def _merge(self) -> tuple[dict[ObjectKey, WantedPod], dict[str, bytes]]:
        digests: dict[int, bytes] = {}
        problems: dict[str, bytes] = {}
        for file in self._files.values():
            problems |= dict.fromkeys(file.problems, file.digest)
            digests |= {id(one): file.digest for one in file.pods}
        wanted, doubles = by_name(one for file in self._files.values() for one in file.pods)
        return wanted, problems | {text: digests[id(one)] for text, one in doubles.items()}


def _regular_file_bytes(path: Path) -> bytes | None:
    """The content of a file; None for what is no file. Never waits for a pipe's other end.

    Raises `OSError`, or ValueError where it is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > MANIFEST_BYTES_MAX:
            raise ValueError(f"is larger than {MANIFEST_BYTES_MAX} bytes")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)
