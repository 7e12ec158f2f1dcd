"""A Pod that is deleted ends with its grace, and nothing of it is left."""

import time
from pathlib import Path

import pytest

from tests.containerd.daemon import Containerd

from .harness import Observer, PodKernel, is_ready
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_nothing_is_left(
    shared_kernel: PodKernel, observer: Observer, containerd: Containerd
) -> None:
    main = container(
        "echo hello; sleep 600",
        volumeMounts=[
            {"name": "disk", "mountPath": "/disk"},
            {"name": "memory", "mountPath": "/memory"},
        ],
    )
    volumes = [
        {"name": "disk", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    ]
    shared_kernel.apply(
        pod("gone", main, initContainers=[container("exit 0", "first")], volumes=volumes)
    )
    uid = shared_kernel.pod_when("gone", is_ready)["metadata"]["uid"]
    assert observer.traces(uid, shared_kernel.data_directory)
    shared_kernel.kubectl("delete", "pod", "gone")
    assert observer.traces(uid, shared_kernel.data_directory) == []
    assert uid not in containerd.ctr("containers", "list")
    assert "gone" not in shared_kernel.kubectl("get", "pods")


def test_grace_is_time_to_end_in_order(shared_kernel: PodKernel, tmp_path: Path) -> None:
    script = (
        "trap 'sleep 1; echo farewell > /srv/words; exit 0' TERM; while :; do sleep 1 & wait; done"
    )
    main = container(script, volumeMounts=[{"name": "host", "mountPath": "/srv"}])
    volumes = [{"name": "host", "hostPath": {"path": str(tmp_path), "type": "Directory"}}]
    shared_kernel.apply(pod("orderly", main, volumes=volumes, terminationGracePeriodSeconds=20))
    shared_kernel.pod_when("orderly", is_ready)
    began = time.monotonic()
    shared_kernel.kubectl("delete", "pod", "orderly")
    assert time.monotonic() - began < 10
    assert (tmp_path / "words").read_text() == "farewell\n"


def test_grace_ends_with_a_kill(shared_kernel: PodKernel, observer: Observer) -> None:
    main = container("trap '' TERM; while :; do sleep 1; done")
    shared_kernel.apply(pod("stubborn", main, terminationGracePeriodSeconds=2))
    uid = shared_kernel.pod_when("stubborn", is_ready)["metadata"]["uid"]
    began = time.monotonic()
    shared_kernel.kubectl("delete", "pod", "stubborn", "--wait=false")
    shown = shared_kernel.kubectl("get", "pods", "stubborn").splitlines()[1].split()
    assert shown[:3] == ["stubborn", "1/1", "Terminating"]
    shared_kernel.kubectl("wait", "pod/stubborn", "--for=delete", "--timeout=20s")
    assert 2 <= time.monotonic() - began < 8
    assert ("Killing", "Stopping container main") in shared_kernel.events("stubborn")
    assert observer.traces(uid, shared_kernel.data_directory) == []


def test_deleting_by_label_and_all_at_once(shared_kernel: PodKernel, observer: Observer) -> None:
    labels = {"labels": {"creation_method": "manual"}}
    shared_kernel.apply(*(pod(f"many-{n}", container(), metadata=labels) for n in range(3)))
    uids = [shared_kernel.pod_when(f"many-{n}", is_ready)["metadata"]["uid"] for n in range(3)]
    shared_kernel.kubectl("delete", "pods", "-l", "creation_method=manual")
    for uid in uids:
        assert observer.traces(uid, shared_kernel.data_directory) == []


def test_deleting_a_namespace_ends_its_pods(shared_kernel: PodKernel, observer: Observer) -> None:
    shared_kernel.kubectl("create", "namespace", "custom-namespace")
    manifest = pod("inside", container(), metadata={"namespace": "custom-namespace"})
    shared_kernel.apply(manifest)
    inside = ("-n", "custom-namespace", "pod/inside")
    shared_kernel.kubectl("wait", *inside, "--for=condition=Ready", "--timeout=30s")
    uid = shared_kernel.kubectl("get", *inside, "-o", "jsonpath={.metadata.uid}")
    shared_kernel.kubectl("delete", "namespace", "custom-namespace")
    assert observer.traces(uid, shared_kernel.data_directory) == []
