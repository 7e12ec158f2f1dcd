"""What people type: each command against each version of kubectl that is there."""

import msgspec
import pytest

from .conftest import EVERY_VERSION, Kubectl
from .manifests import POD, POD_WITH_INIT, website

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]


def rows(printed: str) -> list[list[str]]:
    """The cells of a printed table, its header first."""
    return [line.split() for line in printed.splitlines()]


@EVERY_VERSION
async def test_version_and_kinds(kubectl: Kubectl) -> None:
    assert "v1.32" in await kubectl("version")
    listed = await kubectl("api-resources")
    for name in ("pods", "configmaps", "nodes", "leases"):
        assert name in listed
    assert "coordination.k8s.io/v1" in await kubectl("api-versions")


@EVERY_VERSION
async def test_create_and_get(kubectl: Kubectl) -> None:
    assert await kubectl("create", "-f", "-", stdin=POD) == "pod/web created\n"
    header, row = rows(await kubectl("get", "pods"))
    assert header == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row[:4] == ["web", "0/1", "Pending", "0"]
    wide, _ = rows(await kubectl("get", "pods", "-o", "wide"))
    assert wide[5:] == ["IP", "NODE", "NOMINATED", "NODE", "READINESS", "GATES"]
    assert await kubectl("get", "pod", "web", "-o", "name") == "pod/web\n"
    as_json = msgspec.json.decode(await kubectl("get", "pod", "web", "-o", "json"))
    assert as_json["metadata"]["uid"]
    assert "  name: web\n" in await kubectl("get", "pod", "web", "-o", "yaml")
    assert "already exists" in await kubectl.refused("create", "-f", "-", stdin=POD)


@EVERY_VERSION
async def test_apply_creates_changes_and_leaves_alone(kubectl: Kubectl) -> None:
    assert await kubectl("apply", "-f", "-", stdin=POD) == "pod/web created\n"
    assert await kubectl("apply", "-f", "-", stdin=POD) == "pod/web unchanged\n"
    changed = POD.replace("tier: front", "tier: back")
    assert await kubectl("apply", "-f", "-", stdin=changed) == "pod/web configured\n"
    assert await kubectl("get", "pods", "-l", "tier=back", "-o", "name") == "pod/web\n"
    image = changed.replace("image: busybox", "image: busybox:2")
    assert await kubectl("apply", "-f", "-", stdin=image) == "pod/web configured\n"
    path = "{.spec.containers[*].image}"
    assert await kubectl("get", "pod", "web", "-o", f"jsonpath={path}") == "busybox:2"


@EVERY_VERSION
async def test_a_misspelt_field_is_refused_with_the_right_one(kubectl: Kubectl) -> None:
    misspelt = POD.replace("hostPort", "hostPost")
    for command in ("create", "apply"):
        complaint = await kubectl.refused(command, "-f", "-", stdin=misspelt)
        assert 'unknown field "spec.containers[0].ports[0].hostPost"' in complaint
        assert 'did you mean "hostPort"' in complaint
    assert "No resources found" in (await kubectl.run("get", "pods")).stderr.decode()


@EVERY_VERSION
async def test_labels_and_annotations(kubectl: Kubectl) -> None:
    await kubectl("create", "-f", "-", stdin=POD)
    assert await kubectl("label", "pod", "web", "colour=blue") == "pod/web labeled\n"
    # 1.27 says "annotate".
    assert "pod/web annotate" in await kubectl("annotate", "pod", "web", "note=hello")
    header, row = rows(await kubectl("get", "pods", "-L", "colour", "--show-labels"))
    assert header[-2:] == ["COLOUR", "LABELS"]
    assert row[-2] == "blue"
    assert set(row[-1].split(",")) == {"app=web", "tier=front", "colour=blue"}
    assert await kubectl("get", "pods", "-l", "colour!=blue", "-o", "name") == ""
    assert await kubectl("get", "pods", "-l", "app in (web,x)", "-o", "name") == "pod/web\n"
    await kubectl("label", "pod", "web", "colour-")
    assert await kubectl("get", "pods", "-l", "colour", "-o", "name") == ""


