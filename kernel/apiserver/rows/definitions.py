"""CustomResourceDefinitions as rows of `kubectl get`: Kubernetes' columns."""

from datetime import datetime

from kernel.apiserver.rows.core import Rows, columns
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.kind import Kind


def _cells(definition: CustomResourceDefinition, now: datetime) -> list[object]:
    created = definition.metadata.creation_timestamp
    return [definition.metadata.name, created.strftime("%Y-%m-%dT%H:%M:%SZ") if created else ""]


ROWS: dict[type[Kind], Rows] = {
    CustomResourceDefinition: Rows(columns("Name", "Created At"), _cells)
}
