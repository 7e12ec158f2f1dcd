"""Second notes, their end: containers that fall ill and are restarted.

The Pods were started before the first of all these tests: what they do takes more than a minute.
"""

import json

import pytest

from tests.node.harness import PodKernel, container_status, restarts

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_liveness_over_http_restarts_what_has_fallen_ill(probed_kernel: PodKernel) -> None:
    probed_kernel.pod_when(
        "liveness-http", lambda pod: restarts(pod, "liveness") >= 1, seconds_max=60
    )
    probed_kernel.wait_for_event(
        "liveness-http",
        "Unhealthy",
        "Liveness probe failed: HTTP probe failed with statuscode: 500",
    )
    probed_kernel.wait_for_event(
        "liveness-http", "Killing", "Container liveness failed liveness probe, will be restarted"
    )


def test_liveness_by_a_command_restarts_what_has_fallen_ill(probed_kernel: PodKernel) -> None:
    shown = probed_kernel.pod_when(
        "liveness-exec", lambda pod: restarts(pod, "liveness") >= 1, seconds_max=120
    )
    message = "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory"
    probed_kernel.wait_for_event("liveness-exec", "Unhealthy", message)
    last = container_status(shown, "liveness")["lastState"]["terminated"]
    assert last["exitCode"] == 137
    events = json.loads(
        probed_kernel.kubectl("get", "events", "--field-selector", "reason=Unhealthy", "-o", "json")
    )["items"]
    (counted,) = [one for one in events if one["involvedObject"]["name"] == "liveness-exec"]
    assert counted["count"] >= 3