@EVERY_VERSION
async def test_delete_in_every_way(kubectl: Kubectl) -> None:
    manifest = "\n---\n".join(POD.replace("name: web", f"name: web{n}") for n in range(4))
    await kubectl("create", "-f", "-", stdin=manifest)
    await kubectl("label", "pod", "web1", "gone=soon")
    assert "deleted" in await kubectl("delete", "pod", "web0")
    assert "deleted" in await kubectl("delete", "pods", "-l", "gone=soon")
    assert await kubectl("get", "pods", "-o", "name") == "pod/web2\npod/web3\n"
    one = POD.replace("name: web", "name: web2")
    assert "deleted" in await kubectl("delete", "-f", "-", stdin=one)
    assert "deleted" in await kubectl("delete", "pods", "--all")
    assert await kubectl("get", "pods", "-o", "name") == ""
    assert 'pods "web0" not found' in await kubectl.refused("delete", "pod", "web0")


@EVERY_VERSION
async def test_describe_a_pod_and_its_events(kubectl: Kubectl) -> None:
    await kubectl("create", "-f", "-", stdin=POD_WITH_INIT)
    uid = await kubectl("get", "pod", "web", "-o", "jsonpath={.metadata.uid}")
    event = f"""
apiVersion: v1
kind: Event
metadata: {{name: web.1, namespace: default}}
involvedObject: {{kind: Pod, name: web, namespace: default, uid: {uid}, apiVersion: v1}}
reason: Scheduled
message: Successfully assigned default/web to node1
type: Normal
count: 1
source: {{component: scheduler}}
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
"""
    await kubectl("create", "-f", "-", stdin=event)
    described = await kubectl("describe", "pod", "web")
    assert "Init Containers:\n  war:" in described
    assert "Successfully assigned default/web to node1" in described
    assert "Scheduled" in await kubectl("events", "--for", "pod/web")
    header, _ = rows(await kubectl("get", "events"))
    assert header == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]


@EVERY_VERSION
async def test_explain_reads_the_schemas(kubectl: Kubectl) -> None:
    explained = await kubectl("explain", "pod.spec.containers")
    assert "FIELDS:" in explained
    assert "image" in explained
    assert "-required-" in explained
    assert "Default: Always" in explained
    assert "restartPolicy" in await kubectl("explain", "pod.spec", "--recursive")
    version_2 = await kubectl("explain", "deployment.spec", "--output", "plaintext-openapiv2")
    assert "How Pods are replaced when the template changes." in version_2


@EVERY_VERSION
async def test_typed_commands_that_speak_protobuf(kubectl: Kubectl) -> None:
    await kubectl("create", "configmap", "settings", "--from-literal=a=1")
    assert await kubectl("get", "cm", "settings", "-o", "jsonpath={.data.a}") == "1"
    await kubectl("create", "secret", "generic", "password", "--from-literal=p=secret")
    assert await kubectl("get", "secret", "password", "-o", "jsonpath={.data.p}") == "c2VjcmV0"
    await kubectl("create", "namespace", "other")
    await kubectl("create", "serviceaccount", "robot", "-n", "other")
    await kubectl("create", "service", "clusterip", "front", "--tcp=80:8080")
    port = "{.spec.ports[0].targetPort}"
    assert await kubectl("get", "service", "front", "-o", f"jsonpath={port}") == "8080"
    listed = await kubectl("get", "serviceaccounts", "-A")
    assert "robot" in listed
    assert rows(listed)[0][0] == "NAMESPACE"


