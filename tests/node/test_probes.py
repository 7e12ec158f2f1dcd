"""Probes on containers that really run: the study notes' Pods, and what each kind of probe does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.containerd.daemon import Containerd
from tests.containerd.registry import running_registry

from .conftest import StartKernel
from .harness import (
    Observer,
    PodJson,
    PodKernel,
    container_id,
    container_status,
    is_ready,
    phase,
    restarts,
)
from .manifests import SLEEP, container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

PERIOD = "podkernel.dev/probe-period-milliseconds"

# As they stand in the notes, but for the times: these take seconds, those minutes.
LIVENESS_EXEC = """\
apiVersion: v1
kind: Pod
metadata:
  labels:
    test: liveness
  name: liveness-exec
  annotations:
    podkernel.dev/probe-period-milliseconds: "200"
spec:
  containers:
  - name: liveness
    image: k8s.gcr.io/busybox
    args:
    - /bin/sh
    - -c
    - touch /tmp/healthy; sleep 2; rm -rf /tmp/healthy; sleep 600
    livenessProbe:
      exec:
        command:
        - cat
        - /tmp/healthy
      initialDelaySeconds: 1
      periodSeconds: 5
      terminationGracePeriodSeconds: 1
"""
LIVENESS_HTTP = """\
apiVersion: v1
kind: Pod
metadata:
  labels:
    test: liveness
  name: liveness-http
  annotations:
    podkernel.dev/probe-period-milliseconds: "500"
spec:
  containers:
  - name: liveness
    image: k8s.gcr.io/liveness
    args:
    - /server
    livenessProbe:
      httpGet:
        path: /healthz
        port: 8080
        httpHeaders:
        - name: Custom-Header
          value: Awesome
      initialDelaySeconds: 1
      periodSeconds: 3
      terminationGracePeriodSeconds: 1
"""
KILLED = "Container liveness failed liveness probe, will be restarted"


def probed(name: str, *containers: dict[str, Any], period: str = "100", **spec: Any) -> str:
    """A Pod whose probes ask ten times a second."""
    return pod(name, *containers, metadata={"annotations": {PERIOD: period}}, **spec)


def command(*words: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"command": list(words)}, **more}


@pytest.fixture
def k8s_gcr_io(containerd: Containerd) -> Iterator[None]:
    """The registry that the notes' images come from."""
    with running_registry() as address, containerd.mirroring(address, "k8s.gcr.io"):
        yield


def test_the_notes_liveness_pods_are_restarted(k8s_gcr_io: None, shared_kernel: PodKernel) -> None:
    kernel = shared_kernel
    kernel.apply(LIVENESS_EXEC, LIVENESS_HTTP)
    for name, failure in (
        ("liveness-exec", "cat: can't open '/tmp/healthy': No such file or directory\n"),
        ("liveness-http", "HTTP probe failed with statuscode: 500"),
    ):
        after = kernel.pod_when(
            name, lambda pod: restarts(pod, "liveness") > 0 and is_ready(pod), seconds_max=60
        )
        last = container_status(after, "liveness")["lastState"]["terminated"]
        assert last["reason"] == "Error"
        events = kernel.events(name)
        assert ("Unhealthy", f"Liveness probe failed: {failure}") in events
        assert ("Killing", KILLED) in events
        description = kernel.kubectl("describe", "pod", name)
        assert "Liveness:" in description
        assert re.search(r"Unhealthy .*\(x\d+ over", description)


class Flags:
    """A directory of the host whose files a container's probes look for."""

    MOUNTS: ClassVar[dict[str, Any]] = {"volumeMounts": [{"name": "flags", "mountPath": "/flags"}]}

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.volumes = [{"name": "flags", "hostPath": {"path": str(directory)}}]

    def probe(self, name: str, **more: Any) -> dict[str, Any]:
        return command("cat", f"/flags/{name}", **more)


def test_readiness_follows_the_container(shared_kernel: PodKernel, tmp_path: Path) -> None:
    kernel, flags = shared_kernel, Flags(tmp_path)
    probe = flags.probe("ready", failureThreshold=1)
    main = container("trap '' TERM; sleep 1000", readinessProbe=probe, **flags.MOUNTS)
    kernel.apply(probed("readiness", main, volumes=flags.volumes))
    unready = kernel.pod_when("readiness", lambda pod: phase(pod) == "Running")
    assert not is_ready(unready)
    assert container_status(unready)["started"] is True
    (tmp_path / "ready").touch()
    kernel.pod_when("readiness", is_ready)
    (tmp_path / "ready").unlink()
    after = kernel.pod_when("readiness", lambda pod: not is_ready(pod))
    ready = next(one for one in after["status"]["conditions"] if one["type"] == "Ready")
    assert ready["reason"] == "ContainersNotReady"
    assert ready["message"] == "containers with unready status: [main]"
    assert restarts(after) == 0

    # Also while the Pod ends.
    kernel.kubectl("delete", "pod", "readiness", "--grace-period=3", "--wait=false")
    (tmp_path / "ready").touch()
    ending = kernel.pod_when("readiness", is_ready)
    assert "deletionTimestamp" in ending["metadata"]


