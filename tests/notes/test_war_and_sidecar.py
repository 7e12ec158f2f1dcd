"""First notes: Pods by label, a WAR brought by an init container, a sidecar that collects logs.

Also the second's wrong spellings, which kubectl has the server point out.
"""

import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.node.harness import PodKernel, free_port, is_ready, wait_until

from .manifests import path_of

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

SIDECAR = """\
apiVersion: v1
kind: Pod
metadata:
  name: logging
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: application
    image: busybox
    command: [sh, -c, 'while true; do date >>/var/log/application.log; sleep 0.2; done']
    volumeMounts: [{name: log, mountPath: /var/log}]
  - name: collector
    image: busybox
    command: [sh, -c, 'tail -F /var/log/application.log']
    volumeMounts: [{name: log, mountPath: /var/log}]
  volumes:
  - name: log
    emptyDir: {}
"""


def test_pods_and_services_by_name_and_label(kernel: PodKernel) -> None:
    run = ["run", "nginx", "--image=nginx", "--labels=app=nginx", "--port=80", "--expose"]
    kernel.kubectl(*run)
    kernel.pod_when("nginx", is_ready)
    listed = kernel.kubectl("get", "pod", "-l", "app=nginx").splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [["nginx", "1/1", "Running"]]
    described = kernel.kubectl("describe", "pod", "nginx")
    for part in ("Events:", "Scheduled", "Pulled", "Started container nginx", "IP:"):
        assert part in described
    service = kernel.kubectl("get", "service", "nginx", "-o", "yaml")
    assert "targetPort: 80" in service
    address = kernel.pod("nginx")["status"]["podIP"]
    with urllib.request.urlopen(f"http://{address}/", timeout=10) as answer:
        assert b"Welcome to nginx!" in answer.read()
    kernel.kubectl("delete", "pod,service", "nginx")


def test_a_wrong_spelling_is_told_and_the_right_one_serves_the_war(
    kernel: PodKernel, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=r'unknown field "spec.containers\[0\].*hostPost"'):
        kernel.kubectl("create", "-f", path_of("javaweb-2"))
    port = free_port()
    manifest = Path(path_of("javaweb-2")).read_text()
    manifest = manifest.replace("hostPost: 8001", f"hostPort: {port}")
    kernel.kubectl("create", "-f", "-", stdin=manifest)
    kernel.pod_when("javaweb-2", is_ready)
    war = tmp_path / "sample.war"

    def fetched() -> bool:
        url = f"http://127.0.0.1:{port}/sample.war"
        command = ["curl", "--silent", "--fail", "--output", str(war), url]
        return subprocess.run(command, check=False).returncode == 0

    wait_until(fetched, "the WAR is not served")
    assert war.read_bytes().startswith(b"PK")
    kernel.kubectl("delete", "pod", "javaweb-2", "--now")


def test_a_sidecar_reads_what_the_application_logs(kernel: PodKernel) -> None:
    kernel.apply(SIDECAR)
    kernel.pod_when("logging", is_ready)
    wait_until(
        lambda: len(kernel.kubectl("logs", "logging", "-c", "collector").splitlines()) > 2,
        "nothing is collected",
    )
    assert kernel.kubectl("logs", "logging", "-c", "application") == ""
    kernel.kubectl("delete", "pod", "logging")
