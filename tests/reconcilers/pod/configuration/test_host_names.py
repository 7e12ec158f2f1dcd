import pytest

from kernel.reconcilers.pod.configuration.environment import ConfigError
from kernel.reconcilers.pod.configuration.host_names import domain_name, hostname, sandbox_hostname
from tests.reconcilers.pod.node_under_test import make_pod


def test_a_subdomain_makes_a_whole_name() -> None:
    pod = make_pod(name="web", subdomain="apps")
    assert domain_name(pod) == "web.apps.default.svc.cluster.local"
    assert sandbox_hostname(pod) == "web"
    pod.spec.set_hostname_as_fqdn = True
    assert sandbox_hostname(pod) == "web.apps.default.svc.cluster.local"


def test_without_a_subdomain_there_is_no_whole_name() -> None:
    pod = make_pod(name="web", hostname="shop", set_hostname_as_fqdn=True)
    assert domain_name(pod) == ""
    assert sandbox_hostname(pod) == "shop"


def test_an_override_is_the_name_and_has_no_domain() -> None:
    pod = make_pod(hostname="shop", subdomain="apps", hostname_override="db.example.dev")
    assert hostname(pod) == "db.example.dev"
    assert domain_name(pod) == ""


def test_a_whole_name_has_to_fit() -> None:
    pod = make_pod(name="w" * 40, subdomain="apps", set_hostname_as_fqdn=True)
    with pytest.raises(ConfigError, match="64 characters is the max, 71 characters requested"):
        sandbox_hostname(pod)
