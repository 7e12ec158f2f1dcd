"""What a namespace may have, what its Pods may ask for and how important they are: as `podkernel
dev` keeps it."""

import json

from .harness import Kubectl, Place, eventually

QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: most}
spec: {hard: {pods: "2", requests.cpu: "1", count/configmaps: "2"}}
"""
LIMITS = """
apiVersion: v1
kind: LimitRange
metadata: {name: small}
spec: {limits: [{type: Container, max: {cpu: "1"}, defaultRequest: {cpu: 400m}}]}
"""
CLASSES = """
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
"""
USED = "jsonpath={.status.used}"
USED_OF_ALL = "jsonpath={.items[0].status.used}"


def pod(name: str, **spec: str) -> str:
    fields = "".join(f", {field}: {value}" for field, value in spec.items())
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec: {{containers: [{{name: main, image: busybox}}]{fields}}}
"""


def refused(kubectl: Kubectl, manifest: str) -> str:
    done = kubectl.run("create", "-f", "-", stdin=manifest)
    assert done.returncode != 0, done.stdout
    return done.stderr


def test_quotas_limits_and_priorities(here: Place, kubectl: Kubectl) -> None:
    here.start("--runtime", "simulated")
    assert "2000001000" in kubectl("get", "priorityclass", "system-node-critical")
    for manifest in (LIMITS, CLASSES, QUOTA):
        kubectl("create", "-f", "-", stdin=manifest)
    # kube-root-ca.crt is there.
    assert kubectl("get", "quota", "most", "-o", USED) == (
        '{"count/configmaps":"1","pods":"0","requests.cpu":"0"}'
    )
    kubectl("create", "-f", "-", stdin=pod("web", priorityClassName="high"))
    assert kubectl.pod("web")["spec"]["priority"] == 1000
    annotation = kubectl.pod("web")["metadata"]["annotations"]["kubernetes.io/limit-ranger"]
    assert annotation.startswith("LimitRanger plugin set: cpu request for container main")
    assert 'pods "x" is forbidden: no PriorityClass with name none was found' in refused(
        kubectl, pod("x", priorityClassName="none")
    )
    kubectl("create", "-f", "-", stdin=pod("other"))
    complaint = (
        'pods "third" is forbidden: exceeded quota: most, requested: pods=1,requests.cpu=400m,'
        " used: pods=2,requests.cpu=800m, limited: pods=2,requests.cpu=1"
    )
    assert complaint in refused(kubectl, pod("third"))
    for cpu, complaint in (
        ("700m", "exceeded quota: most, requested: requests.cpu=300m, used: requests.cpu=800m"),
        ("2", "maximum cpu usage per Container is 1"),
    ):
        resources = {"requests": {"cpu": cpu}}
        if cpu == "2":
            resources["limits"] = {"cpu": cpu}
        change = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
        resize = ("patch", "pod", "other", "--subresource", "resize", "-p", json.dumps(change))
        assert complaint in kubectl.run(*resize).stderr
    assert "requests.cpu: 800m/1" in kubectl("get", "quota", "most")
    assert "requests.cpu      800m  1" in kubectl("describe", "quota", "most")
    kubectl("create", "configmap", "one")
    assert "exceeded quota" in kubectl.run("create", "configmap", "two").stderr
    kubectl("delete", "pod", "web", "--now")
    eventually(
        lambda: '"pods":"1","requests.cpu":"400m"' in kubectl("get", "quota", "-o", USED_OF_ALL),
        "the quota to be free again",
    )
    kubectl("create", "-f", "-", stdin=pod("third"))
    assert "stored" not in kubectl("get", "events", "-o", "wide")


def test_the_servers_own_endpoints(here: Place, kubectl: Kubectl) -> None:
    server = here.start("--runtime", "simulated")
    name, addresses, _ = kubectl.row("endpoints", "kubernetes")
    host, _, port = addresses.rpartition(":")
    assert (name, port) == ("kubernetes", server.url.rpartition(":")[2])
    assert not host.startswith("127.")
    cells = kubectl.row("endpointslices", "kubernetes")
    assert cells[:4] == ["kubernetes", "IPv4", port, host]
    described = kubectl("describe", "service", "kubernetes")
    assert f"Endpoints:                {addresses}" in described
