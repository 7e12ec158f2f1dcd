"""What the parts of the node agent share: the runtime, this machine's places, and what is
remembered of each Pod between two reconciles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import anyio
import msgspec

from kernel.clock import Clock
from kernel.cri.runtime import Runtime
from kernel.objects.container import ResourceRequirements
from kernel.objects.kind import Kind
from kernel.objects.pod_status import ContainerStateWaiting
from kernel.reconcilers.pod.configuration.environment import ProjectedToken
from kernel.reconcilers.pod.configuration.sources_state import SourcesState
from kernel.reconcilers.pod.decisions.deadline import PodFailure
from kernel.reconcilers.pod.images.pulls import ImagePulls
from kernel.reconcilers.pod.volumes.discarding import Discarding

CALL_RETRY_SECONDS_FIRST = 1
CALL_RETRY_SECONDS_MAX = 60
HAPPENED_MAX = 256

VOLUMES = "volumes"
FILES = "files of volumes"
RESIZE = "resize"
CONTAINER = "container "
"""What is remembered of failures: of making volumes, of bringing the files of present ones up to
date, of setting other amounts of cpu and memory, and, with a name behind it, of starting a
container."""


class EventRecorder(Protocol):
    """Says what happens to objects (`kernel.control.recorder.Recorder`)."""

    async def event(
        self, obj: Kind, type: str, reason: str, message: str, *, field_path: str = ""
    ) -> None: ...


class ApiAccess(Protocol):
    """Leads Pods to the API server (`kernel.apiserver.pod_access.PodAccess`). `node_address` is
    where programs in the node's own network reach it, None where that is not known."""

    @property
    def node_address(self) -> tuple[str, int] | None: ...

    async def connect(self, sandbox_id: str, namespace: str, address: str) -> None: ...

    def release(self, sandbox_id: str) -> None: ...


class ContainerHost(Protocol):
    """What it takes to work on containers that run: a part of `Host`."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def recorder(self) -> EventRecorder: ...

    @property
    def addresses(self) -> tuple[str, ...]: ...


class Host(msgspec.Struct, frozen=True):
    """One node, as its agent sees it.

    `owner` marks what this agent makes in the runtime. `addresses` are the node's own. `capacity`
    is what it has, as quantities by resource name. `pulls` are those of all its Pods, and
    `discarding` removes what their volumes need no more.
    """

    node_name: str
    owner: str
    runtime: Runtime
    clock: Clock
    recorder: EventRecorder
    pods_directory: Path
    logs_directory: Path
    addresses: tuple[str, ...]
    capacity: Mapping[str, str]
    pulls: ImagePulls
    discarding: Discarding
    api_access: ApiAccess

    @property
    def profiles_directory(self) -> Path:
        """Where seccomp profiles of type Localhost are: `seccomp`, beside the Pods' directory."""
        return self.pods_directory.parent / "seccomp"


class _Retry(msgspec.Struct):
    failures: int
    due: float


class PodMemory:
    """What the agent remembers of the Pod with a uid. Nothing is done wrong without it: it keeps
    failing calls from being repeated too soon, and Events from being said twice.

    `waiting` is why containers could not be started, by name. `volumes_state` is what the files of
    its volumes were last made of; `volumes_lock` is held from the reading of that to its writing.
    `eviction` is why it has to go, as was found at `storage_checked_at` (monotonic seconds).
    `tokens` are the ServiceAccount's, as its volumes have them. `connected_sandbox` is the one that
    was led to the API server. `resized` are the amounts of cpu and memory that were set for
    containers, by id, and `resize_failure` is why that failed last.
    """

    def __init__(self, uid: str, clock: Clock) -> None:
        self.uid = uid
        self._clock = clock
        self._retries: dict[str, _Retry] = {}
        self._happened: dict[str, None] = {}  # what was asked about last stands last
        self.waiting: dict[str, ContainerStateWaiting] = {}
        self.messages: dict[str, str] = {}
        self.volumes_lock = anyio.Lock()
        self.volumes_state: SourcesState | None = None
        self.eviction: PodFailure | None = None
        self.storage_checked_at: float | None = None
        self.tokens: Mapping[str, ProjectedToken] = {}
        self.connected_sandbox = ""
        self.resized: dict[str, ResourceRequirements] = {}
        self.resize_failure = ""
        self._sources_state: SourcesState | None = None

    def must_wait(self, subject: str) -> bool:
        """Whether `subject` has failed too recently to be tried again."""
        retry = self._retries.get(subject)
        return retry is not None and self._clock.monotonic_seconds() < retry.due

    def failures(self, subject: str) -> int:
        """How often `subject` has failed in a row."""
        return self._retries[subject].failures if subject in self._retries else 0

    def failed(self, subject: str, *, wait_seconds: float | None = None) -> None:
        """Don't try `subject` again before `wait_seconds` (None: by its number of failures)."""
        failures = self.failures(subject) + 1
        if wait_seconds is None:
            doublings = min(failures - 1, CALL_RETRY_SECONDS_MAX.bit_length())
            wait_seconds = min(CALL_RETRY_SECONDS_FIRST << doublings, CALL_RETRY_SECONDS_MAX)
        self._retries[subject] = _Retry(failures, self._clock.monotonic_seconds() + wait_seconds)

    def succeeded(self, subject: str) -> None:
        """Forget the failures of `subject`."""
        self._retries.pop(subject, None)

    def seconds_to_next_retry(self) -> float | None:
        """How long until something that failed may be tried again; None where nothing has."""
        if not self._retries:
            return None
        due = min(retry.due for retry in self._retries.values())
        return max(due - self._clock.monotonic_seconds(), 0)

    def see_sources(self, state: SourcesState) -> None:
        """What the Pod refers to is in this state: what failed over another one is tried again."""
        if state != self._sources_state:
            self._sources_state = state
            for subject in list(self._retries):
                if subject in (VOLUMES, FILES) or subject.startswith(CONTAINER):
                    del self._retries[subject]

    def happened(self, what: str) -> None:
        """Remember that `what` has happened. Of many things those are forgotten that nobody has
        asked about for longest: a Pod may be restarted for years."""
        self._happened.pop(what, None)
        self._happened[what] = None
        if len(self._happened) > HAPPENED_MAX:
            del self._happened[next(iter(self._happened))]

    def has_happened(self, what: str) -> bool:
        """Whether it has; what `first_time` was asked about has, too."""
        return what in self._happened

    def first_time(self, what: str) -> bool:
        """True once for each `what`."""
        is_first = what not in self._happened
        self.happened(what)
        return is_first
