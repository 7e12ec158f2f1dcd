import pytest

from kernel.objects.pod import (
    ExecAction,
    Lifecycle,
    Pod,
    PodDNSConfig,
    Probe,
)
from kernel.objects.volume import EmptyDirVolumeSource, Volume
from kernel.reconcilers.pod.unsupported import unsupported
from tests.reconcilers.pod.node_under_test import container, make_pod

PROBE = Probe(exec=ExecAction(command=["true"]))


@pytest.mark.parametrize(
    ("pod", "sentences"),
    [
        (make_pod(), []),
        (make_pod(container(readiness_probe=PROBE, liveness_probe=PROBE)), []),
        (make_pod(container(lifecycle=Lifecycle(stop_signal="SIGUSR1"))), []),
        (make_pod(dns_policy="None", dns_config=PodDNSConfig(nameservers=["192.0.2.53"])), []),
        (make_pod(dns_policy="Default", dns_config=PodDNSConfig(searches=["example.dev"])), []),
        (
            make_pod(volumes=[Volume(name="a", empty_dir=EmptyDirVolumeSource(size_limit="1Mi"))]),
            [],
        ),
    ],
)
def test_every_wish_that_is_not_fulfilled_is_named(pod: Pod, sentences: list[str]) -> None:
    assert unsupported(pod) == sentences
