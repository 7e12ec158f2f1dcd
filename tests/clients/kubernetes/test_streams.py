"""Logs, exec and port-forward of `kubernetes`, against a Pod that runs."""

import socket

import yaml
from kubernetes import client, watch
from kubernetes.stream import portforward, stream

from ..conftest import PAGE, POD, PORT, Cluster


def test_logs(core: client.CoreV1Api, cluster: Cluster) -> None:
    log = core.read_namespaced_pod_log(POD, "default", container="main")
    assert log.splitlines()[:2] == ["one", "two"]
    tail = core.read_namespaced_pod_log(POD, "default", limit_bytes=3, timestamps=False)
    assert tail == "one"


def test_a_log_is_followed(core: client.CoreV1Api, cluster: Cluster) -> None:
    watcher = watch.Watch()
    lines = watcher.stream(core.read_namespaced_pod_log, POD, "default")
    assert [next(lines), next(lines)] == ["one", "two"]
    for line in lines:
        if "Serving HTTP" in line:
            break
    fetch(core, "/followed")
    assert "GET /followed" in next(line for line in lines if "followed" in line)
    watcher.stop()


def test_exec_answers_its_output(core: client.CoreV1Api, cluster: Cluster) -> None:
    output = stream(
        core.connect_get_namespaced_pod_exec,
        *(POD, "default"),
        command=["sh", "-c", "echo out; echo err >&2"],
        stdout=True,
        stderr=True,
    )
    assert sorted(output.splitlines()) == ["err", "out"]


def test_exec_in_conversation(core: client.CoreV1Api, cluster: Cluster) -> None:
    session = stream(
        core.connect_get_namespaced_pod_exec,
        *(POD, "default"),
        container="main",
        command=["sh", "-c", "read line; echo got $line; echo bad >&2; exit 3"],
        stdin=True,
        stdout=True,
        stderr=True,
        _preload_content=False,
    )
    session.write_stdin("hello\n")
    session.run_forever(timeout=10)
    assert session.read_stdout() == "got hello\n"
    assert session.read_stderr() == "bad\n"
    assert session.returncode == 3
    session.close()


def test_exec_of_what_fails_tells_why(core: client.CoreV1Api, cluster: Cluster) -> None:
    session = stream(
        core.connect_get_namespaced_pod_exec,
        *(POD, "default"),
        command=["/no/such/command"],
        stdout=True,
        stderr=True,
        _preload_content=False,
    )
    session.run_forever(timeout=10)
    status = yaml.safe_load(session.read_channel(3))
    assert status["status"] == "Failure"
    assert "no such file or directory" in status["message"]


def test_a_binary_conversation(core: client.CoreV1Api, cluster: Cluster) -> None:
    session = stream(
        core.connect_get_namespaced_pod_exec,
        *(POD, "default"),
        command=["head", "-c", "4"],
        stdin=True,
        stdout=True,
        binary=True,
        _preload_content=False,
    )
    session.write_stdin(b"\x00\xff\x80\x01")
    session.run_forever(timeout=10)
    assert session.read_stdout() == b"\x00\xff\x80\x01"


def fetch(core: client.CoreV1Api, path: str) -> bytes:
    """What the Pod's web server answers, by a forwarded port."""
    forward = portforward(
        core.connect_get_namespaced_pod_portforward, POD, "default", ports=str(PORT)
    )
    connection: socket.socket = forward.socket(PORT)
    connection.settimeout(10)
    connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = b""
    while received := connection.recv(4096):
        answer += received
    connection.close()
    assert forward.error(PORT) is None
    return answer


def test_a_port_is_forwarded(core: client.CoreV1Api, cluster: Cluster) -> None:
    head, _, body = fetch(core, "/page").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 ")
    assert body.decode() == PAGE


def test_a_port_that_nobody_listens_on(core: client.CoreV1Api, cluster: Cluster) -> None:
    forward = portforward(core.connect_get_namespaced_pod_portforward, POD, "default", ports="81")
    connection: socket.socket = forward.socket(81)
    connection.settimeout(10)
    assert connection.recv(1) == b""
    assert "connection refused" in forward.error(81)
