from pathlib import Path

import pytest

from kernel.cri import runtime as cri
from kernel.objects.pod import (
    AppArmorProfile,
    Capabilities,
    Pod,
    PodSecurityContext,
    SeccompProfile,
    SecurityContext,
    SELinuxOptions,
)
from kernel.reconcilers.pod.configuration.environment import ConfigError
from kernel.reconcilers.pod.configuration.security import container_security, sandbox_security
from kernel.reconcilers.pod.observe import pod_in_words
from tests.reconcilers.pod.node_under_test import container, make_pod

IMAGE = cri.Image(id="sha256:1", user="nobody")
PROFILES = Path("/profiles")


def test_the_containers_security_wins_over_the_pods() -> None:
    own = SecurityContext(
        run_as_user=2000,
        read_only_root_filesystem=True,
        allow_privilege_escalation=False,
        capabilities=Capabilities(add=["NET_ADMIN"], drop=["ALL"]),
        seccomp_profile=SeccompProfile(type="Localhost", localhost_profile="my.json"),
    )
    spec = container(security_context=own)
    shared = PodSecurityContext(
        run_as_user=1000,
        run_as_group=1000,
        fs_group=7,
        seccomp_profile=SeccompProfile(type="RuntimeDefault"),
    )
    pod = make_pod(spec, container("other"), security_context=shared)
    assert container_security(pod, spec, IMAGE, PROFILES) == cri.SecurityContext(
        run_as_user=2000,
        run_as_group=1000,
        supplemental_groups=(7,),
        read_only_root_filesystem=True,
        allow_privilege_escalation=False,
        capabilities_added=("NET_ADMIN",),
        capabilities_dropped=("ALL",),
        seccomp_profile="/profiles/my.json",
    )
    assert container_security(pod, pod.spec.containers[1], IMAGE, PROFILES) == cri.SecurityContext(
        run_as_user=1000,
        run_as_group=1000,
        supplemental_groups=(7,),
        seccomp_profile="RuntimeDefault",
    )


@pytest.mark.parametrize(
    ("user", "image_user", "message"),
    [
        (0, "1000", "container's runAsUser breaks non-root policy"),
        (None, "", "container has runAsNonRoot and image will run as root"),
        (None, "0", "container has runAsNonRoot and image will run as root"),
        (
            None,
            "nobody",
            "container has runAsNonRoot and image has non-numeric user (nobody),"
            " cannot verify user is non-root",
        ),
        (1000, "0", ""),
        (None, "1000", ""),
    ],
)
def test_run_as_non_root(user: int | None, image_user: str, message: str) -> None:
    spec = container(security_context=SecurityContext(run_as_non_root=True, run_as_user=user))
    image = cri.Image(id="sha256:1", user=image_user)
    pod = make_pod(spec)
    refusal = ""
    try:
        container_security(pod, spec, image, PROFILES)
    except ConfigError as error:
        refusal = str(error)
    whose = f' (pod: "{pod_in_words(pod)}", container: {spec.name})'
    assert refusal == (message + whose if message else "")


@pytest.mark.parametrize(
    ("image_user", "user", "name"), [("", 0, ""), ("33", 33, ""), ("nobody", None, "nobody")]
)
def test_a_group_alone_goes_with_the_images_user(
    image_user: str, user: int | None, name: str
) -> None:
    spec = container(security_context=SecurityContext(run_as_group=50))
    image = cri.Image(id="sha256:1", user=image_user)
    found = container_security(make_pod(spec), spec, image, PROFILES)
    assert (found.run_as_user, found.run_as_user_name, found.run_as_group) == (user, name, 50)


def test_apparmor_by_field_and_by_the_annotation_before_it() -> None:
    field = SecurityContext(app_armor_profile=AppArmorProfile(type="Unconfined"))
    local = AppArmorProfile(type="Localhost", localhost_profile="mine")
    pod = make_pod(
        container("a", security_context=field),
        container("b"),
        container("c"),
        change=lambda pod: pod.metadata.annotations.update(
            {
                "container.apparmor.security.beta.kubernetes.io/a": "runtime/default",
                "container.apparmor.security.beta.kubernetes.io/b": "localhost/other",
            }
        ),
    )

    def profiles(pod: Pod) -> list[str]:
        return [
            container_security(pod, spec, IMAGE, PROFILES).apparmor_profile
            for spec in pod.spec.containers
        ]

    assert profiles(pod) == ["Unconfined", "other", ""]
    pod.spec.security_context = PodSecurityContext(app_armor_profile=local)
    assert profiles(pod) == ["Unconfined", "mine", "mine"]
    assert sandbox_security(pod, PROFILES).apparmor_profile == "mine"


def test_selinux_and_the_whole_of_proc() -> None:
    label = SELinuxOptions(level="s0:c1,c2")
    own = SecurityContext(se_linux_options=label, proc_mount="Unmasked")
    pod = make_pod(container("a", security_context=own), container("b"))
    found = [container_security(pod, spec, IMAGE, PROFILES) for spec in pod.spec.containers]
    assert found[0].selinux == cri.SELinuxLabel(level="s0:c1,c2")
    assert found[1].selinux is None
    assert [one.whole_proc for one in found] == [True, False]
