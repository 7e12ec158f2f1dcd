"""Webhook configurations and admission policies as rows of `kubectl get`: Kubernetes' columns."""

from datetime import datetime

from kernel.apiserver.rows.ages import age
from kernel.apiserver.rows.core import Rows, columns
from kernel.apiserver.rows.workloads import selector_text
from kernel.objects.admission_policy import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)
from kernel.objects.kind import Kind
from kernel.objects.webhook_configuration import (
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
)

UNSET = "<unset>"


def _cells(
    configuration: MutatingWebhookConfiguration | ValidatingWebhookConfiguration, now: datetime
) -> list[object]:
    metadata = configuration.metadata
    return [
        metadata.name,
        len(configuration.webhooks),
        age(metadata.creation_timestamp, now),
    ]


def _policy_cells(policy: ValidatingAdmissionPolicy, now: datetime) -> list[object]:
    param_kind = policy.spec.param_kind
    return [
        policy.metadata.name,
        len(policy.spec.validations),
        f"{param_kind.api_version}/{param_kind.kind}" if param_kind is not None else UNSET,
        age(policy.metadata.creation_timestamp, now),
    ]


def _binding_cells(binding: ValidatingAdmissionPolicyBinding, now: datetime) -> list[object]:
    reference, shown = binding.spec.param_ref, UNSET
    if reference is not None and reference.name:
        shown = f"{reference.namespace or '*'}/{reference.name}"
    elif reference is not None and reference.selector is not None:
        shown = selector_text(reference.selector)
    return [
        binding.metadata.name,
        binding.spec.policy_name,
        shown,
        age(binding.metadata.creation_timestamp, now),
    ]


_OF_BOTH = Rows(columns("Name", "Webhooks", "Age"), _cells)

ROWS: dict[type[Kind], Rows] = {
    MutatingWebhookConfiguration: _OF_BOTH,
    ValidatingWebhookConfiguration: _OF_BOTH,
    ValidatingAdmissionPolicy: Rows(
        columns("Name", "Validations", "ParamKind", "Age"), _policy_cells
    ),
    ValidatingAdmissionPolicyBinding: Rows(
        columns("Name", "PolicyName", "ParamRef", "Age"), _binding_cells
    ),
}
