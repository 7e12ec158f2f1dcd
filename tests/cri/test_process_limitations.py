"""What the process runtime says that it leaves out: a sentence for what is asked, no more."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from kernel.cri.process.limitations import (
    applicable_sysctls,
    check_capabilities,
    check_mounts,
    limitations,
)
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
    SELinuxLabel,
)

CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount"
ROOT = Abilities(
    root=True,
    mounts=True,
    processes=True,
    network=True,
    limits=True,
    way_out=True,
    forwards=True,
    seccomp=True,
    users=True,
    sparing=True,
)
USER = Abilities(
    root=False,
    mounts=True,
    processes=True,
    network=False,
    limits=False,
    seccomp=True,
    users=True,
)
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
    assert image.startswith("The process runtime runs the host's own programs")
    assert image.endswith(": image busybox is not used")
    return others


@pytest.mark.parametrize("abilities", ALL)
def test_a_plain_container_loses_its_image_alone(abilities: Abilities) -> None:
    assert said(abilities) == []
    plain = container(
        mounts=(Mount("/volume", "/app"),),
        resources=LinuxResources(cpu_shares=2, oom_score_adjustment=1000),
        security=SecurityContext(seccomp_profile="Unconfined"),
    )
    assert said(abilities, container_config=plain) == []


@pytest.mark.parametrize(
    ("config", "sayers", "words"),
    [
        (sandbox(port_mappings=(PortMapping(80, 8080),)), [USER, BARE], "no network of its own"),
        (sandbox(port_mappings=(PortMapping(80, 80),), host_network=True), [], ""),
        (sandbox(runtime_handler="kata"), ALL, "handler kata is not used"),
        (sandbox(share_processes=True), [BARE], "share their processes with the whole host"),
        (sandbox(dns=DnsConfig(servers=("192.0.2.1",))), [BARE], "DNS"),
        (sandbox(sysctls={"net.core.somaxconn": "5"}), [USER, BARE], "net.core.somaxconn"),
        (sandbox(sysctls={"kernel.shmmax": "5"}), [USER, BARE], "kernel.shmmax"),
        (sandbox(sysctls={"kernel.panic": "5"}), ALL, "kernel.panic"),
        (sandbox(security=SecurityContext(run_as_user=12345)), [BARE], "no other"),
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
        ({"resources": LinuxResources(cpu_shares=102)}, [USER, BARE], "CPU has no weight"),
        ({"resources": LinuxResources(oom_score_adjustment=-997)}, [USER, BARE], "not spared"),
        (
            {"resources": LinuxResources(memory_limit_bytes=1, cpu_quota_microseconds=5)},
            [USER, BARE],
            "not enforced: memory, CPU",
        ),
        ({"security": SecurityContext(seccomp_profile="RuntimeDefault")}, [BARE], "RuntimeDefault"),
        ({"security": SecurityContext(seccomp_profile="/own.json")}, ALL, "/own.json"),
        (
            {"security": SecurityContext(privileged=True, seccomp_profile="RuntimeDefault")},
            [USER, BARE],
            "privileged",
        ),
        ({"security": SecurityContext(apparmor_profile="RuntimeDefault")}, ALL, "AppArmor"),
        ({"security": SecurityContext(selinux=SELinuxLabel(level="s0"))}, ALL, "SELinux"),
        ({"security": SecurityContext(run_as_group=12345)}, [BARE], "no other"),
        ({"security": SecurityContext(supplemental_groups=(5,))}, [USER, BARE], "Supplemental"),
        ({"security": SecurityContext(privileged=True)}, [USER, BARE], "privileged"),
        ({"security": SecurityContext(capabilities_added=("ALL",))}, [USER, BARE], "Capabilities"),
        ({"security": SecurityContext(capabilities_dropped=("ALL",))}, [BARE], "Capabilities"),
        ({"security": SecurityContext(read_only_root_filesystem=True)}, [BARE], "read-only"),
        ({"mounts": (Mount("/a", "/b", propagation="bidirectional"),)}, ALL, "/b"),
        ({"mounts": (Mount("/volume", CREDENTIALS),)}, [BARE], f"do not appear at {CREDENTIALS}"),
    ],
)
def test_what_a_container_asks_for(
    changes: dict[str, Any], sayers: list[Abilities], words: str
) -> None:
    for abilities in ALL:
        sentences = said(abilities, container_config=container(**changes))
        assert len(sentences) == (abilities in sayers)
        assert all(words in sentence for sentence in sentences)


def test_what_a_pod_shares_with_the_host_is_said() -> None:
    for abilities, words in ((ROOT, "programs:"), (USER, "network:"), (BARE, "files, processes")):
        (sentence,) = limitations(sandbox(), container(), abilities)
        assert words in sentence


def test_capabilities_have_names_that_linux_knows() -> None:
    known = SecurityContext(capabilities_added=("CAP_SYS_TIME",), capabilities_dropped=("all",))
    check_capabilities(container(security=known))
    with pytest.raises(RuntimeFailure, match="unknown capability MAGIC"):
        check_capabilities(container(security=SecurityContext(capabilities_added=("MAGIC",))))


def test_only_sysctls_of_the_pods_own_namespaces_are_set() -> None:
    network, ipc = {"net.core.somaxconn": "5"}, {"kernel.shmmax": "6", "fs.mqueue.msg_max": "7"}
    sysctls = {**network, **ipc, "kernel.panic": "8", "vm.swappiness": "9"}
    assert applicable_sysctls(sandbox(sysctls=sysctls), ROOT) == {**network, **ipc}
    assert applicable_sysctls(sandbox(sysctls=sysctls, host_network=True), ROOT) == ipc
    assert applicable_sysctls(sandbox(sysctls=sysctls, host_ipc=True), ROOT) == network
    assert applicable_sysctls(sandbox(sysctls=sysctls), USER) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"way_out": False}, "translate"),
        ({"forwards": False}, "net.ipv4.ip_forward"),
        ({"drops_forwarded": True}, "firewall drops"),
    ],
)
def test_a_network_that_ends_at_the_machine_is_said(change: dict[str, bool], words: str) -> None:
    abilities = msgspec.structs.replace(ROOT, **change)
    (sentence,) = said(abilities)
    assert "nothing further" in sentence
    assert words in sentence
    assert said(abilities, sandbox(host_network=True)) == []


def test_without_mounts_a_volume_must_be_where_it_is(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    in_place = Mount(str(link), str(tmp_path))
    elsewhere = Mount(str(tmp_path), "/app")
    dispensable = Mount(str(tmp_path), "/etc/hosts")
    check_mounts(container(mounts=(in_place, dispensable)), BARE)
    check_mounts(container(mounts=(in_place, elsewhere)), USER)
    for path in ("/app", "/dev/data", "/etc/hosts.d"):
        with pytest.raises(RuntimeFailure, match=f"volume at {path} can't be mounted"):
            check_mounts(container(mounts=(in_place, Mount(str(tmp_path), path))), BARE)
