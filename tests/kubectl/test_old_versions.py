"""Manifests in versions that Kubernetes had before: accepted, stored as the present kind."""

from pathlib import Path

import anyio
import msgspec
import pytest

from .conftest import EVERY_VERSION, Kubectl
from .test_workloads import TEMPLATE, manifest

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

NOTES = Path(__file__).parents[1] / "notes" / "manifests"
UNSELECTIVE = TEMPLATE.replace("  selector: {matchLabels: {app: web}}\n", "")


@EVERY_VERSION
@pytest.mark.parametrize("name", ["nginx-deployment", "abcdocker"])
async def test_the_deployments_of_the_notes(kubectl: Kubectl, name: str) -> None:
    path = str(NOTES / f"{name}.yaml")
    made = await kubectl.run("create", "-f", path)
    assert made.returncode == 0, made.stderr.decode()
    assert b"deprecated in v1.9+, unavailable in v1.16+; use apps/v1 Deployment" in made.stderr
    as_asked = msgspec.json.decode(await kubectl("get", "-f", path, "-o", "json"))
    assert as_asked["apiVersion"] == "apps/v1beta2"
    (stored,) = msgspec.json.decode(await kubectl("get", "deploy", "-o", "json"))["items"]
    assert stored["apiVersion"] == "apps/v1"
    assert (await kubectl("get", "-f", path)).startswith("NAME")
    following = await kubectl.start("get", "-f", path, "-w", "-o", "jsonpath={.apiVersion} ")
    assert following.stdout is not None
    with anyio.fail_after(20):
        told = b""
        while b"apps/v1beta2 " not in told:
            told += await following.stdout.receive()
    following.terminate()
    await following.wait()
    await following.aclose()
    applied = await kubectl("apply", "-f", path)
    assert "configured" in applied or "unchanged" in applied
    assert "deleted" in await kubectl("delete", "-f", path)
    assert "No resources found" in (await kubectl.run("get", "deploy")).stderr.decode()


@pytest.mark.parametrize(
    ("kind", "api_version", "spec"),
    [
        ("Deployment", "apps/v1beta1", UNSELECTIVE),
        ("Deployment", "extensions/v1beta1", UNSELECTIVE),
        ("DaemonSet", "extensions/v1beta1", UNSELECTIVE),
        ("ReplicaSet", "extensions/v1beta1", UNSELECTIVE),
        ("StatefulSet", "apps/v1beta2", TEMPLATE),
        ("DaemonSet", "apps/v1beta2", TEMPLATE),
    ],
)
async def test_the_others(kubectl: Kubectl, kind: str, api_version: str, spec: str) -> None:
    old = manifest(kind, spec, api_version)
    await kubectl("apply", "-f", "-", stdin=old)
    changed = old.replace("image: busybox", "image: busybox:2")
    assert "configured" in await kubectl("apply", "-f", "-", stdin=changed)
    assert "serverside-applied" in await kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=old
    )
    name = f"{kind.lower()}.v1.apps"
    stored = msgspec.json.decode(await kubectl("get", name, "web", "-o", "json"))
    assert stored["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    listed = (await kubectl("get", "all", "-o", "name")).split()
    assert listed == [f"{kind.lower()}.apps/web"]
    assert "deleted" in await kubectl("delete", "-f", "-", stdin=old)


async def test_a_body_of_another_version_than_its_path_is_refused(kubectl: Kubectl) -> None:
    path = "/apis/apps/v1beta2/namespaces/default/deployments"
    complaint = "does not match the expected API version (apps/v1beta2)"
    document = msgspec.json.encode(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    )
    printed = await kubectl.refused("create", "--raw", path, "-f", "-", stdin=document.decode())
    assert complaint in printed


BETA_INGRESS = """
apiVersion: {api_version}
kind: Ingress
metadata: {{name: web}}
spec:
  backend: {{serviceName: web, servicePort: http}}
  rules:
  - http:
      paths:
      - {{path: /, backend: {{serviceName: web, servicePort: 80}}}}
"""


@pytest.mark.parametrize("api_version", ["extensions/v1beta1", "networking.k8s.io/v1beta1"])
async def test_an_ingress_of_before(kubectl: Kubectl, api_version: str) -> None:
    manifest = BETA_INGRESS.format(api_version=api_version)
    made = await kubectl.run("apply", "-f", "-", stdin=manifest)
    assert made.returncode == 0, made.stderr.decode()
    words = f"{api_version} Ingress is deprecated in v1.1".encode()
    assert words in made.stderr
    assert b"unavailable in v1.22+; use networking.k8s.io/v1 Ingress" in made.stderr
    listed = await kubectl("get", "-f", "-", "-o", "json", stdin=manifest)
    (as_asked,) = msgspec.json.decode(listed)["items"]
    assert as_asked["spec"]["backend"] == {"serviceName": "web", "servicePort": "http"}
    stored = msgspec.json.decode(await kubectl("get", "ingress", "web", "-o", "json"))
    assert stored["apiVersion"] == "networking.k8s.io/v1"
    assert stored["spec"]["defaultBackend"] == {
        "service": {"name": "web", "port": {"name": "http"}}
    }
    (path,) = stored["spec"]["rules"][0]["http"]["paths"]
    assert path["pathType"] == "ImplementationSpecific"
    assert path["backend"] == {"service": {"name": "web", "port": {"number": 80}}}
    said = manifest.replace("{path: /,", "{path: /, pathType: ImplementationSpecific,")
    await kubectl("apply", "-f", "-", stdin=said)
    assert "unchanged" in await kubectl("apply", "-f", "-", stdin=said)


async def test_events_have_two_views(kubectl: Kubectl) -> None:
    event = """
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: seen}
eventTime: "2026-01-01T10:00:00.500000Z"
reportingController: example.com/watcher
reportingInstance: one
action: Look
reason: Seen
type: Normal
regarding: {kind: Pod, apiVersion: v1, namespace: default, name: web}
note: there it is
"""
    made = await kubectl.run("create", "-f", "-", stdin=event)
    assert (made.returncode, made.stderr) == (0, b"")
    stored = msgspec.json.decode(await kubectl("get", "event", "seen", "-o", "json"))
    assert stored["involvedObject"]["name"] == "web"
    assert (stored["message"], stored["reportingComponent"]) == (
        "there it is",
        "example.com/watcher",
    )
    selector = "--field-selector=regarding.name=web,reason=Seen"
    listed = await kubectl("get", "events.v1.events.k8s.io", selector, "-o", "json")
    (seen,) = msgspec.json.decode(listed)["items"]
    assert (seen["note"], seen["regarding"]["kind"]) == ("there it is", "Pod")
    assert "Pod/web" in await kubectl("events", "--for", "pod/web")
