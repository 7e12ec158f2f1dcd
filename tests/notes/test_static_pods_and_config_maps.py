"""Fifth notes: static Pods, Events, Pods of several containers, ConfigMaps.

The notes' Deployments are of an old version of apps. They are stored as present ones, but nothing
makes their Pods yet: an Event says so, and what such a Deployment would run is run as a Pod.
"""

import shutil
from pathlib import Path

import pytest

from tests.node.harness import PodKernel, is_ready, phase, wait_until

from .manifests import path_of, pod_of_deployment

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_a_static_pod_can_not_be_deleted_but_with_its_file(kernel: PodKernel) -> None:
    directory = kernel.data_directory.parent / "static-pods"
    shutil.copy(path_of("static-web"), directory)
    name = "static-web-node1"
    wait_until(lambda: name in kernel.kubectl("get", "pods"), "there is no mirror")
    running = kernel.pod_when(name, is_ready)
    assert running["metadata"]["annotations"]["kubernetes.io/config.source"] == "file"
    kernel.kubectl("delete", "pod", name, "--wait=false")
    again = kernel.pod_when(
        name, lambda pod: pod["metadata"]["uid"] != running["metadata"]["uid"] and is_ready(pod)
    )
    containers = [pod["status"]["containerStatuses"][0]["containerID"] for pod in (running, again)]
    assert containers[0] == containers[1]
    (directory / "static-web.yaml").unlink()
    kernel.kubectl("wait", "pod", name, "--for=delete", "--timeout=60s")


@pytest.mark.parametrize("name", ["nginx-deployment", "abcdocker"])
def test_what_a_deployment_would_run(kernel: PodKernel, name: str) -> None:
    assert kernel.kubectl("create", "-f", path_of(name)).endswith(" created\n")
    deployment = {"nginx-deployment": "nginx-deployment", "abcdocker": "abcdocker-pod"}[name]
    replicas = {"nginx-deployment": 5, "abcdocker": 1}[name]
    row = kernel.kubectl("get", "deployment", deployment).splitlines()[1].split()
    assert row[:4] == [deployment, f"0/{replicas}", "0", "0"]
    wait_until(
        lambda: (
            "nothing creates their Pods yet" in kernel.kubectl("describe", "deploy", deployment)
        ),
        "no Event says that nothing makes the Deployment's Pods",
    )
    kernel.kubectl("delete", "-f", path_of(name))
    kernel.apply(pod_of_deployment(name, name))
    kernel.pod_when(name, is_ready)
    containers = {"nginx-deployment": 1, "abcdocker": 2}[name]
    row = kernel.kubectl("get", "pod", name).splitlines()[1].split()
    assert row[:3] == [name, f"{containers}/{containers}", "Running"]
    described = kernel.kubectl("describe", "pod", name)
    assert described.count("Started container") == containers
    assert "/var/run/secrets/kubernetes.io/serviceaccount" in described
    kernel.kubectl("delete", "pod", name, "--now")


def test_config_maps_from_manifests_files_and_literals(kernel: PodKernel, tmp_path: Path) -> None:
    made = kernel.kubectl("create", "-f", path_of("configmap-test"))
    assert made == "configmap/test-configmap created\n"
    rows = [line.split()[:2] for line in kernel.kubectl("get", "configmaps").splitlines()[1:]]
    assert ["test-configmap", "2"] in rows
    described = kernel.kubectl("describe", "configmaps", "test-configmap")
    assert "key1:\n----\nabcdocker1" in described
    assert "keydir:\n----\n/var/data" in described
    server = tmp_path / "server.xml"
    server.write_text('<Server port="8005"/>\n')
    kernel.kubectl("create", "configmap", "test-server.xml", f"--from-file={server}")
    files = tmp_path / "configfiles"
    files.mkdir()
    (files / "one").write_text("1")
    (files / "two").write_text("2")
    kernel.kubectl("create", "configmap", "two-conf", f"--from-file={files}")
    keys = kernel.kubectl("get", "configmap", "two-conf", "-o", "jsonpath={.data}")
    assert keys == '{"one":"1","two":"2"}'
    kernel.kubectl("delete", "configmap", "test-configmap")
    literals = ["--from-literal=loglevel=info", "--from-literal=appdatadir=/var/data"]
    kernel.kubectl("create", "configmap", "test-configmap", *literals)
    described = kernel.kubectl("describe", "configmap", "test-configmap")
    assert "appdatadir:\n----\n/var/data" in described


def test_config_maps_as_variables(kernel: PodKernel) -> None:
    kernel.kubectl("create", "-f", path_of("configmap-test-1"))
    for name, expected in (
        ("configmap-pod", {"configmapPod=www.abcdocker.com", "configmapDir=/var/data"}),
        (
            "configmap-pod-env-from",
            {"keyinfo=www.abcdocker.com", "abcdockerDir=/var/data"},
        ),
    ):
        kernel.kubectl("create", "-f", path_of(name))
        kernel.pod_when("abcdocker-pod", lambda pod: phase(pod) == "Succeeded")
        row = kernel.kubectl("get", "pod", "abcdocker-pod").splitlines()[1].split()
        assert row[1:3] == ["0/1", "Completed"]
        assert expected <= set(kernel.kubectl("logs", "abcdocker-pod").splitlines())
        kernel.kubectl("delete", "pod", "abcdocker-pod")


def test_keys_that_no_variable_can_have(kernel: PodKernel) -> None:
    kernel.kubectl("create", "configmap", "odd", "--from-literal=1=a", "--from-literal=a=b=c")
    manifest = Path(path_of("configmap-pod-env-from")).read_text()
    manifest = manifest.replace("abcdocker-configmap", "odd").replace("abcdocker-pod", "odd")
    kernel.apply(manifest)
    kernel.pod_when("odd", lambda pod: phase(pod) == "Succeeded")
    assert "a=b=c" in kernel.kubectl("logs", "odd").splitlines()


def test_a_config_map_as_one_file_and_as_a_directory(kernel: PodKernel) -> None:
    kernel.kubectl("create", "-f", path_of("configmap-tomcat-server"))
    for name, path in (("test", "/tmp/server.xml"), ("test-volume", "/tmp/server.xml/server.xml")):
        kernel.apply(pod_of_deployment(name, name))
        kernel.pod_when(name, is_ready)
        content = kernel.kubectl("exec", name, "--", "cat", path)
        assert content.startswith('<Server port="8005" shutdown="SHUTDOWN">')
        kernel.kubectl("delete", "pod", name, "--now")
