"""Fourth notes: a Pod from creation to deletion, labels, annotations, namespaces.

The tests are the notes' paragraphs, in their order: each sets out from what the one before left.
"""

import subprocess
import urllib.request

import pytest

from tests.node.harness import PodKernel, free_port, is_ready, phase, wait_until

from .manifests import path_of

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def _rows(text: str) -> list[list[str]]:
    """The cells of a table, without the header."""
    return [line.split() for line in text.splitlines()[1:]]


def _names(text: str) -> list[str]:
    return [cells[0] for cells in _rows(text)]


def test_fields_are_explained(kernel: PodKernel) -> None:
    pods = kernel.kubectl("explain", "pods")
    for part in ("KIND:", "Pod", "VERSION:", "v1", "spec", "status"):
        assert part in pods
    spec = kernel.kubectl("explain", "pod.spec")
    for part in ("containers", "nodeSelector", "restartPolicy", "volumes"):
        assert part in spec


def test_a_pod_from_a_file(kernel: PodKernel) -> None:
    assert kernel.kubectl("create", "-f", path_of("kubia-manual")) == "pod/kubia-manual created\n"
    kernel.pod_when("kubia-manual", is_ready)
    as_yaml = kernel.kubectl("get", "po", "kubia-manual", "-o", "yaml")
    for part in ("apiVersion: v1", "kind: Pod", "name: kubia-manual", "phase: Running"):
        assert part in as_yaml
    assert '"kind": "Pod"' in kernel.kubectl("get", "po", "kubia-manual", "-o", "json")
    assert _rows(kernel.kubectl("get", "pods"))[0][:3] == ["kubia-manual", "1/1", "Running"]


def test_logs(kernel: PodKernel) -> None:
    assert kernel.kubectl("logs", "kubia-manual") == "Kubia server starting...\n"
    assert kernel.kubectl("logs", "kubia-manual", "-c", "kubia") == "Kubia server starting...\n"


def test_requests_through_a_forwarded_port(kernel: PodKernel) -> None:
    port = free_port()
    with kernel.printing("port-forward", "kubia-manual", f"{port}:8080") as forward:
        forward.cells_until("Forwarding", "from", f"127.0.0.1:{port}", "->", "8080")
        for _ in range(3):
            with urllib.request.urlopen(f"http://localhost:{port}", timeout=10) as answer:
                assert answer.read() == b"You've hit kubia-manual\n"


def test_labels(kernel: PodKernel) -> None:
    kernel.kubectl("create", "-f", path_of("kubia-manual-with-labels"))
    kernel.pod_when("kubia-manual-v2", is_ready)
    shown = _rows(kernel.kubectl("get", "po", "--show-labels"))
    assert [cells[-1] for cells in shown] == ["<none>", "creation_method=manual,env=prod"]
    columns = kernel.kubectl("get", "po", "-L", "creation_method,env").splitlines()
    assert columns[0].split()[-2:] == ["CREATION_METHOD", "ENV"]
    assert columns[2].split()[-2:] == ["manual", "prod"]
    labeled = kernel.kubectl("label", "po", "kubia-manual", "creation_method=manual")
    assert labeled == "pod/kubia-manual labeled\n"
    with pytest.raises(AssertionError, match="'env' already has a value"):
        kernel.kubectl("label", "po", "kubia-manual-v2", "env=debug")
    kernel.kubectl("label", "po", "kubia-manual-v2", "env=debug", "--overwrite")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("creation_method=manual", ["kubia-manual", "kubia-manual-v2"]),
        ("env", ["kubia-manual-v2"]),
        ("!env", ["kubia-manual"]),
        ("creation_method!=manual", []),
        ("env in (prod,debug)", ["kubia-manual-v2"]),
        ("env notin (prod,devel)", ["kubia-manual", "kubia-manual-v2"]),
        ("creation_method=manual,env=debug", ["kubia-manual-v2"]),
    ],
)
def test_selectors(kernel: PodKernel, selector: str, expected: list[str]) -> None:
    assert _names(kernel.kubectl("get", "po", "-l", selector)) == expected


