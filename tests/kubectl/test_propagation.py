"""`kubectl delete --cascade`: what becomes of dependents, with the reconciler of owners at work."""

import msgspec
import pytest

from kernel.api.local import LocalClient
from kernel.control.manager import Manager
from kernel.reconcilers.owners import owners

from .conftest import EVERY_VERSION, Kubectl

pytestmark = pytest.mark.anyio

CHILD = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: child
  ownerReferences:
  - {apiVersion: v1, kind: Secret, name: owner, uid: UID, blockOwnerDeletion: true}
"""


async def _create_both(kubectl: Kubectl) -> None:
    await kubectl("create", "secret", "generic", "owner")
    uid = await kubectl("get", "secret", "owner", "-o", "jsonpath={.metadata.uid}")
    await kubectl("create", "-f", "-", stdin=CHILD.replace("UID", uid))


@EVERY_VERSION
async def test_delete_with_each_cascade(kubectl: Kubectl) -> None:
    api = kubectl.api
    manager = Manager(LocalClient(api), api.clock)
    manager.add(owners(manager.informers, api.kinds))
    async with manager.running():
        await _create_both(kubectl)
        # kubectl waits until the owner is gone, which is after its dependent.
        assert "deleted" in await kubectl("delete", "secret", "owner", "--cascade=foreground")
        assert await kubectl("get", "secrets,configmaps", "-o", "name") == ""
        await _create_both(kubectl)
        assert "deleted" in await kubectl("delete", "secret", "owner", "--cascade=orphan")
        child = msgspec.json.decode(await kubectl("get", "configmap", "child", "-o", "json"))
        assert "ownerReferences" not in child["metadata"]
        assert await kubectl("get", "secrets", "-o", "name") == ""
