"""Images that are there, that are pulled, and that can't be had."""

import pytest

from tests.containerd.daemon import Containerd
from tests.containerd.docker_registry import (
    PASSWORD,
    USERNAME,
    missing_for_docker_registry,
    running_docker_registry,
)
from tests.containerd.registry import running_registry

from .harness import (
    Observer,
    PodKernel,
    container_id,
    container_status,
    is_ready,
    phase,
    restarts,
    waiting_reason,
)
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_an_image_that_must_not_be_pulled(shared_kernel: PodKernel) -> None:
    image = "localhost/missing:v1"
    shared_kernel.apply(pod("never", container(image=image, imagePullPolicy="Never")))
    shown = shared_kernel.pod_when("never", lambda pod: waiting_reason(pod) == "ErrImageNeverPull")
    assert phase(shown) == "Pending"
    said = f'Container image "{image}" is not present with pull policy of Never'
    assert shared_kernel.wait_for_event("never", "ErrImageNeverPull") == said
    assert shared_kernel.wait_for_event("never", "Failed") == "Error: ErrImageNeverPull"
    shared_kernel.kubectl("delete", "pod", "never")


def test_a_registry_that_can_not_be_reached(shared_kernel: PodKernel) -> None:
    image = "127.0.0.1:1/none:v1"
    with shared_kernel.printing("get", "pods", "--watch") as watch:
        shared_kernel.apply(pod("unreachable", container(image=image)))
        lines = watch.cells_until("unreachable", "0/1", "ImagePullBackOff")
    statuses = [cells[2] for cells in lines if cells[0] == "unreachable"]
    assert list(dict.fromkeys(statuses)) == [
        *("Pending", "ContainerCreating", "ErrImagePull", "ImagePullBackOff")
    ]
    assert shared_kernel.wait_for_event("unreachable", "Pulling") == f'Pulling image "{image}"'
    failed = shared_kernel.wait_for_event("unreachable", "Failed", "Failed to pull image")
    assert image in failed
    assert shared_kernel.wait_for_event("unreachable", "BackOff") == (
        f'Back-off pulling image "{image}"'
    )
    shared_kernel.kubectl("delete", "pod", "unreachable")


def test_an_image_is_pulled_and_then_there(shared_kernel: PodKernel) -> None:
    with running_registry() as address:
        image = f"{address}/busybox:latest"
        shared_kernel.apply(pod("pulling", container(image=image, imagePullPolicy="Always")))
        shared_kernel.pod_when("pulling", is_ready)
    said = shared_kernel.wait_for_event("pulling", "Pulled")
    assert said.startswith(f'Successfully pulled image "{image}" in ')
    shared_kernel.apply(pod("present", container(image=image)))
    shared_kernel.pod_when("present", is_ready)
    assert shared_kernel.wait_for_event("present", "Pulled") == (
        f'Container image "{image}" already present on machine'
    )
    shared_kernel.kubectl("delete", "pod", "pulling", "present")


needs_docker_registry = pytest.mark.skipif(
    bool(missing_for_docker_registry()), reason=missing_for_docker_registry() or "installed"
)


@needs_docker_registry
def test_a_registry_that_asks_who_is_there(shared_kernel: PodKernel) -> None:
    with running_docker_registry("geektime/sample:v2") as address:
        image = f"{address}/geektime/sample:v2"
        for name, server, password in (
            ("wrong", address, "guessed"),
            ("elsewhere", "registry.example", PASSWORD),
            ("right", f"127.*.?.1:{address.partition(':')[2]}", PASSWORD),
        ):
            shared_kernel.kubectl(
                *("create", "secret", "docker-registry", name, f"--docker-server={server}"),
                *(f"--docker-username={USERNAME}", f"--docker-password={password}"),
            )
        always = container(image=image, imagePullPolicy="Always")
        uninvited = pod("uninvited", always, imagePullSecrets=[{"name": "elsewhere"}])
        secrets = [{"name": name} for name in ("missing", "wrong", "elsewhere", "right")]
        shared_kernel.apply(uninvited, pod("invited", always, imagePullSecrets=secrets))
        shared_kernel.pod_when("invited", is_ready)
        shown = shared_kernel.pod_when(
            "uninvited", lambda pod: waiting_reason(pod) == "ImagePullBackOff"
        )
    message = container_status(shown)["state"]["waiting"]["message"]
    assert message.startswith(f'Back-off pulling image "{image}": ErrImagePull: ')
    assert "401" in message
    assert shared_kernel.wait_for_event("invited", "FailedToRetrieveImagePullSecret") == (
        "Unable to retrieve some image pull secrets (missing);"
        " attempting to pull the image may not succeed."
    )
    shared_kernel.kubectl("delete", "pod", "invited", "uninvited", "--now")
    shared_kernel.kubectl("delete", "secret", "wrong", "elsewhere", "right")


def test_an_image_that_vanishes_is_fetched_again_or_missed(
    shared_kernel: PodKernel, observer: Observer, containerd: Containerd
) -> None:
    with running_registry() as address:
        image = f"{address}/geektime/tomcat:7.0"
        soon = {"podkernel.dev/crash-loop-back-off-initial-seconds": "1"}
        main = container("exec sleep 1000", image=image)
        shared_kernel.apply(pod("vanishing", main, metadata={"annotations": soon}))
        first = shared_kernel.pod_when("vanishing", is_ready)
        containerd.ctr("images", "rm", "--sync", image)
        observer.kill(container_id(first))
        second = shared_kernel.pod_when("vanishing", lambda pod: restarts(pod) == 1)
        assert container_id(second) != container_id(first)
        pulls = [text for reason, text in shared_kernel.events("vanishing") if reason == "Pulled"]
        assert pulls[0].startswith(f'Successfully pulled image "{image}" in ')
    containerd.ctr("images", "rm", "--sync", image)
    observer.kill(container_id(second))
    gone = shared_kernel.pod_when(
        "vanishing", lambda pod: waiting_reason(pod) == "ImagePullBackOff", seconds_max=40
    )
    assert restarts(gone) == 1
    assert container_status(gone)["lastState"]["terminated"]["exitCode"] == 137
    assert "connection refused" in container_status(gone)["state"]["waiting"]["message"]
    shared_kernel.kubectl("delete", "pod", "vanishing", "--now")
