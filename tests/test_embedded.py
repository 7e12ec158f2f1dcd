"""A kernel inside a program, without a server: what it runs and what it knows."""

import base64
import json
from pathlib import Path

import msgspec
import pytest

from kernel import (
    CustomResourceDefinition,
    Invalid,
    Kernel,
    Namespace,
    NotFound,
    ObjectMeta,
    Pod,
    PodSpec,
    ServiceAccount,
)
from kernel.objects.config import ConfigMap
from kernel.objects.pod import Container

pytestmark = pytest.mark.anyio

STATIC = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: main
    image: busybox:1
    envFrom:
    - configMapRef: {name: settings}
"""


def _is_running(pod: Pod | None) -> bool:
    return pod is not None and pod.status.phase == "Running"


async def test_static_pods_run_and_use_config_maps(tmp_path: Path) -> None:
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "web.yaml").write_text(STATIC)
    opening = Kernel.open(
        tmp_path / "state",
        runtime="simulated",
        durability="process",
        node_name="one",
        static_pods=manifests,
    )
    async with opening as kernel:
        await kernel.client.create(ConfigMap(metadata=ObjectMeta(name="settings"), data={"a": "b"}))
        pod = await kernel.client.wait(Pod, "web-one", _is_running)
        assert pod is not None
        assert pod.spec.service_account_name == ""
        assert pod.spec.volumes == []


async def test_a_pod_can_follow_its_namespace_at_once_and_has_a_token(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    opening = Kernel.open(directory, runtime="simulated", durability="process", node_name="one")
    async with opening as kernel:
        client = kernel.client
        await client.create(Namespace(metadata=ObjectMeta(name="team")))
        spec = PodSpec(containers=[Container(name="c", image="busybox:1")])
        pod = Pod(metadata=ObjectMeta(name="web", namespace="team"), spec=spec)
        await client.create(pod)
        running = await client.wait(Pod, "web", _is_running, namespace="team")
        assert running is not None
        mounted = directory / "pods" / running.metadata.uid / "volumes"
        (credentials,) = mounted.glob("kube-api-access-*")
        assert (credentials / "namespace").read_text() == "team"
        assert (credentials / "ca.crt").read_text().startswith("-----BEGIN CERTIFICATE-----")
        account = await client.get(ServiceAccount, "default", namespace="team")
        payload = (credentials / "token").read_text().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert claims["kubernetes.io"]["serviceaccount"]["uid"] == account.metadata.uid


async def test_an_applied_pod_runs_and_can_be_applied_again(tmp_path: Path) -> None:
    opening = Kernel.open(
        tmp_path / "state", runtime="simulated", durability="process", node_name="one"
    )
    spec = PodSpec(containers=[Container(name="c", image="busybox:1")])
    wanted = Pod(metadata=ObjectMeta(name="web"), spec=spec)
    async with opening as kernel:
        await kernel.client.apply(wanted, field_manager="robot")
        running = await kernel.client.wait(Pod, "web", _is_running)
        assert running is not None
        again = await kernel.client.apply(wanted, field_manager="robot")
        assert again.spec == running.spec, "what hooks and the scheduler have set stays"
        managers = {
            (entry.manager, entry.operation, entry.subresource)
            for entry in again.metadata.managed_fields
        }
        assert {("robot", "Apply", ""), ("node-agent", "Update", "status")} <= managers


CRON_TABS = {
    "metadata": {"name": "crontabs.stable.example.com"},
    "spec": {
        "group": "stable.example.com",
        "scope": "Namespaced",
        "names": {"plural": "crontabs", "kind": "CronTab", "shortNames": ["ct"]},
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"replicas": {"type": "integer", "default": 1}},
                            }
                        },
                    }
                },
            }
            for name in ("v1", "v1beta1")
        ],
    },
}


async def test_a_kind_that_is_defined_at_run_time_outlives_the_kernel(tmp_path: Path) -> None:
    async with Kernel.open(tmp_path, runtime=None, durability="process") as kernel:
        client = kernel.client
        await client.create(msgspec.convert(CRON_TABS, CustomResourceDefinition))
        cron_tab = client.custom_kind("stable.example.com/v1", "CronTab")
        document = {"metadata": {"name": "web"}, "spec": {"none": 1}}
        created = await client.create(cron_tab.of_document(document))
        assert created.spec == {"replicas": 1}
        before = int(created.metadata.resource_version)
        created.spec["replicas"] = 3
        await client.update(created)
        with pytest.raises(Invalid, match=r"spec\.replicas in body must be of type integer"):
            await client.patch(cron_tab, "web", {"spec": {"replicas": "three"}})
    async with Kernel.open(tmp_path, runtime=None, durability="process") as kernel:
        client = kernel.client
        old = client.custom_kind("stable.example.com/v1beta1", "CronTab")
        assert (await client.get(old, "web")).spec == {"replicas": 3}
        assert (await client.get(old, "web", at=before)).spec == {"replicas": 1}
        async with client.transaction() as transaction:
            await transaction.create(old.of_document({"metadata": {"name": "other"}}))
            await transaction.delete(old, "web")
        listed = await client.list(client.custom_kind("stable.example.com/v1", "CronTab"))
        assert [(one.metadata.name, one.api_version) for one in listed] == [
            ("other", "stable.example.com/v1")
        ]
        with pytest.raises(NotFound):
            client.custom_kind("stable.example.com/v2", "CronTab")
