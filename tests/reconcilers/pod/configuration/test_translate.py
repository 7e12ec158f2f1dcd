from pathlib import Path

import pytest

from kernel.cri import runtime as cri
from kernel.objects.pod import (
    Container,
    ContainerPort,
    EnvVar,
    Pod,
    PodSecurityContext,
    ResourceRequirements,
    SecurityContext,
    Sysctl,
)
from kernel.reconcilers.pod.configuration.environment import Sources
from kernel.reconcilers.pod.configuration.translate import (
    Placement,
    container_config,
    container_hash,
    linux_resources,
    sandbox_config,
)
from kernel.reconcilers.pod.decisions.restart import StartNow
from tests.reconcilers.pod.node_under_test import container, make_pod

IMAGE = cri.Image(id="sha256:1", user="nobody")
CAPACITY = {"cpu": "4", "memory": "8Gi"}


def _sandbox(pod: Pod) -> cri.SandboxConfig:
    pod.metadata.uid = "uid1"
    return sandbox_config(
        pod, 2, owner="owner1", logs_directory=Path("/logs"), profiles_directory=Path("/profiles")
    )


def _config(
    spec: Container, pod: Pod | None = None, volume_mounts: tuple[cri.Mount, ...] = ()
) -> cri.ContainerConfig:
    pod = pod or make_pod(spec)
    pod.metadata.uid = "uid1"
    placement = Placement("owner1", volume_mounts, Path("/pods/uid1/message"), Path("/profiles"))
    return container_config(pod, spec, StartNow(3, 2), IMAGE, Sources(capacity=CAPACITY), placement)


def test_a_sandbox_can_be_found_again() -> None:
    def mark(pod: Pod) -> None:
        pod.metadata.labels = {"app": "web"}
        pod.metadata.annotations = {"note": "x"}

    config = _sandbox(make_pod(change=mark))
    assert (config.name, config.namespace, config.uid, config.attempt) == (
        *("web", "default", "uid1", 2),
    )
    assert config.labels == {
        "app": "web",
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": "uid1",
        "podkernel.dev/owner": "owner1",
    }
    assert config.annotations["note"] == "x"
    assert config.log_directory == "/logs/default_web_uid1"


def test_a_mirror_pod_goes_by_its_hash() -> None:
    def mirror(pod: Pod) -> None:
        pod.metadata.annotations = {"kubernetes.io/config.hash": "abc"}

    config = _sandbox(make_pod(change=mirror))
    assert config.uid == config.labels["io.kubernetes.pod.uid"] == "abc"


@pytest.mark.parametrize(
    ("name", "hostname", "expected"),
    [("web", "", "web"), ("web", "other", "other"), ("x" * 62 + ".y", "", "x" * 62)],
)
def test_the_hostname(name: str, hostname: str, expected: str) -> None:
    assert _sandbox(make_pod(name=name, hostname=hostname)).hostname == expected


def test_host_ports_of_all_containers_are_mapped() -> None:
    pod = make_pod(
        container("a", ports=[ContainerPort(container_port=80, host_port=8080)]),
        container("b", ports=[ContainerPort(container_port=53, host_port=53, protocol="UDP")]),
        container("c", ports=[ContainerPort(container_port=99)]),
    )
    assert _sandbox(pod).port_mappings == (
        cri.PortMapping(8080, 80, "TCP"),
        cri.PortMapping(53, 53, "UDP"),
    )
    pod.spec.host_network = True
    assert _sandbox(pod).port_mappings == ()


def test_a_sandboxs_security() -> None:
    security = PodSecurityContext(
        run_as_user=1000,
        supplemental_groups=[5, 6],
        fs_group=6,
        sysctls=[Sysctl(name="net.core.somaxconn", value="10")],
    )
    privileged = container(security_context=SecurityContext(privileged=True))
    config = _sandbox(make_pod(privileged, security_context=security, share_process_namespace=True))
    assert config.security == cri.SecurityContext(
        run_as_user=1000, supplemental_groups=(5, 6), privileged=True
    )
    assert config.sysctls == {"net.core.somaxconn": "10"}
    assert config.share_processes


def test_a_container_carries_what_the_next_agent_has_to_know() -> None:
    spec = container(
        "main", "run", "$(WHAT)", args=["$(NONE)"], env=[EnvVar(name="WHAT", value="x")]
    )
    config = _config(spec)
    assert (config.name, config.attempt, config.image) == ("main", 3, "sha256:1")
    assert (config.command, config.args) == (("run", "x"), ("$(NONE)",))
    assert config.labels["io.kubernetes.container.name"] == "main"
    assert config.labels["io.kubernetes.pod.uid"] == "uid1"
    assert config.annotations["io.kubernetes.container.restartCount"] == "3"
    assert config.annotations["podkernel.dev/restarts-in-row"] == "2"
    assert config.annotations["io.kubernetes.container.hash"] == container_hash(spec)
    assert config.log_path == "main/3.log"


def test_the_hash_goes_by_name_and_image() -> None:
    assert container_hash(container("a")) == container_hash(container("a", "other"))
    assert container_hash(container("a")) != container_hash(container("a", image="busybox:2"))


def test_mounts() -> None:
    volume = cri.Mount("/volumes/data", "/data", read_only=True)
    assert _config(container(), volume_mounts=(volume,)).mounts == (
        volume,
        cri.Mount("/pods/uid1/message", "/dev/termination-log"),
    )


def _resources(
    requests: dict[str, str] | None = None, limits: dict[str, str] | None = None
) -> cri.LinuxResources:
    spec = container(resources=ResourceRequirements(requests=requests or {}, limits=limits or {}))
    return linux_resources(make_pod(spec), spec, CAPACITY)


@pytest.mark.parametrize(
    ("requests", "limits", "shares", "quota", "memory", "score"),
    [
        ({}, {}, 2, 0, 0, 1000),
        ({"cpu": "500m"}, {}, 512, 0, 0, 999),
        ({}, {"cpu": "1"}, 1024, 100_000, 0, 999),
        ({}, {"cpu": "1m"}, 2, 1000, 0, 999),
        ({"memory": "4Gi"}, {}, 2, 0, 0, 500),
        ({"memory": "8Gi"}, {}, 2, 0, 0, 3),
        ({"cpu": "250m"}, {"memory": "64Mi"}, 256, 0, 67108864, 993),
        ({}, {"cpu": "2", "memory": "1Gi"}, 2048, 200_000, 1073741824, -997),
    ],
)
def test_resources(
    requests: dict[str, str],
    limits: dict[str, str],
    shares: int,
    quota: int,
    memory: int,
    score: int,
) -> None:
    assert _resources(requests, limits) == cri.LinuxResources(
        memory_limit_bytes=memory,
        cpu_quota_microseconds=quota,
        cpu_shares=shares,
        oom_score_adjustment=score,
    )
