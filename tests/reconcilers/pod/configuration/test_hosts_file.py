from pathlib import Path

import pytest

from kernel.objects.pod import Container, HostAlias, Pod
from kernel.objects.volume import VolumeMount
from kernel.reconcilers.pod.configuration.environment import Sources
from kernel.reconcilers.pod.configuration.hosts_file import hosts_text, make_hosts_file
from tests.reconcilers.pod.node_under_test import container, make_pod

ALIAS = HostAlias(ip="192.0.2.9", hostnames=["foo.remote", "bar.remote"])
ADDRESS = Sources(addresses=("10.0.0.1",))


def names(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_a_pod_finds_itself_and_its_aliases() -> None:
    pod = make_pod(host_aliases=[ALIAS], hostname="shop")
    lines = names(hosts_text(pod, ("10.0.0.1", "fd00::1")))
    assert lines[0] == ["127.0.0.1", "localhost"]
    assert lines[-3:] == [
        ["10.0.0.1", "shop"],
        ["fd00::1", "shop"],
        ["192.0.2.9", "foo.remote", "bar.remote"],
    ]


def test_a_subdomain_gives_a_whole_name_as_well() -> None:
    lines = names(hosts_text(make_pod(name="web", subdomain="apps"), ("10.0.0.1",)))
    assert lines[-1] == ["10.0.0.1", "web.apps.default.svc.cluster.local", "web"]


def test_the_same_file_says_where_the_pod_is_now(tmp_path: Path) -> None:
    pod = make_pod()
    path = make_hosts_file(tmp_path, pod, container(), ADDRESS)
    assert path is not None
    number = path.stat().st_ino
    moved = make_hosts_file(tmp_path, pod, container(), Sources(addresses=("10.0.0.2",)))
    assert moved == path
    assert path.stat().st_ino == number
    assert ["10.0.0.2", pod.metadata.name] in names(path.read_text())
    assert "10.0.0.1" not in path.read_text()


@pytest.mark.parametrize(
    ("pod", "main"),
    [
        (make_pod(host_network=True), container()),
        (
            make_pod(host_aliases=[ALIAS]),
            container(volume_mounts=[VolumeMount(name="own", mount_path="/etc/hosts")]),
        ),
    ],
)
def test_some_containers_are_given_none(tmp_path: Path, pod: Pod, main: Container) -> None:
    assert make_hosts_file(tmp_path, pod, main, ADDRESS) is None


def test_with_the_node_s_network_aliases_join_the_node_s_own(tmp_path: Path) -> None:
    pod = make_pod(host_network=True, host_aliases=[ALIAS])
    path = make_hosts_file(tmp_path, pod, container(), ADDRESS)
    assert path is not None
    text = path.read_text()
    assert text.startswith(Path("/etc/hosts").read_text())
    assert names(text)[-1] == ["192.0.2.9", "foo.remote", "bar.remote"]
