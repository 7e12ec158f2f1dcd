import pytest

from kernel.objects.pod import (
    ExecAction,
    Lifecycle,
    Pod,
    PodDNSConfig,
    PodOS,
    PodSecurityContext,
    Probe,
    SELinuxOptions,
    Toleration,
)
from kernel.objects.volume import EmptyDirVolumeSource, Volume
from kernel.reconcilers.pod.configuration.unsupported import unsupported
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
        (
            make_pod(security_context=PodSecurityContext(se_linux_options=SELinuxOptions())),
            ["seLinuxOptions have no effect: this node has no SELinux"],
        ),
        (make_pod(priority_class_name="system-node-critical"), []),
        (
            make_pod(tolerations=[Toleration(key="mine", operator="Exists", toleration_seconds=5)]),
            ["tolerationSeconds has no effect: taints do not drive Pods off a node"],
        ),
        (
            make_pod(
                tolerations=[
                    Toleration(
                        key="node.kubernetes.io/not-ready",
                        operator="Exists",
                        effect="NoExecute",
                        toleration_seconds=300,
                    )
                ]
            ),
            [],
        ),
        (
            make_pod(security_context=PodSecurityContext(se_linux_change_policy="Recursive")),
            ["seLinuxChangePolicy has no effect: volumes are not relabelled"],
        ),
        (
            make_pod(priority_class_name="mine", os=PodOS(name="windows")),
            ["os windows is not this node's"],
        ),
    ],
)
def test_every_wish_that_is_not_fulfilled_is_named(pod: Pod, sentences: list[str]) -> None:
    assert unsupported(pod, has_selinux=False) == sentences
