"""What exec, attach, cp, port-forward and debug do, whatever runtime and whatever kubectl.

Pod `talks` has a container `main` that serves /tmp/served on port 8080 and a container `shell`
with a terminal; `stdin_once` reads lines until its input ends.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from .streaming import SECONDS_MAX, Talker, get

POD = "talks"
SERVED = b"served from the Pod\n"

Case = Callable[[Talker], None]


def pod_manifest(serve: list[str], **spec: Any) -> str:
    """The Pod that the cases talk with; `serve` is its web server's command."""
    image = {"image": "busybox", "imagePullPolicy": "IfNotPresent"}
    script = f"mkdir -p /tmp/served && printf '{SERVED.decode()}' > /tmp/served/page && exec "
    main = {"name": "main", "command": ["sh", "-c", script + " ".join(serve)]}
    shell = {"name": "shell", "command": ["sh"], "stdin": True, "tty": True}
    reader = {"name": "reader", "command": ["cat"], "stdin": True}
    containers = [one | image for one in (main, shell, reader)]
    whole = {"containers": containers, "terminationGracePeriodSeconds": 1, **spec}
    metadata = {"name": POD, "labels": {"app": POD}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": whole})


def exec_has_two_outputs_and_an_exit_code(kubectl: Talker) -> None:
    done = kubectl.run("exec", POD, "-c", "main", "--", "sh", "-c", "echo o; echo e >&2; exit 7")
    assert done.returncode == 7
    assert done.stdout == b"o\n"
    assert done.stderr.splitlines() == [b"e", b"command terminated with exit code 7"]


def exec_of_what_is_not_there(kubectl: Talker) -> None:
    done = kubectl.run("exec", POD, "-c", "main", "--", "/no/such/command")
    assert done.returncode != 0
    assert b"error executing command in container" in done.stderr or done.returncode == 126
    assert b"no such file or directory" in done.stderr
    refused = kubectl.run("exec", POD, "-c", "nobody", "--", "true")
    assert b"container nobody is not valid for pod talks" in refused.stderr


def exec_carries_megabytes_both_ways(kubectl: Talker) -> None:
    content = os.urandom(5_000_000)
    script = "cat > /tmp/sent; wc -c < /tmp/sent >&2; cat /tmp/sent"
    done = kubectl.run("exec", "-i", POD, "-c", "main", "--", "sh", "-c", script, stdin=content)
    assert (done.returncode, done.stderr.strip()) == (0, b"5000000")
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(content).digest()


def exec_that_reads_a_part_of_its_input(kubectl: Talker) -> None:
    arguments = ("exec", "-i", POD, "-c", "main", "--", "head", "-c", "3")
    done = kubectl.run(*arguments, stdin=b"abc" + bytes(5_000_000))
    assert (done.returncode, done.stdout) == (0, b"abc")


def exec_at_a_terminal_follows_the_window(kubectl: Talker) -> None:
    with kubectl.terminal("exec", "-it", POD, "-c", "main", "--", "sh") as terminal:
        terminal.wait_for("[#$] ")
        terminal.type("test -t 1 && stty size\r")
        terminal.wait_for("40 100")
        terminal.resize((132, 50))
        terminal.type("while [ \"$(stty size)\" != '50 132' ]; do :; done; echo fol''lows\r")
        terminal.wait_for("follows")
        terminal.type("exit 5\r")
        assert terminal.exit_code() == 5


def attach_to_a_shell(kubectl: Talker) -> None:
    with kubectl.terminal("attach", "-it", POD, "-c", "shell") as terminal:
        terminal.wait_for("try pressing enter")
        terminal.type("\r")
        terminal.wait_for("[#$] ")
        terminal.type("stty size; echo $((6 * 7))\r")
        terminal.wait_for("40 100")
        terminal.wait_for("42")
    # It lives on, and the next one finds it as it was left.
    with kubectl.terminal("attach", "-it", POD, "-c", "shell") as terminal:
        terminal.wait_for("try pressing enter")
        terminal.type("\recho ag''ain\r")
        terminal.wait_for("again")


def attach_with_pipes(kubectl: Talker) -> None:
    with kubectl.terminal("attach", "-i", POD, "-c", "reader") as terminal:
        terminal.wait_for("try pressing enter")
        terminal.type("to the main process\r")
        # Once from the terminal's own echo, once from the container.
        terminal.wait_for("to the main process")
        terminal.wait_for("to the main process")


def cp_both_ways(kubectl: Talker) -> None:
    source = kubectl.directory / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "file").write_bytes(os.urandom(2_000_000))
    (source / "empty").write_bytes(b"")
    place = f"{POD}:/tmp/copied-{time.monotonic_ns()}"
    kubectl("cp", "source", place, "-c", "main")
    kubectl("cp", place, "back", "-c", "main")
    for name in ("deep/file", "empty"):
        content = (kubectl.directory / "back" / name).read_bytes()
        assert content == (source / name).read_bytes()


