"""Other amounts of cpu and memory for a running Pod, on the process runtime as root."""

import json

import pytest

from ..cri.process_machine import abilities
from ..kubectl.resize_case import (
    COMMAND,
    MEMORY_BYTES,
    READ_MEMORY_LIMIT,
    SMALL,
    has_been_resized,
)
from .harness import Kubectl, Place, eventually
from .manifests import PATIENT


@pytest.mark.skipif(not abilities().limits, reason="no cgroup can be made")
def test_a_running_container_gets_more_and_keeps_it(here: Place, kubectl: Kubectl) -> None:
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sh", "-c", PATIENT],
        "resources": SMALL,
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    metadata = {"name": "resized"}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    options = ("--node-name", "node1", "--on-exit", "keep")
    server = here.start(*options, here.write("pod.json", json.dumps(manifest)))
    kubectl("wait", "--for=condition=Ready", "pod/resized", "--timeout=20s")
    kubectl(*COMMAND)
    eventually(lambda: has_been_resized(kubectl.pod("resized")), "the Pod is resized")
    server.kill()
    here.start(*options)
    assert has_been_resized(kubectl.pod("resized"))
    limit = kubectl("exec", "resized", "--", "sh", "-c", READ_MEMORY_LIMIT)
    assert int(limit) == MEMORY_BYTES
