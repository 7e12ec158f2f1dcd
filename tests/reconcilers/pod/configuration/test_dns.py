from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from kernel.cri.runtime import DnsConfig
from kernel.objects.pod import PodDNSConfig, PodDNSConfigOption
from kernel.reconcilers.pod.configuration.dns import NodeDns, node_dns, parse_resolv_conf, pod_dns
from tests.reconcilers.pod.node_under_test import make_pod

NODE = NodeDns(DnsConfig(("192.0.2.1",), ("example.dev",), ("ndots:2", "rotate")))


def test_a_resolv_conf_is_read() -> None:
    text = """# by hand
nameserver 192.0.2.1
nameserver 192.0.2.2
search first.dev
options ndots:2 rotate
search second.dev third.dev
options timeout:1
nameserver
"""
    assert parse_resolv_conf(text) == DnsConfig(
        ("192.0.2.1", "192.0.2.2"), ("second.dev", "third.dev"), ("ndots:2", "rotate", "timeout:1")
    )


@given(st.text())
def test_any_text_is_a_resolv_conf(text: str) -> None:
    assert "" not in parse_resolv_conf(text).servers


@pytest.mark.parametrize("policy", ["Default", "ClusterFirst", "ClusterFirstWithHostNet"])
def test_the_nodes_own_file_serves_as_it_is(policy: str) -> None:
    assert pod_dns(make_pod(dns_policy=policy), NODE).config is None


def test_what_a_pod_adds_stands_beside_what_the_node_has() -> None:
    wanted = PodDNSConfig(
        nameservers=["192.0.2.1", "192.0.2.9"],
        searches=["own.dev"],
        options=[PodDNSConfigOption(name="ndots", value="5"), PodDNSConfigOption(name="edns0")],
    )
    found = pod_dns(make_pod(dns_policy="ClusterFirst", dns_config=wanted), NODE)
    assert found.config == DnsConfig(
        ("192.0.2.1", "192.0.2.9"),
        ("example.dev", "own.dev"),
        ("ndots:5", "rotate", "edns0"),
    )
    assert found.problems == ()


def test_none_is_the_pods_own_alone() -> None:
    wanted = PodDNSConfig(nameservers=["192.0.2.9"])
    found = pod_dns(make_pod(dns_policy="None", dns_config=wanted), NODE)
    assert found.config == DnsConfig(("192.0.2.9",))


def test_what_is_too_much_is_left_out_and_said() -> None:
    wanted = PodDNSConfig(
        nameservers=[f"192.0.2.{number}" for number in range(5)],
        searches=[f"domain{number}.dev" for number in range(40)],
    )
    found = pod_dns(make_pod(dns_policy="None", dns_config=wanted), NODE)
    assert found.config is not None
    assert found.config.servers == ("192.0.2.0", "192.0.2.1", "192.0.2.2")
    assert len(found.config.searches) == 32
    assert found.problems[0].endswith(
        "the applied nameserver line is: 192.0.2.0 192.0.2.1 192.0.2.2"
    )
    assert found.problems[1].startswith("Search Line limits were exceeded")


def test_a_resolver_on_loopback_is_passed_over(tmp_path: Path) -> None:
    stub, upstream = tmp_path / "stub", tmp_path / "upstream"
    stub.write_text("nameserver 127.0.0.53\n")
    assert node_dns(stub, upstream) == NodeDns(DnsConfig(("127.0.0.53",)))
    upstream.write_text("nameserver 192.0.2.7\n")
    found = node_dns(stub, upstream)
    assert found.config.servers == ("192.0.2.7",)
    assert pod_dns(make_pod(dns_policy="Default"), found).config == found.config
    in_the_nodes_network = make_pod(dns_policy="Default", host_network=True)
    assert pod_dns(in_the_nodes_network, found).config is None


def test_without_a_file_nothing_is_asked(tmp_path: Path) -> None:
    assert node_dns(tmp_path / "none", tmp_path / "none") == NodeDns(DnsConfig())
