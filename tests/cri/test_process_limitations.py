"""What the process runtime says that it leaves out: a sentence for what is asked, no more."""

from pathlib import Path
from typing import Any

import pytest

from kernel.cri.process.limitations import applicable_sysctls, check_mounts, limitations
from kernel.cri.process.state import Abilities
from kernel.cri.runtime import (
    ContainerConfig,
    DnsConfig,
    LinuxResources,
    Mount,
    PortMapping,
    RuntimeFailure,
    SandboxConfig,
    SecurityContext,
)

ROOT = Abilities(root=True, mounts=True, processes=True, network=True, limits=True)
USER = Abilities(root=False, mounts=True, processes=True, network=False, limits=False)
BARE = Abilities(root=False, mounts=False, processes=False, network=False, limits=False)
ALL = [ROOT, USER, BARE]


def sandbox(**changes: Any) -> SandboxConfig:
    named = {"name": "web", "namespace": "default", "uid": "u", "attempt": 0}
    return SandboxConfig(**named, log_directory="/logs", **changes)  # type: ignore[arg-type]


def container(**changes: Any) -> ContainerConfig:
    return ContainerConfig(name="main", attempt=0, image="busybox", **changes)


def said(
    abilities: Abilities,
    sandbox_config: SandboxConfig | None = None,
    container_config: ContainerConfig | None = None,
) -> list[str]:
    """The sentences beside the first one, which is about the image."""
    image, *others = limitations(
        sandbox_config or sandbox(), container_config or container(), abilities
    )
    assert image == ("The process runtime runs the host's own programs: image busybox is not used")
    return others


@pytest.mark.parametrize("abilities", ALL)
def test_a_plain_container_loses_its_image_alone(abilities: Abilities) -> None:
    assert said(abilities) == []
    plain = container(
        mounts=(Mount("/volume", "/app"),),
        resources=LinuxResources(cpu_shares=102, oom_score_adjustment=1000),
        security=SecurityContext(seccomp_profile="Unconfined"),
    )
    assert said(abilities, container_config=plain) == []


@pytest.mark.parametrize(
    ("config", "sayers", "words"),
    [
        (sandbox(port_mappings=(PortMapping(80, 8080),)), [USER, BARE], "no network of its own"),
        (sandbox(port_mappings=(PortMapping(80, 80),), host_network=True), [], ""),
        (sandbox(share_processes=True), [BARE], "share their processes with the whole host"),
        (sandbox(dns=DnsConfig(servers=("192.0.2.1",))), [BARE], "DNS"),
        (sandbox(sysctls={"net.core.somaxconn": "5"}), [USER, BARE], "net.core.somaxconn"),
        (sandbox(sysctls={"kernel.shmmax": "5"}), ALL, "kernel.shmmax"),
        (sandbox(security=SecurityContext(run_as_user=12345)), [USER, BARE], "no other"),
    ],
)
def test_what_a_sandbox_asks_for(
    config: SandboxConfig, sayers: list[Abilities], words: str
) -> None:
    for abilities in ALL:
        sentences = said(abilities, config)
        assert len(sentences) == (abilities in sayers)
        assert all(words in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("changes", "sayers", "words"),
    [
        ({"resources": LinuxResources(memory_limit_bytes=1)}, [USER, BARE], "not enforced: memory"),
        (
            {"resources": LinuxResources(memory_limit_bytes=1, cpu_quota_microseconds=5)},
            [USER, BARE],
            "not enforced: memory, CPU",
        ),
        ({"security": SecurityContext(seccomp_profile="RuntimeDefault")}, ALL, "RuntimeDefault"),
        ({"security": SecurityContext(supplemental_groups=(5,))}, [USER, BARE], "no other"),
        ({"security": SecurityContext(privileged=True)}, [USER, BARE], "privileged"),
        ({"security": SecurityContext(capabilities_added=("ALL",))}, [USER, BARE], "Capabilities"),
        ({"security": SecurityContext(read_only_root_filesystem=True)}, [BARE], "read-only"),
        ({"mounts": (Mount("/a", "/b", propagation="bidirectional"),)}, ALL, "/b"),
    ],
)
def test_what_a_container_asks_for(
    changes: dict[str, Any], sayers: list[Abilities], words: str
) -> None:
    for abilities in ALL:
        sentences = said(abilities, container_config=container(**changes))
        assert len(sentences) == (abilities in sayers)
        assert all(words in sentence for sentence in sentences)


def test_only_sysctls_of_the_network_are_set_and_only_in_the_pods_own() -> None:
    sysctls = {"net.core.somaxconn": "5", "kernel.shmmax": "6"}
    assert applicable_sysctls(sandbox(sysctls=sysctls), ROOT) == {"net.core.somaxconn": "5"}
    assert applicable_sysctls(sandbox(sysctls=sysctls, host_network=True), ROOT) == {}
    assert applicable_sysctls(sandbox(sysctls=sysctls), USER) == {}


def test_without_mounts_a_volume_must_be_where_it_is(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    in_place = Mount(str(link), str(tmp_path))
    elsewhere = Mount(str(tmp_path), "/app")
    dispensable = Mount(str(tmp_path), "/etc/hosts")
    check_mounts(container(mounts=(in_place, dispensable)), BARE)
    check_mounts(container(mounts=(in_place, elsewhere)), USER)
    with pytest.raises(RuntimeFailure, match="volume at /app can't be mounted"):
        check_mounts(container(mounts=(in_place, elsewhere)), BARE)
