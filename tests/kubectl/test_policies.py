"""Quotas, limits, budgets and claims, as kubectl makes and shows them."""

import pytest

from .conftest import EVERY_VERSION, Kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""
LIMITS = """
apiVersion: v1
kind: LimitRange
metadata: {name: small}
spec: {limits: [{type: Container, max: {cpu: "1"}, min: {cpu: 100m}}]}
"""


@EVERY_VERSION
async def test_a_quota_and_a_budget(kubectl: Kubectl) -> None:
    await kubectl("create", "quota", "most", "--hard=pods=3,limits.cpu=2")
    assert (await kubectl("get", "quota")).split()[:4] == ["NAME", "AGE", "REQUEST", "LIMIT"]
    hard = await kubectl("get", "quota", "most", "-o", "jsonpath={.spec.hard}")
    assert hard == '{"limits.cpu":"2","pods":"3"}'
    await kubectl("create", "pdb", "some", "--selector=app=web", "--min-available=50%")
    row = (await kubectl("get", "pdb")).splitlines()[1].split()
    assert row[:4] == ["some", "50%", "N/A", "0"]


async def test_limits_have_defaults_and_bounds(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=LIMITS)
    assert (await kubectl("get", "limits")).split()[:3] == ["NAME", "CREATED", "AT"]
    item = "jsonpath={.spec.limits[0].default}{.spec.limits[0].defaultRequest}"
    assert await kubectl("get", "limits", "small", "-o", item) == '{"cpu":"1"}{"cpu":"1"}'
    wrong = LIMITS.replace("100m", "2")
    complaint = (
        'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'
    )
    assert complaint in await kubectl.refused("apply", "-f", "-", stdin=wrong)


async def test_a_claim_waits_and_does_not_change(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=CLAIM)
    assert "unchanged" in await kubectl("apply", "-f", "-", stdin=CLAIM)
    assert (await kubectl("get", "pvc")).splitlines()[1].split()[:2] == ["data", "Pending"]
    larger = CLAIM.replace("1Gi", "2Gi")
    assert "spec is immutable after creation" in await kubectl.refused(
        "apply", "-f", "-", stdin=larger
    )
    unused = CLAIM.replace("[ReadWriteOnce]", "[]").replace("name: data", "name: other")
    assert "spec.accessModes: Required value: at least 1 access mode is required" in (
        await kubectl.refused("create", "-f", "-", stdin=unused)
    )
