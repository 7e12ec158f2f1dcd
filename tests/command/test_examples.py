"""The examples of the documentation, run as a new user would: by an ordinary user, and by root."""

import re
import shutil

import pytest
import yaml

from .conftest import NO_KUBECTL
from .harness import EXAMPLES, REPOSITORY, Kubectl, Place, Server, eventually, fetch, free_port
from .manifests import pod

pytestmark = pytest.mark.kubectl

JAVAWEB = "javaweb-2"
LIFE = ["Pending", "Init:0/1", "PodInitializing", "Running"]
BEGINNING = ["Pulled", "Created", "Started"]


@pytest.fixture
def anyones_kubectl(anyones: Place) -> Kubectl:
    if shutil.which("kubectl") is None:
        pytest.skip(NO_KUBECTL)
    return Kubectl(anyones)


def javaweb(place: Place, port: int) -> str:
    """The example, with an init container that waits for the file `gate/open`."""
    manifest = yaml.safe_load((EXAMPLES / "javaweb.yaml").read_text())
    spec = manifest["spec"]
    gate = place.directory_of("gate")
    spec["volumes"].append({"name": "gate", "hostPath": {"path": str(gate)}})
    war = spec["initContainers"][0]
    war["volumeMounts"].append({"name": "gate", "mountPath": "/gate"})
    war["command"][2] = f"until [ -e /gate/open ]; do sleep 0.05; done; {war['command'][2]}"
    # An ordinary user's Pods share the machine's network, and so its ports.
    own_port = free_port()
    spec["containers"][0]["command"][3] = str(own_port)
    spec["containers"][0]["ports"] = [{"containerPort": own_port, "hostPort": port}]
    return yaml.safe_dump(manifest)


def test_javaweb_comes_up_step_by_step(anyones: Place, anyones_kubectl: Kubectl) -> None:
    kubectl, port = anyones_kubectl, free_port()
    manifest = anyones.write("javaweb.yaml", javaweb(anyones, port))
    server = anyones.start()
    kubectl("apply", "-f", "-", stdin=pod("homeless", more="nodeSelector: {disk: none}"))
    with kubectl.streaming("get", "pods", "--watch") as printed:
        eventually(lambda: "homeless" in printed(), "the watch has begun")
        kubectl("apply", "-f", manifest)
        kubectl.wait_status(JAVAWEB, "Init:0/1")
        assert fetch(port, "/sample.war") == ""
        anyones.write("gate/open", "")
        eventually(lambda: " Running " in printed(), "the watch shows Running")
        states = re.findall(rf"^{JAVAWEB} +\S+ +(\S+)", printed(), re.MULTILINE)
    assert list(dict.fromkeys(states)) == LIFE

    answer = eventually(lambda: fetch(port, "/sample.war"), "the server answers")
    assert answer == "Hello from sample.war\n"
    described = kubectl("describe", "pod", JAVAWEB)
    reasons = [reason for reason in kubectl.event_reasons(JAVAWEB) if reason != "Unsupported"]
    assert reasons == ["Scheduled", *BEGINNING, *BEGINNING]
    for reason in reasons:
        assert re.search(rf"^  Normal +{reason} ", described, re.MULTILINE)
    assert "Successfully assigned default/javaweb-2 to" in described
    assert server.complaints == ""


@pytest.mark.usefixtures("documented_ports")
def test_the_file_itself_runs(anyones: Place, anyones_kubectl: Kubectl) -> None:
    if fetch(8001) or fetch(8080):
        pytest.skip("the example's port is in use on this machine")
    manifest = EXAMPLES / "javaweb.yaml"
    server = anyones.start(manifest)
    server.wait_printed("pod/javaweb-2 created")
    anyones_kubectl.wait_status(JAVAWEB, "Running")
    served = eventually(lambda: fetch(8001, "/sample.war"), "it answers")
    assert served == "Hello from sample.war\n"


