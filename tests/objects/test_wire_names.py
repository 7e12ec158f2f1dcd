"""Every field of every core struct has the name that Kubernetes has for it."""

import importlib
import inspect
from pathlib import Path

import msgspec
import pytest

from kernel.objects.struct import wire_name

MODULES = (
    *(
        "affinity",
        "apps",
        "authentication",
        "authorization",
        "batch",
        "config",
        "container",
        "coordination",
        "disruption_budget",
        "event",
        "meta",
        "namespace",
        "node",
    ),
    *("persistent_volume_claim", "pod", "pod_status", "pod_template", "rbac", "resource_policies"),
    *("service", "table", "volume"),
    *(
        "autoscaling",
        "controller_revision",
        "endpoint_slice",
        "endpoints",
        "networking",
        "persistent_volume",
    ),
    *("priority_class", "storage", "webhook_configuration", "admission_policy"),
)

# Newer than the Kubernetes versions in use, or of no use here.
LEFT_OUT = {
    "CSIDriverSpec": {"preventPodSchedulingIfMissing"},
    "CSINode": {"status"},
    "HorizontalPodAutoscalerCondition": {"observedGeneration"},
    "ClusterTrustBundleProjection": {"user"},
    "ConfigMapVolumeSource": {"defaultUser"},
    "DeleteOptions": {"ignoreStoreReadErrorWithClusterBreakingPotential"},
    "DownwardAPIVolumeFile": {"user"},
    "DownwardAPIVolumeSource": {"defaultUser"},
    "EmptyDirVolumeSource": {"mode"},
    "GRPCAction": {"mode"},
    "HTTPGetAction": {"protocol"},
    "JobSpec": {"scheduling"},
    "KeyToPath": {"user"},
    "ListMeta": {"selfLink", "shardInfo"},
    "NodeSpec": {"podPreemptionPolicy"},
    "PersistentVolumeClaimStatus": {"healthStatus"},
    "PodCertificateProjection": {"user"},
    "PodSpec": {"evictionResponders", "schedulingGroup"},
    "PodStatus": {"nodeAllocatableResourceClaimStatuses", "volumeHealth"},
    "ProjectedVolumeSource": {"defaultUser"},
    "SecretVolumeSource": {"defaultUser"},
    "ServiceAccountTokenProjection": {"user"},
    "VolumeMount": {"bindMountOptions"},
    "VolumeMountStatus": {"volumeStatus"},
}


def real_names() -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in Path(__file__).with_name("wire_names.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        struct, colon, rest = line.rpartition(":")
        if colon:
            current = names.setdefault(struct, set())
        current.update(rest.split())
    return names


def structs() -> dict[str, type[msgspec.Struct]]:
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"kernel.objects.{name}")
        for struct_name, struct in vars(module).items():
            if (
                inspect.isclass(struct)
                and issubclass(struct, msgspec.Struct)
                and struct.__module__ == module.__name__
            ):
                found[struct_name] = struct
    return found


STRUCTS = structs()
REAL_NAMES = real_names()


def test_facts_and_structs_cover_the_same_types() -> None:
    assert set(STRUCTS) == set(REAL_NAMES)
    assert len(STRUCTS) > 130


@pytest.mark.parametrize("struct_name", sorted(STRUCTS))
def test_fields_are_those_of_kubernetes(struct_name: str) -> None:
    fields = set(STRUCTS[struct_name].__struct_encode_fields__)
    assert fields == REAL_NAMES[struct_name] - LEFT_OUT.get(struct_name, set())


@pytest.mark.parametrize(
    ("python_name", "expected"),
    [
        ("api_version", "apiVersion"),
        ("pod_ips", "podIPs"),
        ("pod_cidrs", "podCIDRs"),
        ("host_ip", "hostIP"),
        ("set_hostname_as_fqdn", "setHostnameAsFQDN"),
        ("http_get", "httpGet"),
        ("downward_api", "downwardAPI"),
        ("se_linux_options", "seLinuxOptions"),
        ("system_uuid", "systemUUID"),
        ("fields_v1", "fieldsV1"),
        ("continue_", "continue"),
        ("os_image", "osImage"),
    ],
)
def test_wire_name(python_name: str, expected: str) -> None:
    assert wire_name(python_name) == expected
