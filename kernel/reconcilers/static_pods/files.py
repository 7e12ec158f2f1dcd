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

from kernel.api.manifest import Document, ManifestError, decode_document, load_manifest
from kernel.control.informer import ObjectKey
from kernel.objects.affinity import Toleration
from kernel.objects.kinds import KindTable
from kernel.objects.pod import Pod

SUFFIXES = (".yaml", ".yml", ".json")
FILE_BYTES_MAX = 10 * 1024 * 1024

_POD_KINDS = KindTable([Pod])


class WantedPod(msgspec.Struct, frozen=True):
    """A Pod that a file asks for, made ready for its node. `hash` changes with what the file says
    of it, and with the file's path; `document` is where it stands."""

    pod: Pod
    hash: str
    document: Document


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
        pods: list[WantedPod] = []
        problems: list[str] = []
        for document in load_manifest(data, str(path)):
            try:
                pods.append(self._wanted(document, path))
            except ManifestError as error:
                problems += error.problems
        if not pods and not problems:  # as a file is for a moment that is being written anew
            problems.append(f"{path}: there is no Pod in it")
        if problems:
            raise ManifestError(problems)
        return pods

    def _wanted(self, document: Document, path: Path) -> WantedPod:
        if document.value.get("kind") != "Pod":
            kind = document.value.get("kind")
            message = f"only Pods can be static Pods, not {kind}" if kind else "missing kind"
            raise ManifestError([document.problem("kind", message)])
        pod = decode_document(document, _POD_KINDS)
        assert isinstance(pod, Pod)
        if not pod.metadata.name:
            raise ManifestError([document.problem("metadata.name", "missing required field")])
        content = msgspec.json.encode(document.value, order="deterministic")
        origin = f"{self._node_name}\n{path}\n".encode()
        hash = hashlib.sha256(origin + content).hexdigest()[:32]
        self._prepare(pod)
        return WantedPod(pod, hash, document)

    def _prepare(self, pod: Pod) -> None:
        """Make it a Pod of this node, as the kubelet does (pkg/kubelet/config/common.go)."""
        pod.metadata.name = f"{pod.metadata.name}-{self._node_name.lower()}"
        pod.metadata.namespace = pod.metadata.namespace or "default"
        pod.metadata.resource_version = ""
        pod.spec.node_name = self._node_name
        everything = Toleration(operator="Exists", effect="NoExecute")
        if everything not in pod.spec.tolerations:
            pod.spec.tolerations.append(everything)

    def _merge(self) -> tuple[dict[ObjectKey, WantedPod], dict[str, bytes]]:
        wanted: dict[ObjectKey, WantedPod] = {}
        problems: dict[str, bytes] = {}
        for file in self._files.values():
            problems |= dict.fromkeys(file.problems, file.digest)
            for one in file.pods:
                metadata = one.pod.metadata
                first = wanted.setdefault((metadata.namespace, metadata.name), one)
                if first is not one:
                    message = f"{first.document.source} asks for a Pod of that name already"
                    problem = one.document.problem("metadata.name", message)
                    problems[problem] = file.digest
        return wanted, problems


def _regular_file_bytes(path: Path) -> bytes | None:
    """The content of a file; None for what is no file. Never waits for a pipe's other end.

    Raises `OSError`, or ValueError where it is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > FILE_BYTES_MAX:
            raise ValueError(f"is larger than {FILE_BYTES_MAX} bytes")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)