def test_a_website_is_a_kind_with_pods(anyones: Place, anyones_kubectl: Kubectl) -> None:
    kubectl, port = anyones_kubectl, free_port()
    anyones.start("--plugin", EXAMPLES / "website.py")
    manifest = (EXAMPLES / "website.yaml").read_text().replace("8090", str(port))
    assert kubectl("apply", "-f", "-", stdin=manifest) == "website.example.dev/hello created\n"
    kubectl.wait_status("hello", "Running")
    page = eventually(lambda: fetch(port), "the website answers")
    assert page == "Hello from a plugin\n"

    eventually(lambda: kubectl.row("websites")[-2:-1] == ["Running"], "the status is written")
    heading = kubectl("get", "websites").splitlines()[0]
    assert heading.split() == ["NAME", "GREETING", "PORT", "PHASE", "AGE"]
    owner = kubectl.pod("hello")["metadata"]["ownerReferences"][0]
    website = kubectl.json("website", "hello")
    assert (owner["kind"], owner["name"]) == ("Website", "hello")
    assert owner["uid"] == website["metadata"]["uid"]
    assert "greeting" in kubectl("explain", "website.spec")

    refused = kubectl.run("apply", "-f", "-", stdin=manifest.replace("greeting", "greting"))
    assert refused.returncode != 0
    assert "spec.greting" in refused.stderr

    kubectl("delete", "website", "hello")
    eventually(lambda: not kubectl.row("pod", "hello"), "its Pod goes with it")
    assert fetch(port) == ""


def test_a_deleted_pod_of_a_website_comes_back(here: Place, kubectl: Kubectl) -> None:
    here.start("--plugin", EXAMPLES / "website.py")
    port = free_port()
    manifest = (EXAMPLES / "website.yaml").read_text().replace("8090", str(port))
    kubectl("apply", "-f", "-", stdin=manifest)
    first = eventually(lambda: kubectl.run("get", "pod", "hello", "-o", "name").stdout, "a Pod")
    uid = kubectl.pod("hello")["metadata"]["uid"]
    kubectl("delete", first.strip())
    eventually(lambda: kubectl.row("pod", "hello"), "the Pod comes back")
    assert kubectl.pod("hello")["metadata"]["uid"] != uid


def test_a_folder_of_plugins(here: Place, kubectl: Kubectl) -> None:
    folder = here.directory_of("plugins")
    for source in (EXAMPLES / "website.py", REPOSITORY / "plugins" / "log_collector.py"):
        shutil.copy(source, folder)
    here.start("--plugin", folder)
    assert "websites" in kubectl("api-resources", "--api-group=example.dev")


def collected(server: Server, kubectl: Kubectl) -> None:
    """The example's Pod runs with the sidecar that the plugin adds."""
    kubectl.wait_status("collected", "Running")
    names = [container["name"] for container in kubectl.pod("collected")["spec"]["containers"]]
    assert names == ["app", "log-collector"], server.complaints


def test_the_log_collector_forwards_to_its_own_output(here: Place, kubectl: Kubectl) -> None:
    plugin = REPOSITORY / "plugins" / "log_collector.py"
    server = here.start("--plugin", plugin, EXAMPLES / "collected.yaml")
    collected(server, kubectl)
    logs = ("logs", "collected", "-c", "log-collector")
    lines = eventually(lambda: kubectl(*logs).splitlines()[:2], "lines arrive")
    assert lines[0] == "line 1"
    assert kubectl("logs", "collected", "-c", "app") == ""


def test_the_log_collector_forwards_to_a_file(here: Place, kubectl: Kubectl) -> None:
    sink = here.directory / "sink" / "app.log"
    manifest = yaml.safe_load((EXAMPLES / "collected.yaml").read_text())
    annotations = {"log-collector.podkernel.dev/sink": f"file://{sink}"}
    manifest["metadata"]["annotations"] = annotations
    path = here.write("collected.yaml", yaml.safe_dump(manifest))
    server = here.start("--plugin", REPOSITORY / "plugins" / "log_collector.py", path)
    collected(server, kubectl)
    eventually(lambda: sink.exists() and sink.read_text().startswith("line 1\n"), "lines arrive")
    assert kubectl("logs", "collected", "-c", "log-collector") == ""


def test_a_sink_that_makes_no_sense_is_refused(here: Place, kubectl: Kubectl) -> None:
    here.start("--plugin", REPOSITORY / "plugins" / "log_collector.py")
    manifest = yaml.safe_load((EXAMPLES / "collected.yaml").read_text())
    manifest["metadata"]["annotations"] = {"log-collector.podkernel.dev/sink": "ftp://x"}
    refused = kubectl.run("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
    assert refused.returncode != 0
    assert "expected file:///PATH or tcp://HOST:PORT" in refused.stderr
