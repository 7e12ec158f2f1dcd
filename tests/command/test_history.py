"""`podkernel log` and `podkernel why`, beside a running server and after it."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from .harness import EXAMPLES, Kubectl, Place, Server, eventually
from .manifests import pod

AUTHORITY = "kube-root-ca.crt"  # what every namespace has
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def server(here: Place) -> Server:
    """A server whose Pod `web` runs, simulated."""
    started = here.start("--runtime", "simulated", here.write("pod.yaml", pod("web")))
    started.wait_printed("pod default/web Running")
    return started


def printed(here: Place, *arguments: str) -> str:
    """What a command that must succeed prints."""
    done = here.run(*arguments, "--data-dir", here.data)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def entries(here: Place, *arguments: str) -> list[Any]:
    """The log, decoded."""
    return [json.loads(line) for line in printed(here, "log", "--json", *arguments).splitlines()]


def test_the_log_is_the_same_beside_a_server_and_after_it(here: Place, server: Server) -> None:
    beside = entries(here)
    assert [entry["revision"] for entry in beside] == list(range(1, len(beside) + 1))
    assert server.stop() == 0
    after = entries(here)
    assert after[: len(beside)] == beside


def test_one_objects_entries(here: Place, server: Server) -> None:
    own = entries(here, "pod/web")
    assert {entry["key"] for entry in own} == {"/core/pods/default/web"}
    assert [entry["verb"] for entry in own][:2] == ["create", "update"]
    assert [entry["actor"] for entry in own][:3] == [
        "podkernel-dev",
        "default-scheduler",
        "node-agent",
    ]
    assert own[1]["previousRevision"] == own[0]["revision"] == own[1]["cause"]
    assert own[-1]["object"]["status"]["phase"] == "Running"
    assert entries(here, "po/web") == entries(here, "Pod/web") == own

    heading, *lines = printed(here, "log", "pod/web").splitlines()
    assert heading.split() == ["REVISION", "TIME", "VERB", "ACTOR", "CAUSE"]
    told = [line.split() for line in lines]
    revisions = [int(words[0]) for words in told if words[0].isdigit()]
    assert revisions == [entry["revision"] for entry in own]
    assert f'          spec.nodeName: nothing → "{own[1]["object"]["spec"]["nodeName"]}"' in lines
    caused = f"{own[0]['revision']} podkernel-dev created pods/default/web"
    assert any(line.endswith(caused) for line in lines)
    assert {change["path"] for change in own[1]["changes"]} >= {"spec.nodeName"}
    with server.connected() as connection:
        connection.request("DELETE", "/api/v1/namespaces/default/pods/web")
    eventually(lambda: entries(here, "pod/web")[-1]["verb"] == "delete", "the deletion's entry")


def test_objects_in_other_namespaces_and_in_none(here: Place, server: Server) -> None:
    assert entries(here, "namespace/default")[0]["verb"] == "create"
    assert entries(here, "service/kubernetes")[0]["object"]["spec"]["clusterIP"]
    with server.connected() as connection:
        where = CONFIG_MAPS.replace("default", "kube-system")
        connection.request("POST", where, {"metadata": {"name": "a"}})
    assert len(entries(here, "configmap/a", "-n", "kube-system")) == 1


def test_following_shows_what_is_written_meanwhile(here: Place, server: Server) -> None:
    output = here.write("followed", "")
    with output.open("w") as file:
        process = subprocess.Popen(
            here.command("log", "--follow", "--json", "--data-dir", here.data),
            env=here.environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: output.read_text().count("\n") >= len(entries(here)), "what is there")
        with server.connected() as connection:
            for number in range(3):
                connection.request("POST", CONFIG_MAPS, {"metadata": {"name": f"new-{number}"}})
        eventually(lambda: "new-2" in output.read_text(), "new entries")
        process.terminate()
    finally:
        process.kill()
        process.wait()
    revisions = [json.loads(line)["revision"] for line in output.read_text().splitlines()]
    assert revisions == list(range(1, len(revisions) + 1))


@pytest.mark.parametrize("name", ["log", "export"])
def test_a_reader_that_goes_away_is_no_failure(here: Place, server: Server, name: str) -> None:
    command = here.command(name, "--json", "--data-dir", here.data)
    done = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *command],
        env=here.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["revision"] >= 1
    assert done.stderr == ""
    assert server.process.poll() is None


def test_why_leads_from_who_created_it_to_the_latest_state(here: Place, server: Server) -> None:
    beside = printed(here, "why", "pod/web")
    steps = re.findall(r"^ +(\d+)  \S+ \S+  (.+?) (created|updated) (\S+)$", beside, re.MULTILINE)
    revisions = [int(step[0]) for step in steps]
    assert revisions == sorted(revisions, reverse=True)
    assert revisions[0] == entries(here, "pod/web")[-1]["revision"]
    assert [(step[1], step[2]) for step in steps] == [
        ("node-agent", "updated"),
        ("default-scheduler", "updated"),
        ("podkernel-dev", "created"),
    ]
    assert {step[3] for step in steps} == {"/core/pods/default/web"}
    assert 'status.phase: "Pending" → "Running"' in beside
    assert beside.endswith("podkernel-dev acted of its own accord\n")
    server.stop()
    assert printed(here, "why", "pod/web") == beside


def test_why_of_a_plugins_kind_and_of_what_it_owns(here: Place) -> None:
    plugin, manifest = EXAMPLES / "website.py", EXAMPLES / "website.yaml"
    server = here.start("--runtime", "simulated", "--plugin", plugin, manifest)
    server.wait_printed("pod default/hello Running")

    def explained() -> str:
        text = printed(here, "why", "website/hello")
        return text if "Running" in text else ""

    chain = eventually(explained, "the Website's status follows the Pod's")
    actors = re.findall(r"^ +\d+  \S+ \S+  (.+?) (?:created|updated) (\S+)$", chain, re.MULTILINE)
    website, own_pod = "/example.dev/websites/default/hello", "/core/pods/default/hello"
    assert actors == [
        ("website", website),
        ("node-agent", own_pod),
        ("default-scheduler", own_pod),
        ("website", own_pod),
        ("podkernel-dev", website),
    ]
    assert entries(here, "websites/hello")[0]["actor"] == "podkernel-dev"
    server.stop()
    assert printed(here, "why", "website/hello") == chain


def test_the_past_is_shown_beside_a_server_and_after_it(here: Place, server: Server) -> None:
    created = entries(here, "pod/web")[0]["revision"]
    beside = [
        printed(here, "get", "pods", "--at", str(created)),
        printed(here, "get", "pod", "web", "-o", "json", "--at", str(created)),
        printed(here, "diff", "pod/web", str(created), str(entries(here)[-1]["revision"])),
        printed(here, "why", "pod/web:status.phase"),
    ]
    assert re.search(r"^web +0/1 +Pending +0 +0s$", beside[0], re.MULTILINE)
    assert "nodeName" not in json.loads(beside[1])["spec"]
    assert 'status.phase: "Pending" → "Running"' in beside[2]
    assert 'status.phase of /core/pods/default/web is "Running" because' in beside[3]
    last = entries(here)[-1]["revision"]
    server.stop()
    again = [
        printed(here, "get", "pods", "--at", str(created)),
        printed(here, "get", "pod", "web", "-o", "json", "--at", str(created)),
        printed(here, "diff", "pod/web", str(created), str(last)),
    ]
    assert again[:2] == beside[:2]
    assert 'status.phase: "Pending" → "Running"' in again[2]


def test_get_prints_what_kubectl_prints(here: Place, kubectl: Kubectl) -> None:
    plugin, manifest = EXAMPLES / "website.py", EXAMPLES / "website.yaml"
    server = here.start("--runtime", "simulated", "--plugin", plugin, manifest)
    server.wait_printed("pod default/hello Running")
    for arguments in (
        ("pods", "-A"),
        ("pods", "-o", "wide"),
        ("services",),
        ("ns",),
        ("nodes", "-o", "name"),
        ("website",),
        ("website", "hello", "-o", "json"),
        ("events",),
    ):

        def both(arguments: tuple[str, ...] = arguments) -> tuple[list[str], list[str]]:
            ours = printed(here, "get", *arguments, "--plugin", str(plugin))
            theirs = kubectl("get", *arguments)
            return ours.split(), theirs.split()

        def same(both: Callable[[], tuple[list[str], list[str]]] = both) -> bool:
            ours, theirs = both()
            return without_ages(ours) == without_ages(theirs)

        eventually(same, f"get {' '.join(arguments)} is the same: {both()}", seconds=5)
    unloaded = printed(here, "get", "website").split()
    loaded = printed(here, "get", "website", "--plugin", str(plugin)).split()
    assert without_ages(unloaded) == without_ages(loaded)


def test_kubectl_reads_the_past_and_in_pages(here: Place, server: Server, kubectl: Kubectl) -> None:
    created = entries(here, "pod/web")[0]["revision"]
    for name in ("a", "b", "c"):
        kubectl("create", "configmap", name)
    before_deletion = entries(here)[-1]["revision"]
    kubectl("delete", "configmap", "a")
    exact = f"resourceVersion={before_deletion}&resourceVersionMatch=Exact"
    then = json.loads(kubectl("get", "--raw", f"{CONFIG_MAPS}?{exact}"))
    assert [item["metadata"]["name"] for item in then["items"]] == ["a", "b", "c", AUTHORITY]
    pod_then = f"{PODS}/web?resourceVersion={created}&resourceVersionMatch=Exact"
    assert "nodeName" not in json.loads(kubectl("get", "--raw", pod_then))["spec"]
    now = kubectl("get", "configmaps", "--chunk-size=1", "-o", "name")
    assert now.split() == ["configmap/b", "configmap/c", f"configmap/{AUTHORITY}"]
    future = kubectl.run("get", "--raw", f"{CONFIG_MAPS}?resourceVersion=99999")
    assert "Too large resource version: 99999" in future.stderr


def test_a_create_that_comes_again_with_its_key_happens_once(here: Place, server: Server) -> None:
    with server.connected() as connection:
        body = {"metadata": {"generateName": "made-"}}
        answers = [
            connection.request("POST", CONFIG_MAPS, body, **{"Idempotency-Key": "k"})
            for _ in range(2)
        ]
    assert answers[0] == answers[1]
    names = printed(here, "get", "configmaps", "-o", "name").split()
    assert [name.partition("-")[0] for name in names] == ["configmap/kube", "configmap/made"]


def without_ages(words: list[str]) -> list[str]:
    """Ages go on while the two commands run."""
    return [word for word in words if not re.fullmatch(r"\d+[smh]", word)]


def test_why_tells_what_was_observed_of_the_runtime(here: Place) -> None:
    manifest = here.write("job.yaml", pod("job", "sleep 1", more="restartPolicy: Never"))
    server = here.start("--runtime", "simulated", manifest)
    server.wait_printed("pod default/job Completed")
    chain = printed(here, "why", "pod/job:status.phase")
    headline, first, change, *_ = chain.splitlines()
    assert headline.startswith('status.phase of /core/pods/default/job is "Succeeded" because')
    assert re.search(
        r"  node-agent \(container \S+ exited\) updated /core/pods/default/job$", first
    )
    assert change.strip() == 'status.phase: "Running" → "Succeeded"'
    assert chain.endswith("podkernel-dev acted of its own accord\n")


def test_why_of_what_is_deleted(here: Place, server: Server) -> None:
    with server.connected() as connection:
        connection.request("POST", CONFIG_MAPS, {"metadata": {"name": "short-lived"}})
        connection.request("DELETE", f"{CONFIG_MAPS}/short-lived")
    text = printed(here, "why", "configmap/short-lived")
    assert re.search(r" deleted /core/configmaps/default/short-lived$", text, re.MULTILINE)
