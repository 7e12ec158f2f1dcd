"""What `podkernel dev` prints, and what it does with manifests that it has applied before."""

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from ..cron_tabs import cron_tab, definition
from .harness import SECONDS_MAX, Place, Server, eventually, processes_of
from .manifests import pod

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{colour: {}}}\n"


def test_the_first_lines(here: Place) -> None:
    manifest = here.write("pod.yaml", pod("web"))
    server = here.start(manifest)
    ready, runtime, export, *_ = server.output.splitlines()
    assert ready == f"ready {server.url} kubeconfig {here.data}/kubeconfig"
    assert runtime == "Pods run on: process. In another terminal:"
    assert export == f"  export KUBECONFIG={here.data}/kubeconfig"
    server.wait_printed("pod default/web Running (1/1 ready)")
    assert (here.data / "kubeconfig").stat().st_mode & 0o777 == 0o600
    assert (here.data / "token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("address", ["0.0.0.0", "[::1]"])
def test_other_addresses(here: Place, address: str) -> None:
    server = here.start("--runtime", "simulated", "--listen", f"{address}:0")
    with server.connected() as connection:
        assert connection.request("GET", "/version")["major"]


def test_a_manifest_that_is_given_again(here: Place) -> None:
    web = here.write("pod.yaml", pod("web"))
    settings = here.write("settings.yaml", CONFIG_MAP.format("red"))
    said = _said_of(here, web, settings)
    assert said == ["pod/web created", "configmap/settings created"]
    assert _said_of(here, web, settings) == ["pod/web unchanged", "configmap/settings unchanged"]

    web.write_text(pod("web", "trap 'exit 0' TERM; sleep 1001 & wait"))
    settings.write_text(CONFIG_MAP.format("blue"))
    assert _said_of(here, web, settings) == ["pod/web replaced", "configmap/settings configured"]
    server = here.start()
    with server.connected() as connection:
        base = "/api/v1/namespaces/default"
        assert connection.request("GET", f"{base}/configmaps/settings")["data"]["colour"] == "blue"
        command = connection.request("GET", f"{base}/pods/web")["spec"]["containers"][0]["command"]
    assert "1001" in command[2]


def test_a_manifest_may_bring_its_namespace(here: Place) -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: mine}\n---\n"
    manifest = pod("web").replace("name: web", "name: web\n  namespace: mine", 1)
    server = here.start("--runtime", "simulated", here.write("all.yaml", namespace + manifest))
    server.wait_printed("pod mine/web Running")
    assert server.output.index("namespace/mine created") < server.output.index("pod/web created")


def test_a_containerd_that_may_not_be_looked_at_is_passed_over(ordinary: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can close a directory to the user of this test")
    closed = ordinary.directory / "closed"
    closed.mkdir(mode=0o700)
    (closed / "containerd.sock").touch()
    options = ("--runtime", "auto", "--containerd-socket", closed / "containerd.sock")
    assert "Pods run on: process" in _started(ordinary, *options).output


def test_pods_come_up_live_on_a_terminal(here: Place) -> None:
    manifest = here.write("pod.yaml", pod("web"))
    terminal, its_end = pty.openpty()
    data = str(here.data)
    arguments = ["dev", "--data-dir", data, "--listen", "127.0.0.1:0", "--runtime", "process"]
    process = subprocess.Popen(
        here.command(*arguments, manifest),
        env=here.environment | {"TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=its_end,
        stderr=its_end,
        start_new_session=True,
    )
    os.close(its_end)
    try:
        shown = _read_until(terminal, "Running")
        assert "NAMESPACE" in shown
        assert "STATUS" in shown
        process.send_signal(signal.SIGINT)
        assert "stopping" in _read_until(terminal, "stopping")
        assert process.wait(SECONDS_MAX) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert processes_of(str(here.data / "process")) == []


@pytest.mark.parametrize("lines", [1, 5])
def test_a_reader_that_goes_away_is_no_failure(here: Place, lines: int) -> None:
    command = here.command("dev", "--data-dir", here.data, "--listen", "127.0.0.1:0")
    # A later line than those before the Pod is applied, too, finds nobody to read it.
    script = f'"$@" --runtime process pod.yaml | head -n {lines}'
    here.write("pod.yaml", pod("web"))
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command],
        env=here.environment,
        cwd=here.directory,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=True,
    )
    assert done.stdout.startswith("ready https://")
    assert done.stderr == ""
    assert processes_of(str(here.data / "process")) == []


def _started(here: Place, *arguments: str | Path) -> Server:
    server = here.start(*arguments)
    server.wait_printed("Pods run on")
    return server


def _said_of(here: Place, *manifests: Path) -> list[str]:
    """What a server says of manifests; it is stopped then."""
    server = here.start(*manifests)
    marks = ("pod/", "configmap/", "customresourcedefinition/", "crontab/")

    def said() -> list[str]:
        lines = [line for line in server.output.splitlines() if line.startswith(marks)]
        return lines if len(lines) == len(manifests) else []

    lines = eventually(said, "all manifests are applied")
    assert server.stop() == 0
    return lines


def _read_until(terminal: int, text: str) -> str:
    shown = ""
    while text not in shown:
        shown += os.read(terminal, 4096).decode(errors="replace")
    return shown


def test_a_manifest_may_define_the_kind_of_what_follows(here: Place) -> None:
    manifests = [
        here.write("definition.yaml", json.dumps(definition())),
        here.write("cron.yaml", json.dumps(cron_tab())),
    ]
    names = ["customresourcedefinition/crontabs.stable.example.com", "crontab/web"]
    assert _said_of(here, *manifests) == [f"{name} created" for name in names]
    assert _said_of(here, *manifests) == [f"{name} unchanged" for name in names]