def port_forward_with_several_connections(kubectl: Talker) -> None:
    with kubectl.forwarding(f"pod/{POD}", ":8080") as forwarding:
        port = forwarding.local_port(8080)
        answers: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: answers.append(get(port, "/page"))) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS_MAX)
        assert answers == [SERVED] * 5
        assert get(port, "/page") == SERVED


def port_forward_to_a_port_where_nobody_listens(kubectl: Talker) -> None:
    """kubectl tells it; newer ones then give the whole forward up themselves."""
    with kubectl.forwarding(f"pod/{POD}", ":8080", ":9") as forwarding:
        well, refused = forwarding.local_port(8080), forwarding.local_port(9)
        assert get(refused, "/") == b""
        forwarding.output.wait_for("error forwarding port 9 to pod .*connection refused")
        if b"v1.20" in kubectl("version", "--client"):
            assert get(well, "/page") == SERVED
        else:
            forwarding.output.wait_for("lost connection to pod")


def requests_through_the_proxy(kubectl: Talker) -> None:
    """To the Pod, to a Service before it, to the node that it is on, and by `kubectl proxy`."""
    namespace = "/api/v1/namespaces/default"
    page = f"{namespace}/pods/http:{POD}:8080/proxy/page"
    assert kubectl("get", "--raw", page) == SERVED
    service = f"talks-{time.monotonic_ns()}"
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service},
        "spec": {"selector": {"app": POD}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    kubectl("create", "-f", "-", stdin=json.dumps(manifest).encode())
    assert kubectl("get", "--raw", f"{namespace}/services/{service}:80/proxy/page") == SERVED
    kubectl("delete", "service", service)
    refused = kubectl.run("get", "--raw", f"{namespace}/pods/{POD}:9/proxy/page").stderr
    assert b"error trying to reach service: dial tcp" in refused
    assert b":9: connect: connection refused" in refused
    node = kubectl("get", "pod", POD, "-o", "jsonpath={.spec.nodeName}").decode()
    summary = json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    assert summary["node"]["nodeName"] == node
    (stats,) = [one for one in summary["pods"] if one["podRef"]["name"] == POD]
    assert {one["name"] for one in stats["containers"]} == {"main", "shell", "reader"}
    with kubectl.serving("proxy", "--port=0") as output:
        port = int(output.wait_for(r"Starting to serve on 127\.0\.0\.1:(\d+)$")[1])
        assert get(port, page) == SERVED


def run_with_piped_input(kubectl: Talker) -> None:
    """What has ended before the client is there is shown all the same, from the log."""
    name = f"piped-{time.monotonic_ns()}"
    options = ("--image=busybox", "--image-pull-policy=IfNotPresent", "--restart=Never")
    told = kubectl("run", name, "-i", "--rm", *options, "--", "cat", stdin=b"through\nthe pipe\n")
    assert told.startswith(b"through\nthe pipe\n")


def a_client_that_is_killed_takes_its_command_along(kubectl: Talker) -> None:
    mark = f"{time.monotonic_ns() % 10**9}.5"
    with kubectl.terminal("exec", POD, "-c", "main", "--", "sh", "-c", f"echo on; sleep {mark}; :"):
        _wait_for(lambda: _runs(kubectl, mark), f"sleep {mark} runs")
    _wait_for(lambda: not _runs(kubectl, mark), f"sleep {mark} is gone")


def _runs(kubectl: Talker, mark: str) -> bool:
    # Not by its own name, which the command line of the search would contain.
    script = f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^{mark[:-1]}[5]$'"
    return kubectl.run("exec", POD, "-c", "main", "--", "sh", "-c", script).stdout.strip() == b"1"


def _wait_for(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)


ALL: list[Case] = [
    exec_has_two_outputs_and_an_exit_code,
    exec_of_what_is_not_there,
    exec_carries_megabytes_both_ways,
    exec_that_reads_a_part_of_its_input,
    exec_at_a_terminal_follows_the_window,
    attach_to_a_shell,
    attach_with_pipes,
    cp_both_ways,
    port_forward_with_several_connections,
    port_forward_to_a_port_where_nobody_listens,
    requests_through_the_proxy,
    run_with_piped_input,
    a_client_that_is_killed_takes_its_command_along,
]
