"""`kubectl apply --server-side`: who has set what, conflicts, the move from client-side apply."""

from typing import Any

import msgspec
import pytest

from .conftest import EVERY_VERSION, Kubectl
from .manifests import POD, website

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue, size: large}
"""


async def managers(kubectl: Kubectl, *what: str) -> dict[tuple[str, str, str], Any]:
    """The fields of each manager, by name, operation and subresource."""
    printed = await kubectl("get", *what, "-o", "json", "--show-managed-fields")
    entries = msgspec.json.decode(printed)["metadata"].get("managedFields", [])
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in entries
    }


@EVERY_VERSION
async def test_apply_creates_changes_and_takes_away(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    assert await kubectl(*apply, stdin=SETTINGS) == "configmap/settings serverside-applied\n"
    assert await managers(kubectl, "cm", "settings") == {
        ("kubectl", "Apply", ""): {"f:data": {"f:colour": {}, "f:size": {}}}
    }
    before = await kubectl("get", "cm", "settings", "-o", "yaml", "--show-managed-fields")
    await kubectl(*apply, stdin=SETTINGS)
    after = await kubectl("get", "cm", "settings", "-o", "yaml", "--show-managed-fields")
    assert after == before, "the same once more is no write"
    assert "f:colour: {}" in before

    await kubectl("patch", "cm", "settings", "--type", "merge", "-p", '{"data":{"other":"1"}}')
    await kubectl(*apply, stdin=SETTINGS.replace(", size: large", ""))
    assert await kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == (
        '{"colour":"blue","other":"1"}'
    )


@EVERY_VERSION
async def test_a_conflict_is_told_and_can_be_forced(kubectl: Kubectl) -> None:
    await kubectl("apply", "--server-side", "-f", "-", stdin=SETTINGS)
    changed = SETTINGS.replace("blue", "red")
    other = ("apply", "--server-side", "--field-manager", "robot", "-f", "-")
    complaint = await kubectl.refused(*other, stdin=changed)
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.colour' in complaint
    assert "Please review the fields above" in complaint
    await kubectl(*other, "--force-conflicts", stdin=changed)
    assert await kubectl("get", "cm", "settings", "-o", "jsonpath={.data.colour}") == "red"
    assert await managers(kubectl, "cm", "settings") == {
        ("kubectl", "Apply", ""): {"f:data": {"f:size": {}}},
        ("robot", "Apply", ""): {"f:data": {"f:colour": {}, "f:size": {}}},
    }


@EVERY_VERSION
async def test_the_move_from_client_side_apply(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=SETTINGS)
    changed = SETTINGS.replace("blue", "red")
    complaint = await kubectl.refused("apply", "--server-side", "-f", "-", stdin=changed)
    assert (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: '
        ".data.colour"
    ) in complaint
    await kubectl("apply", "--server-side", "-f", "-", stdin=SETTINGS)
    found = await managers(kubectl, "cm", "settings")
    # kubectl has handed its fields over; it keeps the annotation up to date under another name.
    assert set(found) == {("kubectl", "Apply", ""), ("kubectl-last-applied", "Apply", "")}
    await kubectl("apply", "--server-side", "-f", "-", stdin=changed.replace("size", "width"))
    assert await kubectl("get", "cm", "settings", "-o", "jsonpath={.data}") == (
        '{"colour":"red","width":"large"}'
    )


async def test_containers_and_ports_are_told_apart_by_their_keys(kubectl: Kubectl) -> None:
    await kubectl("create", "-f", "-", stdin=POD)
    more = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: server, image: "busybox:2"}
"""
    complaint = await kubectl.refused("apply", "--server-side", "-f", "-", stdin=more)
    assert (
        'conflict with "kubectl-create" using v1: .spec.containers[name="server"].image'
        in complaint
    )
    await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=more)
    fields = (await managers(kubectl, "pod", "web"))["kubectl-create", "Update", ""]
    container = fields["f:spec"]["f:containers"]['k:{"name":"server"}']
    assert container["f:ports"] == {
        ".": {},
        'k:{"containerPort":80,"protocol":"TCP"}': {
            ".": {},
            "f:containerPort": {},
            "f:hostPort": {},
            "f:protocol": {},
        },
    }
    assert "f:image" not in container
    path = "{.spec.containers[*].image} {.spec.containers[*].ports[*].hostPort}"
    assert await kubectl("get", "pod", "web", "-o", f"jsonpath={path}") == "busybox:2 8080"


async def test_a_kind_of_a_plugin_and_its_status(kubectl: Kubectl) -> None:
    kubectl.api.kinds.add(website())
    manifest = """
apiVersion: example.dev/v1
kind: Website
metadata: {name: home}
spec: {url: "https://example.org"}
"""
    await kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    status = manifest.replace('spec: {url: "https://example.org"}', "status: {visits: {today: 3}}")
    await kubectl(
        *("apply", "--server-side", "--subresource", "status"),
        *("--field-manager", "counter", "-f", "-"),
        stdin=status,
    )
    assert await managers(kubectl, "website", "home") == {
        ("kubectl", "Apply", ""): {"f:spec": {"f:url": {}}},
        ("counter", "Apply", "status"): {"f:status": {"f:visits": {".": {}, "f:today": {}}}},
    }
    misspelt = manifest.replace("url", "uri")
    complaint = await kubectl.refused("apply", "--server-side", "-f", "-", stdin=misspelt)
    assert ".spec.uri: field not declared in schema" in complaint


async def test_diff_and_dry_run_write_nothing(kubectl: Kubectl) -> None:
    await kubectl("apply", "--server-side", "-f", "-", stdin=SETTINGS)
    changed = SETTINGS.replace("blue", "red")
    diff = await kubectl.run("diff", "--server-side", "-f", "-", stdin=changed)
    assert diff.returncode == 1, diff.stderr
    assert b"-  colour: blue\n+  colour: red\n" in diff.stdout
    dry = await kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=changed)
    assert dry == "configmap/settings serverside-applied (server dry run)\n"
    assert await kubectl("get", "cm", "settings", "-o", "jsonpath={.data.colour}") == "blue"