def test_a_node_with_a_label_is_found_by_a_pod_that_needs_it(kernel: PodKernel) -> None:
    kernel.kubectl("create", "-f", path_of("kubia-gpu"))
    kernel.wait_for_event("kubia-gpu", "FailedScheduling")
    assert kernel.kubectl("label", "node", "node1", "gpu=true") == "node/node1 labeled\n"
    assert _names(kernel.kubectl("get", "node", "-l", "gpu=true")) == ["node1"]
    assert kernel.kubectl("get", "node", "-L", "gpu").splitlines()[1].split()[-1] == "true"
    kernel.pod_when("kubia-gpu", is_ready)


def test_annotations(kernel: PodKernel) -> None:
    annotation = "mycompany.com/someannotation=foo bar"
    annotated = kernel.kubectl("annotate", "pod", "kubia-manual", annotation)
    assert annotated == "pod/kubia-manual annotated\n"
    assert "mycompany.com/someannotation: foo bar" in kernel.kubectl(
        "describe", "pod", "kubia-manual"
    )


def test_namespaces(kernel: PodKernel) -> None:
    assert set(_names(kernel.kubectl("get", "ns"))) >= {"default", "kube-public", "kube-system"}
    assert kernel.kubectl("get", "po", "--namespace", "kube-system") == ""
    kernel.kubectl("create", "-f", path_of("custom-namespace"))
    made = kernel.kubectl("create", "namespace", "other-namespace")
    assert made == "namespace/other-namespace created\n"
    kernel.kubectl("create", "-f", path_of("kubia-manual"), "-n", "custom-namespace")
    assert _names(kernel.kubectl("get", "po", "-n", "custom-namespace")) == ["kubia-manual"]


def test_the_context_has_a_namespace(kernel: PodKernel) -> None:
    context = kernel.kubectl("config", "current-context").strip()
    kernel.kubectl("config", "set-context", context, "--namespace=custom-namespace")
    assert _names(kernel.kubectl("get", "po")) == ["kubia-manual"]
    kernel.kubectl("config", "set-context", context, "--namespace=default")


def test_deleting(kernel: PodKernel) -> None:
    deleted = kernel.kubectl("delete", "po", "kubia-gpu", "--now")
    assert deleted == 'pod "kubia-gpu" deleted\n'
    deleted = kernel.kubectl("delete", "po", "-l", "creation_method=manual", "--now")
    assert deleted == 'pod "kubia-manual" deleted\npod "kubia-manual-v2" deleted\n'
    kernel.kubectl("delete", "po", "-n", "custom-namespace", "--all", "--now", "--wait=false")
    deleted = kernel.kubectl("delete", "ns", "custom-namespace", "other-namespace")
    assert deleted.splitlines() == [
        f'namespace "{name}" deleted' for name in ("custom-namespace", "other-namespace")
    ]
    assert "custom-namespace" not in _names(kernel.kubectl("get", "ns"))


def test_deleting_all(kernel: PodKernel) -> None:
    for name in ("pod1", "pod2"):
        kernel.kubectl("run", name, "--image=luksa/kubia")
        kernel.pod_when(name, lambda pod: phase(pod) == "Running")
    assert kernel.kubectl("delete", "po", "pod1", "pod2", "--now").count("deleted") == 2
    kernel.kubectl("create", "-f", path_of("kubia-manual"))
    before = kernel.kubectl("get", "service", "kubernetes", "-o", "jsonpath={.metadata.uid}")
    deleted = kernel.kubectl("delete", "all", "--all", "--now")
    assert set(deleted.splitlines()) == {
        'pod "kubia-manual" deleted',
        'service "kubernetes" deleted',
    }
    wait_until(lambda: before != _uid_of_service(kernel) != "", "the Service kubernetes stays away")


def _uid_of_service(kernel: PodKernel) -> str:
    done = subprocess.run(
        ["kubectl", "get", "service", "kubernetes", "-o", "jsonpath={.metadata.uid}"],
        env=kernel.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout
