"""The translation between the contract's structs and CRI's messages."""

import pytest
from hypothesis import given, strategies as st

from kernel.cri.containerd.messages import (
    container_config_message,
    container_of,
    sandbox_config_message,
    sandbox_of,
)
from kernel.cri.proto import runtime_pb2 as cri
from kernel.cri.runtime import (
    ContainerConfig,
    ContainerState,
    DnsConfig,
    LinuxResources,
    Mount,
    PortMapping,
    SandboxConfig,
    SandboxState,
    SecurityContext,
)

SANDBOX = SandboxConfig(
    name="web", namespace="default", uid="u-1", attempt=2, log_directory="/logs", hostname="web"
)
CONTAINER = ContainerConfig(name="main", attempt=1, image="busybox")


def _container_message(
    container: ContainerConfig = CONTAINER, sandbox: SandboxConfig = SANDBOX
) -> cri.ContainerConfig:
    return container_config_message(
        container, sandbox, sandbox_id="s-1", image="docker.io/library/busybox:latest"
    )


def _changed_sandbox(**changes: object) -> SandboxConfig:
    fields = {name: getattr(SANDBOX, name) for name in SANDBOX.__struct_fields__}
    return SandboxConfig(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "network", "process_ids", "ipc"),
    [
        ({}, cri.POD, cri.CONTAINER, cri.POD),
        ({"host_network": True}, cri.NODE, cri.CONTAINER, cri.POD),
        ({"host_pid": True}, cri.POD, cri.NODE, cri.POD),
        ({"host_ipc": True}, cri.POD, cri.CONTAINER, cri.NODE),
        ({"share_processes": True}, cri.POD, cri.POD, cri.POD),
        ({"share_processes": True, "host_pid": True}, cri.POD, cri.NODE, cri.POD),
    ],
)
def test_namespaces_are_the_same_for_sandbox_and_containers(
    changes: dict[str, object], network: int, process_ids: int, ipc: int
) -> None:
    sandbox = _changed_sandbox(**changes)
    expected = cri.NamespaceOption(network=network, pid=process_ids, ipc=ipc)  # type: ignore[arg-type]
    in_sandbox = sandbox_config_message(sandbox).linux.security_context.namespace_options
    in_container = _container_message(sandbox=sandbox).linux.security_context.namespace_options
    assert in_sandbox == in_container == expected


def test_in_the_hosts_network_a_sandbox_has_no_name_of_its_own() -> None:
    assert sandbox_config_message(SANDBOX).hostname == "web"
    assert sandbox_config_message(_changed_sandbox(host_network=True)).hostname == ""


def test_no_dns_is_the_hosts() -> None:
    assert not sandbox_config_message(SANDBOX).HasField("dns_config")
    dns = DnsConfig(servers=("1.1.1.1",), searches=("a",), options=("ndots:5",))
    assert sandbox_config_message(_changed_sandbox(dns=dns)).dns_config == cri.DNSConfig(
        servers=["1.1.1.1"], searches=["a"], options=["ndots:5"]
    )


def test_ports_keep_protocol_and_address() -> None:
    sandbox = _changed_sandbox(port_mappings=(PortMapping(53, 5353, "UDP", "127.0.0.1"),))
    assert list(sandbox_config_message(sandbox).port_mappings) == [
        cri.PortMapping(protocol="UDP", container_port=5353, host_port=53, host_ip="127.0.0.1")
    ]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("", cri.SecurityProfile(profile_type="Unconfined")),
        ("Unconfined", cri.SecurityProfile(profile_type="Unconfined")),
        ("RuntimeDefault", cri.SecurityProfile(profile_type="RuntimeDefault")),
        ("/p.json", cri.SecurityProfile(profile_type="Localhost", localhost_ref="/p.json")),
    ],
)
def test_seccomp_profiles(profile: str, expected: cri.SecurityProfile) -> None:
    security = SecurityContext(seccomp_profile=profile)
    container = ContainerConfig(name="main", attempt=0, image="x", security=security)
    assert _container_message(container).linux.security_context.seccomp == expected
    sandbox = sandbox_config_message(_changed_sandbox(security=security))
    assert sandbox.linux.security_context.seccomp == expected


def test_what_is_not_said_is_left_to_the_runtime() -> None:
    security = _container_message().linux.security_context
    assert not security.HasField("run_as_user")
    assert not security.HasField("run_as_group")
    assert not security.no_new_privs
    assert _container_message().linux.resources == cri.LinuxContainerResources()


def test_user_zero_is_said() -> None:
    container = ContainerConfig(
        name="main", attempt=0, image="x", security=SecurityContext(run_as_user=0)
    )
    assert _container_message(container).linux.security_context.HasField("run_as_user")


def test_capabilities_lose_their_prefix() -> None:
    security = SecurityContext(
        capabilities_added=("CAP_NET_ADMIN", "sys_time"), capabilities_dropped=("ALL",)
    )
    container = ContainerConfig(name="main", attempt=0, image="x", security=security)
    assert _container_message(container).linux.security_context.capabilities == cri.Capability(
        add_capabilities=["NET_ADMIN", "SYS_TIME"], drop_capabilities=["ALL"]
    )


def test_resources_and_mounts() -> None:
    container = ContainerConfig(
        name="main",
        attempt=0,
        image="x",
        resources=LinuxResources(
            memory_limit_bytes=1 << 20,
            cpu_quota_microseconds=50_000,
            cpu_shares=512,
            oom_score_adjustment=-5,
        ),
        mounts=(Mount("/host", "/here", read_only=True, propagation="host-to-container"),),
    )
    message = _container_message(container)
    assert message.linux.resources == cri.LinuxContainerResources(
        cpu_period=100_000,
        cpu_quota=50_000,
        cpu_shares=512,
        memory_limit_in_bytes=1 << 20,
        oom_score_adj=-5,
    )
    assert list(message.mounts) == [
        cri.Mount(
            container_path="/here",
            host_path="/host",
            readonly=True,
            propagation="PROPAGATION_HOST_TO_CONTAINER",
        )
    ]


@pytest.mark.parametrize(
    ("name", "number"),
    [("", 0), ("SIGUSR1", 29), ("usr1", 29), ("SIGTERM", 23), ("SIGRTMIN+3", 0)],
)
def test_stop_signals(name: str, number: int) -> None:
    container = ContainerConfig(name="main", attempt=0, image="x", stop_signal=name)
    assert _container_message(container).stop_signal == number


@given(
    annotations=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    image=st.text(min_size=1, max_size=8),
)
def test_a_container_comes_back_as_it_was_asked_for(
    annotations: dict[str, str], image: str
) -> None:
    config = ContainerConfig(name="main", attempt=1, image=image, annotations=annotations)
    message = _container_message(config)
    container = container_of(
        cri.ContainerStatus(
            id="c-1",
            metadata=message.metadata,
            state=cri.CONTAINER_RUNNING,
            annotations=message.annotations,
            image=cri.ImageSpec(image="docker.io/library/other:tag"),
        )
    )
    assert (container.image, container.sandbox_id) == (image, "s-1")
    assert container.annotations == annotations


def test_a_container_of_somebody_else_shows_what_cri_shows() -> None:
    status = cri.ContainerStatus(id="c-1", image=cri.ImageSpec(image="there:tag"), state=3)  # type: ignore[arg-type]
    container = container_of(status)
    assert (container.image, container.sandbox_id) == ("there:tag", "")
    assert container.state is ContainerState.UNKNOWN


@pytest.mark.parametrize(
    ("state", "expected", "addresses"),
    [
        (cri.SANDBOX_READY, SandboxState.READY, ("10.0.0.2", "fd00::2")),
        (cri.SANDBOX_NOTREADY, SandboxState.NOT_READY, ()),
    ],
)
def test_only_a_ready_sandbox_has_addresses(
    state: cri.PodSandboxState, expected: SandboxState, addresses: tuple[str, ...]
) -> None:
    network = cri.PodSandboxNetworkStatus(ip="10.0.0.2", additional_ips=[cri.PodIP(ip="fd00::2")])
    sandbox = sandbox_of(cri.PodSandboxStatus(id="s", state=state, network=network))
    assert (sandbox.state, sandbox.addresses) == (expected, addresses)


def test_a_sandbox_without_a_network_has_no_address() -> None:
    assert sandbox_of(cri.PodSandboxStatus(id="s", state=cri.SANDBOX_READY)).addresses == ()
