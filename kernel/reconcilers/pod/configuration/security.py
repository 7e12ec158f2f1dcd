"""Who containers run as and what they may do: the container's security context over the Pod's
(pure).

https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

from pathlib import Path
from typing import TypeVar

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.pod import (
    AppArmorProfile,
    Capabilities,
    Container,
    Pod,
    PodSecurityContext,
    SeccompProfile,
    SecurityContext,
    SELinuxOptions,
)
from kernel.reconcilers.pod.configuration.environment import ConfigError
from kernel.reconcilers.pod.observe import pod_in_words

APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
"""The prefix of the annotations that chose AppArmor profiles before there was a field for it."""

_ANNOTATED_PROFILES = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}

Value = TypeVar("Value")


def sandbox_security(pod: Pod, profiles_directory: Path) -> cri.SecurityContext:
    """The sandbox's own process, and what the Pod's containers have in common."""
    security = pod.spec.security_context or PodSecurityContext()
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    return cri.SecurityContext(
        run_as_user=security.run_as_user,
        run_as_group=security.run_as_group if security.run_as_user is not None else None,
        supplemental_groups=_groups(security),
        privileged=any(c.security_context and c.security_context.privileged for c in containers),
        seccomp_profile=_seccomp(security.seccomp_profile, profiles_directory),
        apparmor_profile=_apparmor(security.app_armor_profile),
        selinux=_selinux(security.se_linux_options),
    )


def container_security(
    pod: Pod, container: Container, image: cri.Image, profiles_directory: Path
) -> cri.SecurityContext:
    """`profiles_directory` holds the seccomp profiles of type Localhost. Raises `ConfigError` where
    `runAsNonRoot` is asked for and the user would be root."""
    shared = pod.spec.security_context or PodSecurityContext()
    own = container.security_context or SecurityContext()
    user = _first(own.run_as_user, shared.run_as_user)
    group = _first(own.run_as_group, shared.run_as_group)
    if _first(own.run_as_non_root, shared.run_as_non_root):
        _check_not_root(user, image, _in_words(pod, container))
    capabilities = own.capabilities or Capabilities()
    context = cri.SecurityContext(
        run_as_user=user,
        run_as_group=group,
        supplemental_groups=_groups(shared),
        privileged=bool(own.privileged),
        read_only_root_filesystem=bool(own.read_only_root_filesystem),
        allow_privilege_escalation=own.allow_privilege_escalation is not False,
        capabilities_added=tuple(capabilities.add),
        capabilities_dropped=tuple(capabilities.drop),
        seccomp_profile=_seccomp(
            _first(own.seccomp_profile, shared.seccomp_profile), profiles_directory
        ),
        apparmor_profile=_container_apparmor(pod, container, own, shared),
        selinux=_selinux(_first(own.se_linux_options, shared.se_linux_options)),
        whole_proc=own.proc_mount == "Unmasked",
    )
    if group is None or user is not None:
        return context
    # A runtime takes a group together with a user only: the one of the image is meant.
    if image.user and not image.user.isdigit():
        return msgspec.structs.replace(context, run_as_user_name=image.user)
    return msgspec.structs.replace(context, run_as_user=int(image.user or 0))


def _check_not_root(user: int | None, image: cri.Image, whose: str) -> None:
    if user == 0:
        raise ConfigError(f"container's runAsUser breaks non-root policy {whose}")
    if user is None and image.user in ("", "0", "root"):
        raise ConfigError(f"container has runAsNonRoot and image will run as root {whose}")
    if user is None and not image.user.isdigit():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({image.user}),"
            f" cannot verify user is non-root {whose}"
        )


def _in_words(pod: Pod, container: Container) -> str:
    return f'(pod: "{pod_in_words(pod)}", container: {container.name})'


def _groups(security: PodSecurityContext) -> tuple[int, ...]:
    groups = dict.fromkeys(security.supplemental_groups)
    if security.fs_group is not None:
        groups[security.fs_group] = None
    return tuple(groups)


def _seccomp(profile: SeccompProfile | None, profiles_directory: Path) -> str:
    if profile is None:
        return ""
    if profile.type == "Localhost":
        return str(profiles_directory / (profile.localhost_profile or ""))
    return profile.type


def _container_apparmor(
    pod: Pod, container: Container, own: SecurityContext, shared: PodSecurityContext
) -> str:
    profile = _first(own.app_armor_profile, shared.app_armor_profile)
    if profile is not None:
        return _apparmor(profile)
    annotated = pod.metadata.annotations.get(APPARMOR_ANNOTATION + container.name, "")
    return _ANNOTATED_PROFILES.get(annotated, annotated.removeprefix("localhost/"))


def _apparmor(profile: AppArmorProfile | None) -> str:
    if profile is None:
        return ""
    return (profile.localhost_profile or "") if profile.type == "Localhost" else profile.type


def _selinux(options: SELinuxOptions | None) -> cri.SELinuxLabel | None:
    if options is None:
        return None
    return cri.SELinuxLabel(
        user=options.user, role=options.role, type=options.type, level=options.level
    )


def _first(own: Value | None, shared: Value | None) -> Value | None:
    return shared if own is None else own
