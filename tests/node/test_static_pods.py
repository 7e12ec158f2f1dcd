"""A directory of manifests whose Pods run without anybody having created them."""

from pathlib import Path

import pytest

from .conftest import StartKernel
from .harness import Observer, container_id, is_ready, restarts, wait_until
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_static_pods_run_and_have_mirrors(
    start_kernel: StartKernel, observer: Observer, tmp_path: Path
) -> None:
    directory = tmp_path / "manifests"
    directory.mkdir()
    (directory / "bad.yaml").write_text("kind: Pod\n  nonsense: [")
    file = directory / "static-web.yaml"
    file.write_text(pod("static-web", container(), metadata={"labels": {"role": "myrole"}}))
    kernel = start_kernel("--static-pods", str(directory))
    name = "static-web-node1"
    first = wait_until(
        lambda: "static-web-node1" in kernel.kubectl("get", "pods", "-o", "name"), "no mirror"
    ) and kernel.pod_when(name, is_ready)
    assert first["metadata"]["labels"] == {"role": "myrole"}

    kernel.kubectl("delete", "pod", name, "--grace-period=0", "--force")
    wait_until(
        lambda: name in kernel.kubectl("get", "pods", "-o", "name"), "the mirror does not come back"
    )
    again = kernel.pod_when(name, is_ready)
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    assert container_id(again) == container_id(first)
    assert restarts(again) == 0

    kernel.kill()
    kernel.start()
    assert container_id(kernel.pod_when(name, is_ready)) == container_id(first)

    file.unlink()
    wait_until(lambda: "web" not in kernel.kubectl("get", "pods", "-o", "name"), "it stays")
    uid = first["metadata"]["annotations"]["kubernetes.io/config.hash"]
    wait_until(lambda: not observer.traces(uid, kernel.data_directory), "something is left")
