"""The rules of security contexts, of Pods and of containers (core/v1 validation.go)."""

import re

from kernel.api.causes import Causes
from kernel.objects.container import AppArmorProfile, SeccompProfile, SecurityContext
from kernel.objects.pod import PodSecurityContext, PodSpec, Sysctl

_ID_MAX = 2**31 - 1
_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL_LENGTH_MAX = 253
_SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL_NAME = rf"({_SYSCTL_SEGMENT}[\./])*{_SYSCTL_SEGMENT}"
_SYSCTL_RULE = f"must have at most {_SYSCTL_LENGTH_MAX} characters and match regex {_SYSCTL_NAME}"
_NO_ESCALATION = "cannot set `allowPrivilegeEscalation` to false and "


def check_pod_security(spec: PodSpec, causes: Causes) -> None:
    """What holds for all containers of a Pod, and which namespaces go together."""
    path = "spec.securityContext"
    if spec.host_pid and spec.share_process_namespace:
        rule = "ShareProcessNamespace and HostPID cannot both be enabled"
        causes.invalid(f"{path}.shareProcessNamespace", True, rule)
    security = spec.security_context
    if security is None:
        return
    _check_id(security.run_as_user, f"{path}.runAsUser", causes)
    _check_id(security.run_as_group, f"{path}.runAsGroup", causes)
    _check_id(security.fs_group, f"{path}.fsGroup", causes)
    for index, group in enumerate(security.supplemental_groups):
        _check_id(group, f"{path}.supplementalGroups[{index}]", causes)
    _check_policies(security, path, causes)
    _check_sysctls(security.sysctls, f"{path}.sysctls", causes)
    _check_seccomp(security.seccomp_profile, f"{path}.seccompProfile", causes)
    _check_apparmor(security.app_armor_profile, f"{path}.appArmorProfile", causes)


def check_container_security(security: SecurityContext | None, path: str, causes: Causes) -> None:
    """Who a container may be, and that its wishes do not contradict each other."""
    if security is None:
        return
    _check_id(security.run_as_user, f"{path}.runAsUser", causes)
    _check_id(security.run_as_group, f"{path}.runAsGroup", causes)
    if security.proc_mount is not None:
        causes.one_of(f"{path}.procMount", security.proc_mount, ("Default", "Unmasked"))
    _check_seccomp(security.seccomp_profile, f"{path}.seccompProfile", causes)
    _check_apparmor(security.app_armor_profile, f"{path}.appArmorProfile", causes)
    if security.allow_privilege_escalation is not False:
        return
    if security.privileged:
        causes.invalid(path, security, f"{_NO_ESCALATION}`privileged` to true")
    if security.capabilities is not None and "CAP_SYS_ADMIN" in security.capabilities.add:
        causes.invalid(path, security, f"{_NO_ESCALATION}`capabilities.Add` CAP_SYS_ADMIN")


def _check_id(number: int | None, path: str, causes: Causes) -> None:
    if number is not None and not 0 <= number <= _ID_MAX:
        causes.invalid(path, number, f"must be between 0 and {_ID_MAX}, inclusive")


def _check_policies(security: PodSecurityContext, path: str, causes: Causes) -> None:
    for name, policy, supported in (
        ("fsGroupChangePolicy", security.fs_group_change_policy, ("Always", "OnRootMismatch")),
        ("supplementalGroupsPolicy", security.supplemental_groups_policy, ("Merge", "Strict")),
    ):
        if policy is not None and policy not in supported:
            causes.unsupported(f"{path}.{name}", policy, supported)


def _check_sysctls(sysctls: list[Sysctl], path: str, causes: Causes) -> None:
    names: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        here = f"{path}[{index}].name"
        if not sysctl.name:
            causes.required(here)
        elif len(sysctl.name) > _SYSCTL_LENGTH_MAX or not re.fullmatch(_SYSCTL_NAME, sysctl.name):
            causes.invalid(here, sysctl.name, _SYSCTL_RULE)
        elif sysctl.name.replace("/", ".") in names:
            causes.duplicate(here, sysctl.name)
        names.add(sysctl.name.replace("/", "."))


def _check_seccomp(profile: SeccompProfile | None, path: str, causes: Causes) -> None:
    if profile is None:
        return
    _check_profile_type(profile.type, f"{path}.type", "seccompProfile", causes)
    path = f"{path}.localhostProfile"
    file_name = profile.localhost_profile
    if profile.type != "Localhost":
        if file_name is not None:
            causes.invalid(path, file_name, "can only be set when seccomp type is Localhost")
    elif not file_name:
        causes.required(path, "must be set when seccomp type is Localhost")
    elif file_name.startswith("/"):
        causes.invalid(path, file_name, "must be a relative path")
    elif ".." in file_name.split("/"):
        causes.invalid(path, file_name, "must not contain '..'")


def _check_apparmor(profile: AppArmorProfile | None, path: str, causes: Causes) -> None:
    if profile is None:
        return
    _check_profile_type(profile.type, f"{path}.type", "appArmorProfile", causes)
    path = f"{path}.localhostProfile"
    name = profile.localhost_profile
    if profile.type != "Localhost":
        if name is not None:
            causes.invalid(path, name, "can only be set when AppArmor type is Localhost")
    elif not name:
        causes.required(path, "must be set when AppArmor type is Localhost")
    elif name != name.strip():
        causes.invalid(path, name, "must not be padded with whitespace")


def _check_profile_type(profile_type: str, path: str, field: str, causes: Causes) -> None:
    if not profile_type:
        causes.required(path, f"type is required when {field} is set")
    elif profile_type not in _PROFILE_TYPES:
        causes.unsupported(path, profile_type, _PROFILE_TYPES)
