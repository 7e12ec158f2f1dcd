"""The kinds that make Pods, as kubectl makes, shows, scales and changes them."""

import msgspec
import pytest

from .conftest import EVERY_VERSION, Kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

TEMPLATE = """
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: busybox}]}
"""


def manifest(kind: str, spec: str = TEMPLATE, api_version: str = "apps/v1") -> str:
    return f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: web}}\nspec:{spec}"


DEPLOYMENT = manifest("Deployment")


@EVERY_VERSION
async def test_create_show_scale_and_change_a_deployment(kubectl: Kubectl) -> None:
    # From 1.32 on, this sends protobuf and nothing else.
    made = await kubectl("create", "deployment", "web", "--image=busybox", "--replicas=2")
    assert made == "deployment.apps/web created\n"
    header, row = (line.split() for line in (await kubectl("get", "deploy")).splitlines())
    assert header == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row[:4] == ["web", "0/2", "0", "0"]
    wide = (await kubectl("get", "deploy", "-o", "wide")).splitlines()
    assert wide[0].split()[5:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
    assert wide[1].split()[5:] == ["busybox", "busybox", "app=web"]
    assert "scaled" in await kubectl("scale", "deployment", "web", "--replicas=4")
    refused = ("scale", "deployment", "web", "--replicas=5", "--current-replicas=2")
    assert "Expected replicas to be 2, was 4" in await kubectl.refused(*refused)
    await kubectl("set", "image", "deployment/web", "busybox=busybox:2")
    found = msgspec.json.decode(await kubectl("get", "deployment", "web", "-o", "json"))
    assert found["metadata"]["generation"] == 3
    assert found["spec"]["replicas"] == 4
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "busybox:2"
    assert "StrategyType:           RollingUpdate" in await kubectl("describe", "deploy", "web")


async def test_defaults_of_a_deployment(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    found = msgspec.json.decode(await kubectl("get", "deployment", "web", "-o", "json"))
    template = found["spec"].pop("template")
    assert found["spec"] == {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
        },
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    # What only a Pod has is not in its template.
    assert set(template["spec"]) == {
        *("containers", "dnsPolicy", "restartPolicy", "schedulerName", "securityContext"),
        "terminationGracePeriodSeconds",
    }


async def test_a_strategy_that_is_changed_keeps_nothing_of_the_other(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    recreate = manifest("Deployment", f"\n  strategy: {{type: Recreate}}{TEMPLATE}")
    assert "configured" in await kubectl("apply", "-f", "-", stdin=recreate)
    path = "jsonpath={.spec.strategy}"
    assert await kubectl("get", "deployment", "web", "-o", path) == '{"type":"Recreate"}'


@pytest.mark.parametrize(
    ("kind", "short_name", "columns"),
    [
        ("ReplicaSet", "rs", "NAME DESIRED CURRENT READY AGE"),
        ("StatefulSet", "sts", "NAME READY AGE"),
        (
            "DaemonSet",
            "ds",
            "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE",
        ),
    ],
)
async def test_the_others_of_apps(
    kubectl: Kubectl, kind: str, short_name: str, columns: str
) -> None:
    await kubectl("apply", "-f", "-", stdin=manifest(kind))
    assert "unchanged" in await kubectl("apply", "-f", "-", stdin=manifest(kind))
    header = (await kubectl("get", short_name)).splitlines()[0]
    assert header.split() == columns.split()
    assert f"{kind.lower()}.apps/web" in await kubectl("get", "all", "-o", "name")
    explained = await kubectl("explain", f"{kind.lower()}.spec.template")
    assert "What Pods are made of" in explained
    await kubectl("delete", short_name, "web")


async def test_a_replication_controller_selects_what_its_template_is_labelled(
    kubectl: Kubectl,
) -> None:
    spec = TEMPLATE.replace("  selector: {matchLabels: {app: web}}\n", "")
    controller = manifest("ReplicationController", spec, "v1")
    await kubectl("create", "-f", "-", stdin=controller)
    await kubectl("scale", "rc", "web", "--replicas=3")
    wide = (await kubectl("get", "rc", "-o", "wide")).splitlines()[1].split()
    assert (wide[:4], wide[5:]) == (["web", "3", "0", "0"], ["web", "busybox", "app=web"])


@EVERY_VERSION
async def test_jobs_and_cron_jobs(kubectl: Kubectl) -> None:
    await kubectl("create", "job", "once", "--image=busybox", "--", "true")
    await kubectl("create", "cronjob", "often", "--image=busybox", "--schedule=*/5 * * * *")
    await kubectl("create", "job", "now", "--from=cronjob/often")
    header, now, once = (line.split() for line in (await kubectl("get", "jobs")).splitlines())
    assert header == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    assert (now[:3], once[:3]) == (["now", "Running", "0/1"], ["once", "Running", "0/1"])
    often = (await kubectl("get", "cronjobs")).splitlines()[1]
    assert often.startswith("often   */5 * * * *   <none>     False     0        <none>")
    job = msgspec.json.decode(await kubectl("get", "job", "once", "-o", "json"))
    uid = job["metadata"]["uid"]
    assert job["spec"]["selector"]["matchLabels"] == {"batch.kubernetes.io/controller-uid": uid}
    assert job["spec"]["template"]["metadata"]["labels"]["job-name"] == "once"
    assert job["spec"]["backoffLimit"] == 6


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (
            TEMPLATE.replace("labels: {app: web}", "labels: {app: other}"),
            'spec.template.metadata.labels: Invalid value: {"app":"other"}:'
            " `selector` does not match template `labels`",
        ),
        (
            TEMPLATE.replace("{matchLabels: {app: web}}", "{}"),
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        ),
        (
            TEMPLATE.replace("spec: {", "spec: {restartPolicy: Never, "),
            'spec.template.spec.restartPolicy: Unsupported value: "Never":'
            ' supported values: "Always"',
        ),
        (
            TEMPLATE.replace("image: busybox", "image: ''"),
            "spec.template.spec.containers[0].image: Required value",
        ),
        (
            "\n  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}" + TEMPLATE,
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value:",
        ),
        (
            "\n  strategy: {type: Slowly}" + TEMPLATE,
            'spec.strategy.type: Unsupported value: "Slowly": supported values: "Recreate",'
            ' "RollingUpdate"',
        ),
    ],
)
async def test_what_a_deployment_may_not_be(kubectl: Kubectl, spec: str, complaint: str) -> None:
    printed = await kubectl.refused("create", "-f", "-", stdin=manifest("Deployment", spec))
    assert complaint in printed


async def test_what_may_not_change_and_what_no_job_may_be(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    other = DEPLOYMENT.replace("app: web", "app: other")
    assert "spec.selector: Invalid value" in await kubectl.refused("apply", "-f", "-", stdin=other)
    schedule = ("create", "cronjob", "often", "--image=busybox", "--schedule=* *")
    complaint = "expected exactly 5 fields, found 2: [* *]"
    assert complaint in await kubectl.refused(*schedule)
    job = manifest(
        "Job", TEMPLATE.split("\n", 2)[0] + "\n" + TEMPLATE.split("\n", 2)[2], "batch/v1"
    )
    complaint = 'Unsupported value: "Always": supported values: "OnFailure", "Never"'
    assert complaint in await kubectl.refused("create", "-f", "-", stdin=job)
