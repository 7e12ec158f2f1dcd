"""Fields that few Pods have, as a container in a real runtime sees them."""

import base64
import json
import os
from typing import Any

import pytest

from .harness import PodKernel, container_status, phase
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

_CPU = {"containerName": "main", "resource": "limits.cpu", "divisor": "1m"}


def _ended(kernel: PodKernel, manifest: str) -> dict[str, Any]:
    kernel.apply(manifest)
    name = json.loads(manifest)["metadata"]["name"]
    return kernel.pod_when(name, lambda pod: phase(pod) in ("Succeeded", "Failed"))


def test_the_machine_s_own_namespaces(shared_kernel: PodKernel) -> None:
    """By their names in /proc: those of this test are the machine's."""
    script = "for one in net pid ipc uts; do readlink /proc/self/ns/$one; done"
    spaces = {"hostNetwork": True, "hostPID": True, "hostIPC": True}
    _ended(shared_kernel, pod("apart", container(script), restartPolicy="Never"))
    _ended(shared_kernel, pod("open", container(script), restartPolicy="Never", **spaces))
    own = {one: os.readlink(f"/proc/self/ns/{one}") for one in ("net", "pid", "ipc", "uts")}
    assert shared_kernel.kubectl("logs", "open").split() == list(own.values())
    assert not set(shared_kernel.kubectl("logs", "apart").split()) & set(own.values())


def test_a_path_inside_of_a_volume_named_by_variables(shared_kernel: PodKernel) -> None:
    mount = {"name": "all", "mountPath": "/mine", "subPathExpr": "$(POD_NAME)/logs"}
    writer = container(
        "echo hello >/mine/said",
        "writer",
        env=[{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        volumeMounts=[mount],
    )
    whole = [{"name": "all", "mountPath": "/all"}]
    reader = container("cat /all/paths/logs/said", volumeMounts=whole)
    volumes = [{"name": "all", "emptyDir": {}}]
    _ended(
        shared_kernel,
        pod("paths", reader, initContainers=[writer], volumes=volumes, restartPolicy="Never"),
    )
    assert shared_kernel.kubectl("logs", "paths", "-c", "main") == "hello\n"


def test_what_a_container_left_to_say(shared_kernel: PodKernel) -> None:
    """A message in the file, or else the last lines of the log where it failed."""
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    found = _ended(
        shared_kernel,
        pod(
            "last-words",
            container("echo to the log; exit 3", "failed", **fallback),
            container("echo to the log", "succeeded", **fallback),
            container(
                "echo to the log; echo -n to the file >/ended; exit 3",
                "wrote",
                terminationMessagePath="/ended",
                **fallback,
            ),
            restartPolicy="Never",
        ),
    )
    said = {
        name: container_status(found, name)["state"]["terminated"].get("message", "")
        for name in ("failed", "succeeded", "wrote")
    }
    assert said == {"failed": "to the log\n", "succeeded": "", "wrote": "to the file"}


def test_a_token_for_somebody_else(shared_kernel: PodKernel) -> None:
    sources = [
        {
            "serviceAccountToken": {
                "path": "vault-token",
                "audience": "vault",
                "expirationSeconds": 7200,
            }
        },
        {"downwardAPI": {"items": [{"path": "cpu", "resourceFieldRef": _CPU}]}},
    ]
    found = _ended(
        shared_kernel,
        pod(
            "tokens",
            container(
                "cat /all/vault-token; echo; cat /all/cpu; echo; stat -Lc %a /all/vault-token",
                resources={"limits": {"cpu": "250m"}},
                volumeMounts=[{"name": "all", "mountPath": "/all"}],
            ),
            volumes=[{"name": "all", "projected": {"sources": sources}}],
            restartPolicy="Never",
        ),
    )
    token, cpu, mode = shared_kernel.kubectl("logs", "tokens").split()
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == ["vault"]
    assert claims["exp"] - claims["iat"] == 7200
    assert claims["sub"] == "system:serviceaccount:default:default"
    assert claims["kubernetes.io"]["pod"]["uid"] == found["metadata"]["uid"]
    assert (cpu, mode) == ("250", "644")


def test_root_where_none_may_be(shared_kernel: PodKernel) -> None:
    shared_kernel.apply(pod("rootless", container(), securityContext={"runAsNonRoot": True}))
    reason = "CreateContainerConfigError"

    def waits(found: dict[str, Any]) -> bool:
        state = container_status(found).get("state", {})
        return bool(state.get("waiting", {}).get("reason") == reason)

    found = shared_kernel.pod_when("rootless", waits)
    message = container_status(found)["state"]["waiting"]["message"]
    assert message.startswith("container has runAsNonRoot and image will run as root")
    shared_kernel.kubectl("delete", "pod", "rootless", "--now")


def test_a_terminal_and_a_directory_to_be_in(shared_kernel: PodKernel) -> None:
    script = "test -t 0 && test -t 1 && echo terminal; pwd"
    _ended(
        shared_kernel,
        pod(
            "terminal",
            container(script, tty=True, stdin=True, workingDir="/var/spool/made"),
            restartPolicy="Never",
        ),
    )
    assert shared_kernel.kubectl("logs", "terminal").split() == ["terminal", "/var/spool/made"]
