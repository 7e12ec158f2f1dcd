"""Volumes on the process runtime, as root and as an ordinary user."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from .harness import Kubectl, Place, eventually

pytestmark = pytest.mark.kubectl

MOUNTS = Path("/proc/self/mountinfo")
SCRIPT = """
echo settings: $(cat /settings/colour) $(cat /one) $LEVEL
echo scratch: $(stat -f -c %T /scratch) >> /part/log
until grep -q red /settings/colour; do sleep 0.05; done
echo followed: $(cat /settings/colour) $(cat /one) >> /part/log
sleep 600
"""


def _mount(name: str, path: str, sub_path: str = "") -> dict[str, Any]:
    return {"name": name, "mountPath": path, **({"subPath": sub_path} if sub_path else {})}


def _manifest(out: Path) -> str:
    level = {"configMapKeyRef": {"name": "settings", "key": "colour"}}
    main = {
        "name": "main",
        "image": "busybox",
        "command": ["sh", "-c", SCRIPT],
        "env": [{"name": "LEVEL", "valueFrom": level}],
        "volumeMounts": [
            _mount("settings", "/settings"),
            _mount("settings", "/one", "colour"),
            _mount("scratch", "/scratch"),
            _mount("out", "/part", "deep/part"),
        ],
    }
    volumes = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "out", "hostPath": {"path": str(out), "type": "Directory"}},
    ]
    spec = {"containers": [main], "volumes": volumes, "terminationGracePeriodSeconds": 1}
    metadata = {"name": "volumes"}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def test_volumes_from_their_start_to_their_end(anyones: Place) -> None:
    server = anyones.start()
    kubectl = Kubectl(anyones)
    out = anyones.directory_of("out")
    kubectl("create", "configmap", "settings", "--from-literal=colour=blue")
    kubectl("apply", "-f", "-", stdin=_manifest(out))
    kubectl.wait_status("volumes", "Running")
    log = out / "deep" / "part" / "log"
    eventually(log.exists, "the container has started")
    assert kubectl("logs", "volumes") == "settings: blue blue blue\n"
    assert stat.S_IMODE((anyones.data / "pods").stat().st_mode) == 0o700
    kubectl("patch", "configmap", "settings", "-p", '{"data": {"colour": "red"}}')
    eventually(lambda: "followed" in log.read_text(), "the change is seen")
    assert log.read_text().splitlines() == ["scratch: tmpfs", "followed: red blue"]
    uid = kubectl.pod("volumes")["metadata"]["uid"]
    server.stop()
    assert uid not in MOUNTS.read_text()
    anyones.start()
    kubectl.wait_status("volumes", "Running")
    assert kubectl("logs", "volumes") == "settings: red red red\n"
    kubectl("delete", "pod", "volumes")
    assert uid not in MOUNTS.read_text()
    assert not [name for name in os.listdir("/dev/shm") if uid in name]
    assert log.exists()
