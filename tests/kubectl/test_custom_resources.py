"""The CronTab of Kubernetes' documentation, as kubectl defines, makes, shows and changes it."""

import pytest

from .conftest import EVERY_VERSION, Kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

DEFINITION = r"""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        description: Runs an image now and then.
        properties:
          spec:
            type: object
            description: When, and what.
            properties:
              cronSpec:
                type: string
                description: The times, as cron has them.
                pattern: '^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$'
              image: {type: string}
              replicas: {type: integer, minimum: 1, maximum: 10}
            x-kubernetes-validations:
            - {rule: "!has(self.replicas) || self.replicas != 7", message: seven is odd}
          status:
            type: object
            properties:
              replicas: {type: integer}
              labelSelector: {type: string}
    subresources:
      status: {}
      scale:
        specReplicasPath: .spec.replicas
        statusReplicasPath: .status.replicas
        labelSelectorPath: .status.labelSelector
    additionalPrinterColumns:
    - {name: Spec, type: string, jsonPath: .spec.cronSpec}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Image, type: string, jsonPath: .spec.image, priority: 1}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
"""
CRON_TAB = """
apiVersion: stable.example.com/v1
kind: CronTab
metadata: {name: my-new-cron-object}
spec: {cronSpec: "* * * * */5", image: my-awesome-cron-image}
"""


@EVERY_VERSION
async def test_the_example_of_the_documentation(kubectl: Kubectl) -> None:
    definition = "customresourcedefinition.apiextensions.k8s.io/crontabs.stable.example.com"
    assert await kubectl("apply", "-f", "-", stdin=DEFINITION) == f"{definition} created\n"
    assert await kubectl("apply", "-f", "-", stdin=DEFINITION) == f"{definition} unchanged\n"
    waited = await kubectl("wait", "--for=condition=Established", "crd/crontabs.stable.example.com")
    assert waited == f"{definition} condition met\n"
    assert "crontabs   ct" in await kubectl("api-resources", "--api-group=stable.example.com")
    made = "crontab.stable.example.com/my-new-cron-object"
    assert await kubectl("apply", "-f", "-", stdin=CRON_TAB) == f"{made} created\n"
    assert await kubectl("apply", "-f", "-", stdin=CRON_TAB) == f"{made} unchanged\n"
    assert await kubectl("scale", "--replicas=3", "ct/my-new-cron-object") == f"{made} scaled\n"
    rows = [line.split() for line in (await kubectl("get", "ct")).splitlines()]
    assert rows[0] == ["NAME", "SPEC", "REPLICAS", "AGE"]
    assert rows[1][:7] == ["my-new-cron-object", "*", "*", "*", "*", "*/5", "3"]
    wide = await kubectl("get", "crontabs", "-o", "wide")
    assert wide.split()[:5] == ["NAME", "SPEC", "REPLICAS", "IMAGE", "AGE"]
    assert "my-awesome-cron-image" in wide
    explained = await kubectl("explain", "crontab.spec.cronSpec")
    assert "The times, as cron has them." in explained
    assert await kubectl("delete", "crd", "crontabs.stable.example.com", "--wait=false")


@EVERY_VERSION
async def test_what_does_not_fit_the_schema_is_refused(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEFINITION)
    odd = CRON_TAB.replace('"* * * * */5"', '"* * * *"')
    refused = await kubectl.refused("create", "-f", "-", stdin=odd)
    assert 'The CronTab "my-new-cron-object" is invalid: \n* spec.cronSpec: ' in refused
    assert '* <nil>: Invalid value: "null": some validation rules were not checked' in refused
    assert "spec.cronSpec in body should match '^(\\d+|\\*)(/\\d+)?" in refused
    await kubectl("create", "-f", "-", stdin=CRON_TAB)
    name = ("ct", "my-new-cron-object", "--type=merge", "-p")
    many = await kubectl.refused("patch", *name, '{"spec":{"replicas":11}}')
    assert "spec.replicas in body should be less than or equal to 10" in many
    assert "seven is odd" in await kubectl.refused("patch", *name, '{"spec":{"replicas":7}}')
    unknown = CRON_TAB.replace("image:", "imag:")
    strict = await kubectl.refused("apply", "-f", "-", stdin=unknown)
    assert "imag" in strict


async def test_a_configuration_is_applied_by_the_server(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEFINITION)
    apply = ("apply", "--server-side", "--field-manager=me", "-f", "-")
    assert (await kubectl(*apply, stdin=CRON_TAB)).endswith("serverside-applied\n")
    await kubectl("scale", "--replicas=3", "ct/my-new-cron-object")
    less = CRON_TAB.replace(", image: my-awesome-cron-image", "")
    await kubectl(*apply, stdin=less)
    spec = await kubectl("get", "ct", "my-new-cron-object", "-o", "jsonpath={.spec}")
    assert spec == '{"cronSpec":"* * * * */5","replicas":3}'
