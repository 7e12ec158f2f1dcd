"""Probes on the process runtime, through kubectl."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import NO_KUBECTL
from .harness import Kubectl, Place, eventually, free_port

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason=NO_KUBECTL),
]

HEALTH_SERVER = """\
import concurrent.futures, pathlib, sys, grpc
from kernel.cri.proto import health_pb2

def check(request, context):
    return health_pb2.HealthCheckResponse(status=pathlib.Path("/flags/status").read_text())

server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
method = grpc.unary_unary_rpc_method_handler(
    check, response_serializer=health_pb2.HealthCheckResponse.SerializeToString
)
server.add_generic_rpc_handlers(
    [grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method})]
)
server.add_insecure_port(f"0.0.0.0:{sys.argv[1]}")
server.start()
server.wait_for_termination()
"""


def probed(name: str, flags: Path, *command: str, **container: Any) -> str:
    """A Pod that is asked ten times a second, with a directory of the host at /flags."""
    main = {"name": "main", "image": "busybox", "command": command, **container}
    main["volumeMounts"] = [{"name": "flags", "mountPath": "/flags"}]
    period = {"podkernel.dev/probe-period-milliseconds": "100"}
    spec = {
        "containers": [main],
        "volumes": [{"name": "flags", "hostPath": {"path": str(flags)}}],
        "terminationGracePeriodSeconds": 2,
    }
    metadata = {"name": name, "annotations": period}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def events(kubectl: Kubectl, name: str, reason: str) -> list[str]:
    selector = f"involvedObject.name={name},reason={reason}"
    listed = kubectl.json("events", "--field-selector", selector)
    return [event["message"] for event in listed["items"]]


def test_what_is_well_is_ready_and_what_is_not_is_restarted(anyones: Place) -> None:
    anyones.start()
    kubectl, flags, port = Kubectl(anyones), anyones.directory_of("flags"), free_port()
    (flags / "healthy").touch()
    server = (sys.executable, "-m", "http.server", str(port), "--directory", "/flags")
    manifest = probed(
        "web",
        flags,
        *server,
        ports=[{"name": "http", "containerPort": port}],
        startupProbe={"tcpSocket": {"port": "http"}, "failureThreshold": 600},
        readinessProbe={"httpGet": {"path": "/ready", "port": "http"}, "failureThreshold": 1},
        livenessProbe={"exec": {"command": ["ls", "/flags/healthy"]}},
    )
    kubectl("apply", "-f", "-", stdin=manifest)
    eventually(
        lambda: any("404" in text for text in events(kubectl, "web", "Unhealthy")), "a failure"
    )
    assert kubectl.row("pod", "web")[1] == "0/1"
    (flags / "ready").touch()
    kubectl("wait", "pod/web", "--for=condition=Ready")
    (flags / "ready").unlink()
    kubectl("wait", "pod/web", "--for=condition=Ready=false")
    (flags / "ready").touch()
    kubectl("wait", "pod/web", "--for=condition=Ready")
    assert kubectl.row("pod", "web")[3] == "0"

    (flags / "healthy").unlink()
    eventually(lambda: events(kubectl, "web", "Killing"), "the end of the container")
    (flags / "healthy").touch()
    kubectl("wait", "pod/web", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1")
    assert events(kubectl, "web", "Killing") == [
        "Container main failed liveness probe, will be restarted"
    ]


def test_grpc_health(here: Place, kubectl: Kubectl) -> None:
    here.start()
    flags, port = here.directory_of("flags"), free_port()
    (flags / "server.py").write_text(HEALTH_SERVER)
    (flags / "status").write_text("NOT_SERVING")
    server = (sys.executable, "/flags/server.py", str(port))
    probe = {"grpc": {"port": port}, "failureThreshold": 1}
    kubectl("apply", "-f", "-", stdin=probed("grpc", flags, *server, readinessProbe=probe))
    message = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
    eventually(lambda: message in events(kubectl, "grpc", "Unhealthy"), "the answer")
    (flags / "status").write_text("SERVING")
    kubectl("wait", "pod/grpc", "--for=condition=Ready")