def test_a_command_that_hangs_has_failed(shared_kernel: PodKernel) -> None:
    probe = command("sleep", "10", failureThreshold=1, timeoutSeconds=1)
    hanging = probed("hanging", container(livenessProbe=probe), restartPolicy="Never")
    shared_kernel.apply(hanging)
    shared_kernel.pod_when("hanging", lambda pod: phase(pod) == "Succeeded")
    events = shared_kernel.events("hanging")
    timeout = 'command timed out: "sleep 10" timed out after 1s'
    assert ("Unhealthy", f"Liveness probe failed: {timeout}") in events
    assert ("Killing", "Container main failed liveness probe") in events


def test_startup_and_ports(shared_kernel: PodKernel, tmp_path: Path) -> None:
    """A sidecar that takes a while to start holds the Pod back; named ports, TCP, and a liveness
    probe whose path goes missing."""
    kernel, flags = shared_kernel, Flags(tmp_path)
    serve = f"sleep 1; touch /flags/healthz; httpd -p 8080 -h /flags; {SLEEP}"
    sidecar = container(
        serve,
        name="proxy",
        restartPolicy="Always",
        ports=[{"name": "web", "containerPort": 8080}],
        startupProbe={"httpGet": {"path": "/healthz", "port": "web"}, "failureThreshold": 600},
        readinessProbe={"tcpSocket": {"port": "web"}},
        **flags.MOUNTS,
    )
    # By then the sidecar must serve, or this fails and the Pod is never ready.
    main = container(
        f"wget -q -O - http://127.0.0.1:8080/healthz && touch /tmp/found; {SLEEP}",
        readinessProbe=command("test", "-e", "/tmp/found"),
        livenessProbe={"httpGet": {"path": "/healthz", "port": 8080}, "failureThreshold": 1},
    )
    kernel.apply(probed("startup", main, initContainers=[sidecar], volumes=flags.volumes))
    waiting = kernel.pod_when(
        "startup", lambda pod: container_status(pod, "proxy").get("state", {}).get("running")
    )
    assert phase(waiting) == "Pending"
    assert container_status(waiting, "proxy")["started"] is False
    ready = kernel.pod_when("startup", is_ready)
    assert container_status(ready, "proxy")["started"] is True
    kernel.wait_for_event("startup", "Unhealthy", "Startup probe failed: Get ")
    (tmp_path / "healthz").unlink()
    kernel.wait_for_event("startup", "Killing", "Container main failed liveness probe")
    kernel.wait_for_event("startup", "Unhealthy", "HTTP probe failed with statuscode: 404")


def test_a_killed_podkernel_neither_flaps_nor_restarts(
    start_kernel: StartKernel, observer: Observer, tmp_path: Path
) -> None:
    kernel, flags = start_kernel(), Flags(tmp_path)
    for name in ("started", "ready"):
        (tmp_path / name).touch()
    probes: dict[str, Any] = {
        "startupProbe": flags.probe("started"),
        "readinessProbe": flags.probe("ready", failureThreshold=1),
        "livenessProbe": flags.probe("started"),
    }
    main = container(**probes, **flags.MOUNTS)
    kernel.apply(probed("lasting", main, period="500", volumes=flags.volumes))
    before = kernel.pod_when("lasting", is_ready)
    kernel.kill()
    kernel.start()

    def is_unready(pod: PodJson) -> bool:
        # Nothing else changes on the way there.
        assert not is_ready(pod) or pod["status"] == before["status"]
        return not is_ready(pod)

    (tmp_path / "ready").unlink()
    after = kernel.pod_when("lasting", is_unready)
    assert restarts(after) == 0
    assert observer.running(after["metadata"]["uid"]) == [container_id(before)]
    unhealthy = [text for reason, text in kernel.events("lasting") if reason == "Unhealthy"]
    missing = "cat: can't open '/flags/ready': No such file or directory\n"
    assert unhealthy == [f"Readiness probe failed: {missing}"]
