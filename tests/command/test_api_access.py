"""Programs of the process runtime call the API, for root and for an ordinary user."""

import json
import sys
from pathlib import Path

import pytest

from .harness import Kubectl, Place, eventually

pytestmark = pytest.mark.kubectl

CLIENT = Path(__file__).parents[1].joinpath("in_pod_client.py").read_text()


def test_a_container_sees_its_own_pod(anyones: Place) -> None:
    kubectl = Kubectl(anyones)
    name = {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    main = {
        "name": "main",
        "image": "busybox",
        "command": [sys.executable, "-I", "-c", CLIENT],
        "env": [name],
    }
    spec = {"containers": [main], "terminationGracePeriodSeconds": 0}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asker"}, "spec": spec}
    server = anyones.start(anyones.write("asker.yaml", json.dumps(pod)))

    def printed() -> list[str]:
        return kubectl.run("logs", "asker").stdout.splitlines()

    eventually(lambda: "403 None" in printed(), "nothing is bound to the Pod's ServiceAccount")
    bound = ("--clusterrole=view", "--serviceaccount=default:default")
    kubectl.run("create", "rolebinding", "viewers", *bound)
    eventually(lambda: "200 asker" in printed(), "the container sees its Pod")
    exec_as_jane = ("exec", "asker", "--as=jane", "--", "true")
    kubectl("create", "rolebinding", "lookers", "--clusterrole=view", "--user=jane")
    assert 'resource "pods/exec" in API group ""' in kubectl.run(*exec_as_jane).stderr
    kubectl("create", "rolebinding", "editors", "--clusterrole=edit", "--user=jane")
    kubectl(*exec_as_jane)
    host, port = printed()[0].split()[1:]
    own = server.url.rpartition(":")[2]
    assert (host, port) == (("127.0.0.1", own) if anyones.ordinary_user else ("10.96.0.1", "443"))
