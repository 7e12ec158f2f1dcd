"""`podkernel dev` on the tests' containerd as a user has it: the command, and kubectl.

What a Pod does is followed through `kubectl get --watch`, so that waiting costs no polling and no
state in between is missed.
"""

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from kernel.cri.proto import runtime_pb2 as cri
from tests.containerd.bare_cri import BareCri
from tests.containerd.daemon import Containerd

PODKERNEL = Path(sys.executable).with_name("podkernel")
NODE_NAME = "node1"
RELIST_SECONDS = 60
"""How often podkernel looks at everything: what is seen earlier was told by the event stream."""

_START_SECONDS_MAX = 30
_STOP_SECONDS_MAX = 30
_COMMAND_SECONDS_MAX = 60
_CONDITION_SECONDS_MAX = 30

PodJson: TypeAlias = dict[str, Any]
"""A Pod as kubectl prints it."""


class PodKernel:
    """One data directory and the `podkernel dev` that works on it, started and ended at will."""

    def __init__(self, directory: Path, containerd: Containerd, *options: str) -> None:
        self.data_directory = directory / "data"
        self.started_at = 0.0
        self._home = directory
        self._output = directory / "output"
        self._command = [
            *(str(PODKERNEL), "dev", "--data-dir", str(self.data_directory)),
            *("--listen", "127.0.0.1:0", "--node-name", NODE_NAME),
            *("--runtime", "containerd", "--containerd-socket", containerd.socket_path),
            # However full this machine's disk is, the tests' images stay.
            *("--node-limit", "image-gc-high-threshold-percent=100", *options),
        ]
        self._process: subprocess.Popen[str] | None = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "KUBECONFIG": str(self.data_directory / "kubeconfig"),
        }

    def start(self) -> None:
        """Start it, and return when it serves."""
        with self._output.open("a") as output:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=output, text=True
            )
        self.started_at = time.monotonic()
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            speaks = selector.select(_START_SECONDS_MAX)
        line = self._process.stdout.readline() if speaks else ""
        if not line.startswith("ready https://"):
            self.kill()
            raise AssertionError(f"podkernel did not start: {line}{self._output.read_text()}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        assert self._end(signal.SIGTERM) == 0, self._output.read_text()

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.send_signal(number)
        code = self._process.wait(_STOP_SECONDS_MAX)
        self._process.stdout.close()
        self._process = None
        return code

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def complaints(self) -> str:
        """What it has written to stderr, over all its lives."""
        return self._output.read_text()

    # kubectl

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What a command that must succeed prints."""
        done = subprocess.run(
            ["kubectl", *arguments],
            input=stdin,
            env=self.environment,
            cwd=self._home,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, *manifests: str) -> None:
        """Apply YAML documents."""
        self.kubectl("apply", "-f", "-", stdin="".join(f"---\n{one}\n" for one in manifests))

    def pod(self, name: str) -> PodJson:
        """The Pod as it is now."""
        found: PodJson = json.loads(self.kubectl("get", "pod", name, "-o", "json"))
        return found

    def pod_when(
        self,
        name: str,
        holds: Callable[[PodJson], bool],
        seconds_max: float = _CONDITION_SECONDS_MAX,
    ) -> PodJson:
        """The Pod in the first state, from now on, of which `holds` answers True."""
        last: PodJson = {}
        with closing(self.pod_states(name, seconds_max)) as states:
            for last in states:
                if holds(last):
                    return last
        status = json.dumps(last.get("status"), indent=1)
        raise AssertionError(f"{name} got no further in {seconds_max} s than {status}")

    def pod_states(self, name: str, seconds_max: float) -> Generator[PodJson, None, None]:
        """What kubectl's watch shows of a Pod from now on, one by one, for so long."""
        decoder = json.JSONDecoder()
        deadline = time.monotonic() + seconds_max
        text = ""
        # A list of one: of a single object kubectl drops the watch's first event, which is the very
        # change that came between its GET and its watch.
        selector = f"metadata.name={name}"
        arguments = ("get", "pods", "--field-selector", selector, "--watch", "-o", "json")
        with self.printing(*arguments) as command:
            while chunk := command.read(deadline):
                text += chunk
                while text := text.lstrip():
                    try:
                        state, end = decoder.raw_decode(text)
                    except json.JSONDecodeError:
                        break
                    text = text[end:]
                    yield state

    @contextmanager
    def printing(self, *arguments: str) -> Iterator["Printing"]:
        """A command of kubectl that goes on printing; ended with the context."""
        with subprocess.Popen(
            ["kubectl", *arguments],
            env=self.environment,
            cwd=self._home,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                yield Printing(process)
            finally:
                process.kill()

    def events(self, name: str) -> list[tuple[str, str]]:
        """The reasons and messages of the Events about a Pod, in the order of their first time."""
        selector = f"involvedObject.name={name}"
        listed = json.loads(
            self.kubectl("get", "events", "--field-selector", selector, "-o", "json")
        )
        items = sorted(listed["items"], key=lambda event: int(event["metadata"]["resourceVersion"]))
        items.sort(key=lambda event: event["firstTimestamp"])
        return [(event["reason"], event["message"]) for event in items]

    def wait_for_event(self, name: str, reason: str, part: str = "") -> str:
        """The message of an Event about a Pod, once it is there."""

        def message() -> str:
            return next(
                (text for found, text in self.events(name) if found == reason and part in text), ""
            )

        found: str = wait_until(message, f"no Event {reason} ({part}) about {name}")
        return found


class Printing:
    """The output of a running command."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._descriptor = process.stdout.fileno()
        self._text = ""

    def read(self, deadline: float) -> str:
        """What it prints next; empty at its end, or at the deadline (of `time.monotonic`)."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            if not selector.select(max(deadline - time.monotonic(), 0)):
                return ""
        return os.read(self._descriptor, 65536).decode()

    def cells_until(self, *wanted: str) -> list[list[str]]:
        """The lines' cells up to the first line that starts with those."""
        deadline = time.monotonic() + _CONDITION_SECONDS_MAX
        lines: list[list[str]] = []
        while chunk := self.read(deadline):
            self._text += chunk
            *whole, self._text = self._text.split("\n")
            for line in whole:
                lines.append(line.split())
                if tuple(lines[-1][: len(wanted)]) == wanted:
                    return lines
        raise AssertionError(f"no line {wanted} in {lines}")


class Observer:
    """What a containerd has, seen past podkernel."""

    def __init__(self, containerd: Containerd) -> None:
        self._containerd = containerd

    def sandboxes(self, uid: str) -> list[str]:
        """The ids of a Pod's sandboxes."""
        selector = {"io.kubernetes.pod.uid": uid}
        request = cri.ListPodSandboxRequest(filter=cri.PodSandboxFilter(label_selector=selector))
        with BareCri(self._containerd.socket_path) as bare:
            answer = bare.call(request, cri.ListPodSandboxResponse)
        return [item.id for item in answer.items]

    def containers(self, uid: str) -> list[str]:
        """The ids of a Pod's containers."""
        selector = {"io.kubernetes.pod.uid": uid}
        request = cri.ListContainersRequest(filter=cri.ContainerFilter(label_selector=selector))
        with BareCri(self._containerd.socket_path) as bare:
            answer = bare.call(request, cri.ListContainersResponse)
        return [item.id for item in answer.containers]

    def running(self, uid: str) -> list[str]:
        """The ids of a Pod's containers that run."""
        running = cri.ContainerStateValue(state=cri.CONTAINER_RUNNING)
        selector = {"io.kubernetes.pod.uid": uid}
        wanted = cri.ContainerFilter(label_selector=selector, state=running)
        request = cri.ListContainersRequest(filter=wanted)
        with BareCri(self._containerd.socket_path) as bare:
            answer = bare.call(request, cri.ListContainersResponse)
        return [item.id for item in answer.containers]

    def remove_sandbox(self, identifier: str) -> None:
        """Remove a sandbox with its containers, as `crictl rmp --force` does."""
        with BareCri(self._containerd.socket_path) as bare:
            bare.call(
                cri.StopPodSandboxRequest(pod_sandbox_id=identifier), cri.StopPodSandboxResponse
            )
            bare.call(
                cri.RemovePodSandboxRequest(pod_sandbox_id=identifier), cri.RemovePodSandboxResponse
            )

    def process_id(self, identifier: str) -> int:
        """The host's pid of a container's or a sandbox's first process."""
        tasks = [line.split() for line in self._containerd.ctr("tasks", "list").splitlines()[1:]]
        (pid,) = [int(task[1]) for task in tasks if task[0] == identifier]
        return pid

    def kill(self, identifier: str) -> None:
        """Kill that process behind everybody's back."""
        self.end(self.process_id(identifier))

    def end(self, process_id: int) -> None:
        """Kill a process of the host's, also while containerd is away."""
        os.kill(process_id, signal.SIGKILL)

    def traces(self, uid: str, data_directory: Path) -> list[str]:
        """Everything that is still there of a Pod: in containerd, in mounts, on disk."""
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return [
            *self.sandboxes(uid),
            *self.containers(uid),
            *(line for line in mounts if uid in line),
            # Unlike Path.rglob, os.walk goes on where a directory vanishes meanwhile.
            *(path for path, _, _ in os.walk(data_directory) if uid in path),
        ]


def wait_until(look: Callable[[], Any], failure: str) -> Any:
    """What `look` answers as soon as that is something."""
    deadline = time.monotonic() + _CONDITION_SECONDS_MAX
    while not (found := look()):
        assert time.monotonic() < deadline, failure
        time.sleep(0.05)
    return found


def free_port() -> int:
    """A port of this host that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def missing_for_kubectl() -> str:
    """Why kubectl can't be run; empty where it can."""
    return "" if shutil.which("kubectl") else "there is no kubectl on the PATH"


# What a Pod's JSON says.


def container_status(pod: PodJson, name: str = "main") -> dict[str, Any]:
    """The status of one container, init or not; empty as long as there is none."""
    status = pod.get("status", {})
    found: list[dict[str, Any]] = [
        *status.get("initContainerStatuses", []),
        *status.get("containerStatuses", []),
    ]
    return next((one for one in found if one["name"] == name), {})


def container_id(pod: PodJson, name: str = "main") -> str:
    """The runtime's id of a container."""
    identifier: str = container_status(pod, name).get("containerID", "")
    return identifier.removeprefix("containerd://")


def waiting_reason(pod: PodJson, name: str = "main") -> str:
    """Why a container waits; empty where it does not."""
    reason: str = container_status(pod, name).get("state", {}).get("waiting", {}).get("reason", "")
    return reason


def restarts(pod: PodJson, name: str = "main") -> int:
    """How often a container was restarted."""
    count: int = container_status(pod, name).get("restartCount", 0)
    return count


def is_ready(pod: PodJson) -> bool:
    """Whether the condition Ready is true."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def phase(pod: PodJson) -> str:
    """The Pod's phase."""
    found: str = pod.get("status", {}).get("phase", "")
    return found
