"""What the API fills in of CustomResourceDefinitions, and what it refuses."""

from kernel.api.custom_resources.definition_validation import (
    check_definition,
    check_definition_update,
)
from kernel.api.rules.by_kind import KindRules
from kernel.objects.custom_resource_definition import (
    CustomResourceConversion,
    CustomResourceDefinition,
)
from kernel.objects.kind import Kind


def default_definition(definition: CustomResourceDefinition) -> None:
    """Fill in the names that follow from others."""
    names = definition.spec.names
    names.singular = names.singular or names.kind.lower()
    if names.kind:
        names.list_kind = names.list_kind or f"{names.kind}List"
    if definition.spec.conversion is None:
        definition.spec.conversion = CustomResourceConversion(strategy="None")


RULES: dict[type[Kind], KindRules] = {
    CustomResourceDefinition: KindRules(
        default=default_definition, check=check_definition, check_update=check_definition_update
    )
}
