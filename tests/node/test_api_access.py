"""Containers call the API with what is mounted for them, as any client in a cluster does."""

import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import StartKernel
from .harness import PodKernel, is_ready, phase, restarts, wait_until
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

PYTHON = Path(sys.executable).resolve()
CLIENT = Path(__file__).parents[1].joinpath("in_pod_client.py").read_text()


def _python(name: str, script: str, **spec: Any) -> str:
    """A Pod that runs the machine's Python in busybox."""
    places = dict.fromkeys(("/usr", "/lib", "/lib64", sys.base_prefix))
    directories = [path for path in places if Path(path).exists()]
    volumes = [
        {"name": f"host-{number}", "hostPath": {"path": path, "type": "Directory"}}
        for number, path in enumerate(directories)
    ]
    mounts = [
        {"name": f"host-{number}", "mountPath": path, "readOnly": True}
        for number, path in enumerate(directories)
    ]
    env = [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    one = container(name="main", volumeMounts=mounts, env=env)
    one["command"] = [str(PYTHON), "-I", "-c", script]
    return pod(name, one, volumes=volumes, **spec)


def _last_line(kernel: PodKernel, name: str) -> str:
    return (kernel.kubectl("logs", "--tail=1", name).splitlines() or [""])[-1]


def _wait_for_answer(kernel: PodKernel, name: str) -> None:
    wait_until(
        lambda: _last_line(kernel, name) == f"200 {name}",
        f"{name} does not see itself",
    )


def test_containers_reach_the_api_also_after_a_crash(start_kernel: StartKernel) -> None:
    kernel = start_kernel()
    bound = ("--clusterrole=view", "--serviceaccount=default:default")
    kernel.kubectl("create", "rolebinding", "viewers", *bound)
    kernel.apply(_python("own-network", CLIENT), _python("node-network", CLIENT, hostNetwork=True))
    for name in ("own-network", "node-network"):
        kernel.pod_when(name, is_ready)
        _wait_for_answer(kernel, name)
    assert kernel.kubectl("logs", "own-network").startswith("asking 10.96.0.1 443\n")
    assert kernel.kubectl("logs", "node-network").startswith("asking 127.0.0.1 ")

    kernel.kill()
    kernel.start()
    lines = len(kernel.kubectl("logs", "own-network").splitlines())
    wait_until(
        lambda: "200 own-network" in kernel.kubectl("logs", "own-network").splitlines()[lines:],
        "the container does not reach the new process",
    )
    assert restarts(kernel.pod("own-network")) == 0


def test_a_token_ends_with_its_pod(shared_kernel: PodKernel) -> None:
    show = container("cat /var/run/secrets/kubernetes.io/serviceaccount/token")
    shared_kernel.apply(pod("short-lived", show, restartPolicy="Never"))
    shared_kernel.pod_when("short-lived", lambda pod: phase(pod) == "Succeeded")
    token = shared_kernel.kubectl("logs", "short-lived")
    to_pod = ("--bound-object-kind", "Pod", "--bound-object-name", "short-lived")
    bound = shared_kernel.kubectl("create", "token", "default", *to_pod).strip()
    whoami = ("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    for one in (token, bound):
        answered = shared_kernel.kubectl("--token", one, *whoami)
        assert answered == "system:serviceaccount:default:default"
    shared_kernel.kubectl("delete", "pod", "short-lived", "--wait=true")
    for one in (token, bound):
        with pytest.raises(AssertionError, match=r"Unauthorized|must be logged in"):
            shared_kernel.kubectl("--token", one, "get", "pods")
