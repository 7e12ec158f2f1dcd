"""Webhook configurations as rows of `kubectl get`: Kubernetes' columns."""

from datetime import datetime

from kernel.apiserver.ages import age
from kernel.apiserver.core_rows import Rows, columns
from kernel.objects.kind import Kind
from kernel.objects.webhook_configuration import (
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
)


def _cells(
    configuration: MutatingWebhookConfiguration | ValidatingWebhookConfiguration, now: datetime
) -> list[object]:
    metadata = configuration.metadata
    return [
        metadata.name,
        len(configuration.webhooks),
        age(metadata.creation_timestamp, now),
    ]


_OF_BOTH = Rows(columns("Name", "Webhooks", "Age"), _cells)

ROWS: dict[type[Kind], Rows] = {
    MutatingWebhookConfiguration: _OF_BOTH,
    ValidatingWebhookConfiguration: _OF_BOTH,
}