@EVERY_VERSION
async def test_patch_replace_and_diff(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=POD)
    for kind, patch in (
        ("merge", '{"metadata":{"labels":{"a":"1"}}}'),
        ("strategic", '{"metadata":{"labels":{"b":"1"}}}'),
        ("json", '[{"op":"add","path":"/metadata/labels/c","value":"1"}]'),
    ):
        await kubectl("patch", "pod", "web", "--type", kind, "-p", patch)
    assert await kubectl("get", "pods", "-l", "a=1,b=1,c=1", "-o", "name") == "pod/web\n"
    warned = await kubectl.run("patch", "pod", "web", "-p", '{"spec":{"foo":1}}')
    assert (warned.returncode, warned.stderr) == (0, b'Warning: unknown field "spec.foo"\n')
    whole = await kubectl("get", "pod", "web", "-o", "yaml")
    replaced = whole.replace("tier: front", "tier: middle")
    assert "replaced" in await kubectl("replace", "-f", "-", stdin=replaced)
    assert "(server dry run)" in await kubectl(
        "apply", "--dry-run=server", "-f", "-", stdin=POD.replace("tier: front", "tier: x")
    )
    assert await kubectl("get", "pods", "-l", "tier=middle", "-o", "name") == "pod/web\n"


@EVERY_VERSION
async def test_a_kind_of_a_plugin(kubectl: Kubectl) -> None:
    kubectl.api.kinds.add(website())
    manifest = """
apiVersion: example.dev/v1
kind: Website
metadata: {name: home}
spec: {url: "https://example.org"}
"""
    assert await kubectl("apply", "-f", "-", stdin=manifest) == "website.example.dev/home created\n"
    assert await kubectl("apply", "-f", "-", stdin=manifest) == (
        "website.example.dev/home unchanged\n"
    )
    header, row = rows(await kubectl("get", "ws"))
    assert header == ["NAME", "URL", "AGE"]
    assert row[:2] == ["home", "https://example.org"]
    assert "Where the site is, as a browser shows it." in await kubectl("explain", "website.spec")
    complaint = await kubectl.refused(
        "apply", "-f", "-", stdin=manifest.replace("url:", "uri: 1, url:")
    )
    assert 'unknown field "spec.uri"' in complaint


@EVERY_VERSION
async def test_tokens_of_service_accounts(kubectl: Kubectl) -> None:
    await kubectl("create", "serviceaccount", "robot")
    help_text = await kubectl("create", "--help")
    if "token " not in help_text:  # kubectl learnt this with 1.24
        return
    token = await kubectl("create", "token", "robot", "--duration", "20m", "--audience", "vault")
    assert token.strip().count(".") == 2
    token = (await kubectl("create", "token", "robot")).strip()
    assert "Forbidden" in await kubectl.refused("--token", token, "get", "pods")
    bound = ("--clusterrole=view", "--serviceaccount=default:robot")
    await kubectl("create", "rolebinding", "viewers", *bound)
    assert await kubectl("--token", token, "get", "pods", "-o", "name") == ""
    refusal = await kubectl.refused("create", "token", "nobody")
    assert 'serviceaccounts "nobody" not found' in refusal
    # Before 1.28 it asks for an older version of the review than Kubernetes 1.32 serves.
    if "whoami" in await kubectl("auth", "--help") and "1.27" not in kubectl.binary.name:
        whoami = await kubectl("--token", token, "auth", "whoami", "-o", "json")
        user = msgspec.json.decode(whoami)["status"]["userInfo"]
        assert user["username"] == "system:serviceaccount:default:robot"


@EVERY_VERSION
async def test_a_token_is_reviewed(kubectl: Kubectl) -> None:
    review = "apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nspec: {token: a.b.c}\n"
    answered = await kubectl("create", "-f", "-", "-o", "json", stdin=review)
    assert "invalid bearer token" in msgspec.json.decode(answered)["status"]["error"]


@EVERY_VERSION
async def test_who_may_do_what(kubectl: Kubectl) -> None:
    assert (await kubectl("auth", "can-i", "delete", "pods")).strip() == "yes"
    assert (await kubectl("auth", "can-i", "get", "/logs")).strip() == "yes"
    everywhere = await kubectl("auth", "can-i", "get", "pods", "--subresource=log", "-A")
    assert everywhere.strip() == "yes"
    head, everything, paths = (await kubectl("auth", "can-i", "--list")).splitlines()[:3]
    assert head.split()[:2] == ["Resources", "Non-Resource"]
    assert everything.split() == ["*.*", "[]", "[]", "[*]"]
    assert paths.split() == ["[*]", "[]", "[*]"]
