"""Second notes: where a Pod runs, its hosts, its hooks, and what is projected into it."""

from pathlib import Path

import pytest

from tests.node.harness import (
    PodKernel,
    is_ready,
    phase,
)
from tests.node.manifests import container, pod

from .manifests import path_of

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_a_node_is_chosen_by_its_label(kernel: PodKernel) -> None:
    kernel.apply(pod("on-ssd", container(), nodeSelector={"disktype": "ssd"}))
    kernel.wait_for_event("on-ssd", "FailedScheduling", "didn't match Pod's node affinity/selector")
    assert phase(kernel.pod("on-ssd")) == "Pending"
    kernel.kubectl("label", "node", "node1", "disktype=ssd")
    kernel.pod_when("on-ssd", is_ready)
    kernel.kubectl("delete", "pod", "on-ssd")


def test_a_pod_with_a_node_name_needs_no_scheduler(kernel: PodKernel) -> None:
    kernel.apply(pod("placed", container("exit 0"), nodeName="node1", restartPolicy="Never"))
    kernel.pod_when("placed", lambda pod: phase(pod) == "Succeeded")
    assert "Scheduled" not in [reason for reason, _ in kernel.events("placed")]
    kernel.kubectl("delete", "pod", "placed")


def test_host_aliases_rightly_spelled(kernel: PodKernel) -> None:
    alias = {"ip": "10.1.2.3", "hostNames": ["foo.remote", "bar.remote"]}
    with pytest.raises(AssertionError, match=r'unknown field "spec.hostAliases\[0\].hostNames"'):
        kernel.apply(pod("aliased", container(), hostAliases=[alias]))
    alias = {"ip": "10.1.2.3", "hostnames": ["foo.remote", "bar.remote"]}
    kernel.apply(pod("aliased", container(), hostAliases=[alias]))
    kernel.pod_when("aliased", is_ready)
    hosts = kernel.kubectl("exec", "aliased", "--", "cat", "/etc/hosts").splitlines()
    assert ["10.1.2.3", "foo.remote", "bar.remote"] in [line.split() for line in hosts]
    kernel.kubectl("delete", "pod", "aliased")


def test_hooks_run_after_the_start_and_before_the_end(kernel: PodKernel) -> None:
    kernel.kubectl("create", "-f", path_of("lifecycle-demo"))
    kernel.pod_when("lifecycle-demo", is_ready)
    message = kernel.kubectl("exec", "lifecycle-demo", "--", "cat", "/usr/share/message")
    assert message == "hello from the postStart handler\n"
    with kernel.printing("logs", "--follow", "lifecycle-demo") as logs:
        kernel.kubectl("delete", "pod", "lifecycle-demo")
        assert logs.cells_until("quit")


def test_secrets_projected_into_one_directory(kernel: PodKernel, tmp_path: Path) -> None:
    (tmp_path / "username.txt").write_text("admin")
    (tmp_path / "password.txt").write_text("c1oudc0w!")
    for name, file in (("user", "username.txt"), ("pass", "password.txt")):
        made = kernel.kubectl("create", "secret", "generic", name, f"--from-file={tmp_path / file}")
        assert made == f"secret/{name} created\n"
    kernel.kubectl("create", "-f", path_of("projected-volume"))
    kernel.pod_when("projected-volume", is_ready)
    exec_in = ("exec", "projected-volume", "--")
    assert kernel.kubectl(*exec_in, "ls", "/projected-volume").split() == [
        *("password.txt", "username.txt"),
    ]
    assert kernel.kubectl(*exec_in, "cat", "/projected-volume/username.txt") == "admin"
    with pytest.raises(AssertionError, match="Read-only file system"):
        kernel.kubectl(*exec_in, "touch", "/projected-volume/new")
    kernel.kubectl("delete", "pod", "projected-volume", "--now")


def test_a_config_map_from_a_file(kernel: PodKernel, tmp_path: Path) -> None:
    properties = tmp_path / "example" / "ui.properties"
    properties.parent.mkdir()
    properties.write_text("color.good=purple\nallow.textmode=true\n")
    kernel.kubectl("create", "configmap", "ui-config", f"--from-file={properties}")
    described = kernel.kubectl("describe", "configmap", "ui-config")
    assert "ui.properties:\n----\ncolor.good=purple\nallow.textmode=true" in described


def test_the_pods_own_fields_as_files(kernel: PodKernel) -> None:
    kernel.kubectl("create", "-f", path_of("downward-api"))
    name = "kubernetes-downwardapi-volume-example"
    kernel.pod_when(name, is_ready)
    with kernel.printing("logs", "--follow", name) as logs:
        logs.cells_until('zone="us-est-coast"')
        logs.cells_until('builder="john-doe"')
    kernel.kubectl("delete", "pod", name, "--now")


def test_the_service_accounts_token_is_mounted(kernel: PodKernel) -> None:
    kernel.apply(pod("with-token", container()))
    kernel.pod_when("with-token", is_ready)
    directory = "/var/run/secrets/kubernetes.io/serviceaccount"
    listed = kernel.kubectl("exec", "with-token", "--", "ls", directory)
    assert listed.split() == ["ca.crt", "namespace", "token"]
    namespace = kernel.kubectl("exec", "with-token", "--", "cat", f"{directory}/namespace")
    assert namespace == "default"
    kernel.kubectl("delete", "pod", "with-token")


def test_phases(kernel: PodKernel) -> None:
    for name, script, expected in (
        ("well", "exit 0", "Succeeded"),
        ("ill", "exit 1", "Failed"),
    ):
        kernel.apply(pod(name, container(script), restartPolicy="Never"))
        kernel.pod_when(name, lambda pod, expected=expected: phase(pod) == expected)  # type: ignore[misc]
    kernel.kubectl("delete", "pods", "well", "ill")
