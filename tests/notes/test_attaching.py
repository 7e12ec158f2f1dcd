"""Third notes: one Pod, two containers, one process namespace, and a shell to attach to."""

import re

import pytest

from tests.node.harness import PodKernel, is_ready

from .manifests import path_of
from .terminal import on_terminal

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_a_shell_that_is_attached_to_sees_the_processes_of_all(kernel: PodKernel) -> None:
    assert kernel.kubectl("create", "-f", path_of("nginx")) == "pod/nginx created\n"
    kernel.pod_when("nginx", is_ready)
    listed = kernel.kubectl("get", "pods").splitlines()
    assert listed[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert listed[1].split()[:4] == ["nginx", "2/2", "Running", "0"]
    attach = ["kubectl", "attach", "-it", "nginx", "-c", "shell"]
    with on_terminal(attach, kernel.environment) as terminal:
        terminal.shows("try pressing enter.")
        terminal.type("\n")
        terminal.shows("/ # ")
        terminal.type("ls\n")
        terminal.shows("ls\r\n")
        assert "bin" in re.sub(r"\x1b\[[0-9;]*m", "", terminal.shows("/ # ")).split()
        terminal.type("ps\n")
        terminal.shows("COMMAND")
        processes = [line.split() for line in terminal.shows("/ # ").splitlines() if line.strip()]
        # This busybox's ps has no TIME: PID, USER, COMMAND.
        commands = {" ".join(fields[2:]): fields[0] for fields in processes}
        assert commands["/pause"] == "1"
        assert any("nginx -g daemon off;" in command for command in commands)
        assert "sh" in commands
    assert kernel.kubectl("delete", "-f", path_of("nginx"), "--now") == 'pod "nginx" deleted\n'
