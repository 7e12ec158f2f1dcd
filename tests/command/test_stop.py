"""How `podkernel dev` ends, and what becomes of Pods then."""

import signal
import subprocess

import pytest

from .harness import Connection, Place, Server, eventually, processes_of
from .manifests import PATIENT, pod

PODS = "/api/v1/namespaces/default/pods"


def script(here: Place) -> str:
    """A patient script that is found among this machine's processes by `mark`."""
    return f"{PATIENT} # {mark(here)}"


def mark(here: Place) -> str:
    """What the test's container has in its command line, and nothing else has."""
    return f"mark-{here.directory.name}"


def container_status(connection: Connection) -> dict[str, object]:
    """The status of the test's container; empty while there is none."""
    found = connection.request("GET", f"{PODS}/web")["status"].get("containerStatuses", [{}])
    status: dict[str, object] = found[0]
    return status


def run_pod(here: Place, *options: str) -> tuple[Server, list[int]]:
    """A server with a running Pod, and the container's process."""
    server = here.start(here.write("pod.yaml", pod("web", script(here))), *options)
    server.wait_printed("pod default/web Running")
    # For an instant, a command that the shell has just called still looks like the shell.
    eventually(lambda: len(processes_of(mark(here))) == 1, "there is one process")
    return server, processes_of(mark(here))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_pods_stop_with_the_server_and_run_again_with_the_next(
    anyones: Place, number: signal.Signals
) -> None:
    server, processes = run_pod(anyones)
    assert server.stop(number) == 0
    assert "stopping; Pods are stopped, and started again at the next start" in server.output
    assert server.complaints == ""
    assert processes_of(str(anyones.data / "process")) == []
    assert processes_of(mark(anyones)) == []

    again = anyones.start()
    fresh = eventually(lambda: processes_of(mark(anyones)), "the Pod runs again")
    assert fresh != processes
    again.wait_printed("pod default/web Running")


def test_pods_run_on_without_the_server_and_are_adopted_by_the_next(anyones: Place) -> None:
    server, processes = run_pod(anyones, "--on-exit", "keep")
    assert server.stop(signal.SIGINT) == 0
    assert "stopping; Pods go on running, and are taken over at the next start" in server.output
    assert processes_of(mark(anyones)) == processes

    again = anyones.start("--on-exit", "keep")
    with again.connected() as connection:
        assert container_status(connection)["restartCount"] == 0
        connection.request("POST", PODS, {"metadata": {"name": "other"}, **_quick()})
    again.wait_printed("pod default/other Completed")
    assert processes_of(mark(anyones)) == processes
    assert again.stop() == 0

    last = anyones.start()
    assert processes_of(mark(anyones)) == processes
    assert last.stop() == 0
    assert processes_of(mark(anyones)) == []


def test_a_container_that_ends_while_no_server_runs_is_restarted_by_the_next(here: Place) -> None:
    server, processes = run_pod(here, "--on-exit", "keep")
    server.stop()
    subprocess.run(["kill", "-9", *map(str, processes)], check=True)
    eventually(lambda: not processes_of(mark(here)), "the container is gone")
    again = here.start()
    eventually(lambda: processes_of(mark(here)), "the container is started again")
    with again.connected() as connection:
        eventually(lambda: container_status(connection).get("restartCount") == 1, "it is counted")


def test_a_second_signal_ends_it_at_once(here: Place) -> None:
    deaf = f"trap '' TERM; while true; do sleep 0.1; done # {mark(here)}"
    manifest = pod("web", deaf).replace("Seconds: 2", "Seconds: 10")
    server = here.start(here.write("pod.yaml", manifest))
    server.wait_printed("pod default/web Running")
    # The shell that forks to sleep again and again is the first of those with its command line.
    shell = min(processes_of(mark(here)))
    server.process.send_signal(signal.SIGINT)
    server.wait_printed("stopping")
    assert server.stop(signal.SIGINT) == -signal.SIGINT
    assert shell in processes_of(mark(here))
    assert server.complaints == ""

    again = here.start()
    with again.connected() as connection:
        eventually(lambda: container_status(connection).get("state"), "the Pod is seen")
    again.kill()  # its end would wait for the grace of a Pod that does not listen


def test_a_server_that_is_stopped_while_it_starts(here: Place) -> None:
    """Whenever the signal comes, what has been started is ended, too."""
    manifests = here.write("pods.yaml", "---\n".join(pod(f"web-{n}") for n in range(5)))
    server = here.start(manifests)
    assert server.stop() == 0
    assert server.complaints == ""
    assert processes_of(str(here.data / "process")) == []


def _quick() -> dict[str, object]:
    container = {"name": "main", "image": "busybox", "command": ["true"]}
    return {"spec": {"restartPolicy": "Never", "containers": [container]}}
