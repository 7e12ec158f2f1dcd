from typing import Any

import pytest

from kernel.api.defaulting import default
from kernel.api.validation import validate_create
from kernel.objects.decoding import decode
from kernel.objects.pod import Pod

_ID_RULE = "Invalid value: -1: must be between 0 and 2147483647, inclusive"
_SYSCTL_RULE = (
    "must have at most 253 characters and match regex"
    r" ([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
)
_TYPES = 'supported values: "Localhost", "RuntimeDefault", "Unconfined"'


def causes_of(security: dict[str, Any], container: dict[str, Any], **spec: Any) -> dict[str, str]:
    containers = [{"name": "web", "image": "nginx", "securityContext": container}]
    whole = {"containers": containers, "securityContext": security}
    pod = decode(Pod, {"metadata": {"name": "web", "namespace": "default"}, "spec": whole | spec})
    default(pod)
    return {cause.field.removeprefix("spec."): cause.message for cause in validate_create(pod)}


def test_contexts_that_are_right_are_accepted() -> None:
    security = {
        "runAsUser": 0,
        "fsGroup": 2**31 - 1,
        "supplementalGroups": [1],
        "supplementalGroupsPolicy": "Strict",
        "fsGroupChangePolicy": "OnRootMismatch",
        "sysctls": [
            {"name": "net.ipv4.ip_local_port_range", "value": "1 2"},
            {"name": "net/ipv4/conf/eth0.1/forwarding", "value": "1"},
        ],
        "seccompProfile": {"type": "Localhost", "localhostProfile": "a/b.json"},
        "appArmorProfile": {"type": "Localhost", "localhostProfile": "mine"},
    }
    container = {
        "allowPrivilegeEscalation": False,
        "procMount": "Unmasked",
        "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert causes_of(security, container, hostPID=True, os={"name": "linux"}) == {}


@pytest.mark.parametrize(
    ("security", "field", "message"),
    [
        ({"runAsUser": -1}, "runAsUser", _ID_RULE),
        ({"runAsGroup": -1}, "runAsGroup", _ID_RULE),
        ({"fsGroup": -1}, "fsGroup", _ID_RULE),
        ({"supplementalGroups": [1, -1]}, "supplementalGroups[1]", _ID_RULE),
        (
            {"fsGroupChangePolicy": "Never"},
            "fsGroupChangePolicy",
            'Unsupported value: "Never": supported values: "Always", "OnRootMismatch"',
        ),
        (
            {"supplementalGroupsPolicy": "None"},
            "supplementalGroupsPolicy",
            'Unsupported value: "None": supported values: "Merge", "Strict"',
        ),
        (
            {"sysctls": [{"name": "a b", "value": "1"}]},
            "sysctls[0].name",
            f'Invalid value: "a b": {_SYSCTL_RULE}',
        ),
        ({"sysctls": [{"name": "", "value": "1"}]}, "sysctls[0].name", "Required value"),
        (
            {"sysctls": [{"name": "a.b", "value": "1"}, {"name": "a/b", "value": "2"}]},
            "sysctls[1].name",
            'Duplicate value: "a/b"',
        ),
        (
            {"seccompProfile": {"type": "Localhost"}},
            "seccompProfile.localhostProfile",
            "Required value: must be set when seccomp type is Localhost",
        ),
        (
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "../x"}},
            "seccompProfile.localhostProfile",
            "Invalid value: \"../x\": must not contain '..'",
        ),
        (
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "/x"}},
            "seccompProfile.localhostProfile",
            'Invalid value: "/x": must be a relative path',
        ),
        (
            {"seccompProfile": {"type": "Unconfined", "localhostProfile": "x"}},
            "seccompProfile.localhostProfile",
            'Invalid value: "x": can only be set when seccomp type is Localhost',
        ),
        (
            {"seccompProfile": {"type": "Strict"}},
            "seccompProfile.type",
            f'Unsupported value: "Strict": {_TYPES}',
        ),
        (
            {"seccompProfile": {"type": ""}},
            "seccompProfile.type",
            "Required value: type is required when seccompProfile is set",
        ),
        (
            {"appArmorProfile": {"type": "Localhost"}},
            "appArmorProfile.localhostProfile",
            "Required value: must be set when AppArmor type is Localhost",
        ),
        (
            {"appArmorProfile": {"type": "Localhost", "localhostProfile": " x"}},
            "appArmorProfile.localhostProfile",
            'Invalid value: " x": must not be padded with whitespace',
        ),
        (
            {"appArmorProfile": {"type": "RuntimeDefault", "localhostProfile": "x"}},
            "appArmorProfile.localhostProfile",
            'Invalid value: "x": can only be set when AppArmor type is Localhost',
        ),
    ],
)
def test_of_the_pod(security: dict[str, Any], field: str, message: str) -> None:
    assert causes_of(security, {}) == {f"securityContext.{field}": message}


@pytest.mark.parametrize(
    ("security", "field", "message"),
    [
        ({"runAsUser": -1}, ".runAsUser", _ID_RULE),
        ({"runAsGroup": -1}, ".runAsGroup", _ID_RULE),
        (
            {"procMount": "Bare"},
            ".procMount",
            'Unsupported value: "Bare": supported values: "Default", "Unmasked"',
        ),
        (
            {"seccompProfile": {"type": "Localhost"}},
            ".seccompProfile.localhostProfile",
            "Required value: must be set when seccomp type is Localhost",
        ),
        (
            {"appArmorProfile": {"type": "Loose"}},
            ".appArmorProfile.type",
            f'Unsupported value: "Loose": {_TYPES}',
        ),
        (
            {"privileged": True, "allowPrivilegeEscalation": False},
            "",
            'Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set'
            " `allowPrivilegeEscalation` to false and `privileged` to true",
        ),
        (
            {"capabilities": {"add": ["CAP_SYS_ADMIN"]}, "allowPrivilegeEscalation": False},
            "",
            'Invalid value: {"capabilities":{"add":["CAP_SYS_ADMIN"]},'
            '"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false'
            " and `capabilities.Add` CAP_SYS_ADMIN",
        ),
    ],
)
def test_of_a_container(security: dict[str, Any], field: str, message: str) -> None:
    assert causes_of({}, security) == {f"containers[0].securityContext{field}": message}


def test_the_hosts_processes_and_shared_ones_exclude_each_other() -> None:
    assert causes_of({}, {}, hostPID=True, shareProcessNamespace=True) == {
        "securityContext.shareProcessNamespace": "Invalid value: true: ShareProcessNamespace and"
        " HostPID cannot both be enabled"
    }
