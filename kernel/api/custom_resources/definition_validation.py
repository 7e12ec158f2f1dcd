"""Which CustomResourceDefinitions the API accepts, in Kubernetes' words.

Source of the rules and the words: k8s.io/apiextensions-apiserver,
pkg/apis/apiextensions/validation. A webhook that converts between several versions is refused,
because nobody would ask it.
"""

import re

from kernel.api.causes import Causes
from kernel.api.custom_resources.establishment import ESTABLISHED
from kernel.api.custom_resources.schema_validation import check_schema
from kernel.objects.custom_resource_definition import (
    CustomResourceColumnDefinition,
    CustomResourceDefinition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec,
    CustomResourceDefinitionVersion,
    CustomResourceSubresourceScale,
)
from kernel.objects.json_path import simple_path
from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.name_syntax import service_name_errors, subdomain_name_errors

COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = (
    *("binary", "bool", "byte", "date", "date-time", "double", "float", "int32", "int64"),
    "password",
)
SELECTABLE_FIELDS_MAX = 8
WARNING_CHARACTERS_MAX = 256
APPROVAL_ANNOTATION = "api-approved.kubernetes.io"

_PROTECTED_GROUP = re.compile(r"(?:^|\.)(?:k8s|kubernetes)\.io$")


def check_definition(definition: CustomResourceDefinition, causes: Causes) -> None:
    """Report what is wrong with a definition, by itself."""
    spec = definition.spec
    _check_name(definition, causes)
    _check_group_and_scope(spec, causes)
    if spec.preserve_unknown_fields:
        causes.invalid(
            "spec.preserveUnknownFields",
            True,
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in"
            " spec.versions[*].schema instead",
        )
    for index, version in enumerate(spec.versions):
        _check_version(version, f"spec.versions[{index}]", causes)
    _check_versions_together(spec, causes)
    _check_names(spec.names, causes)
    _check_conversion(spec, causes)
    _check_approval(definition, causes)


def check_definition_update(
    new: CustomResourceDefinition, old: CustomResourceDefinition, causes: Causes
) -> None:
    """Report what a change of a definition may not change."""
    fixed = [
        ("spec.group", new.spec.group, old.spec.group),
        ("spec.names.plural", new.spec.names.plural, old.spec.names.plural),
    ]
    if old.has_condition(ESTABLISHED):
        fixed += [
            ("spec.scope", new.spec.scope, old.spec.scope),
            ("spec.names.kind", new.spec.names.kind, old.spec.names.kind),
        ]
    for path, value, before in fixed:
        if value != before:
            causes.invalid(path, value, "field is immutable")
    known = {version.name for version in new.spec.versions}
    for index, name in enumerate(new.status.stored_versions):
        if name not in known:
            causes.invalid(
                f"status.storedVersions[{index}]",
                name,
                f"missing from spec.versions; {name} was previously a storage version, and must"
                " remain in spec.versions until a storage migration ensures no data remains"
                f" persisted in {name} and removes {name} from status.storedVersions",
            )


def _check_name(definition: CustomResourceDefinition, causes: Causes) -> None:
    name, spec = definition.metadata.name, definition.spec
    if name and name != f"{spec.names.plural}.{spec.group}":
        causes.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')


def _check_group_and_scope(spec: CustomResourceDefinitionSpec, causes: Causes) -> None:
    if not spec.group:
        causes.required("spec.group")
    elif errors := subdomain_name_errors(spec.group):
        causes.invalid("spec.group", spec.group, ",".join(errors))
    elif "." not in spec.group:
        causes.invalid("spec.group", spec.group, "should be a domain with at least one dot")
    causes.one_of("spec.scope", spec.scope, ("Cluster", "Namespaced"))


def _check_versions_together(spec: CustomResourceDefinitionSpec, causes: Causes) -> None:
    path, names = "spec.versions", [version.name for version in spec.versions]
    if len(set(names)) != len(names):
        causes.invalid(path, spec.versions, "must contain unique version names")
    if sum(version.storage for version in spec.versions) != 1:
        detail = "must have exactly one version marked as storage version"
        causes.invalid(path, spec.versions, detail)


def _check_version(version: CustomResourceDefinitionVersion, path: str, causes: Causes) -> None:
    if errors := service_name_errors(version.name):
        causes.invalid(f"{path}.name", version.name, ",".join(errors))
    _check_warning(version, f"{path}.deprecationWarning", causes)
    schema = version.schema.open_api_v3_schema if version.schema is not None else None
    if schema is None:
        causes.required(f"{path}.schema.openAPIV3Schema")
    else:
        where, before = f"{path}.schema.openAPIV3Schema", len(causes.found)
        check_schema(schema, where, causes)
        if schema.has_rules() and len(causes.found) == before:
            _check_rules(schema, where, causes)
    if version.subresources is not None and version.subresources.scale is not None:
        _check_scale(version.subresources.scale, f"{path}.subresources.scale", causes)
    for index, column in enumerate(version.additional_printer_columns):
        _check_column(column, f"{path}.additionalPrinterColumns[{index}]", causes)
    if schema is not None:
        _check_selectable_fields(version, schema, f"{path}.selectableFields", causes)


def _check_rules(schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    # The library that reads rules loads slowly, and most definitions have none.
    from kernel.api.custom_resources.rules.checking import check_rules_of_schema

    check_rules_of_schema(schema, path, causes, is_root=True)


def _check_warning(version: CustomResourceDefinitionVersion, path: str, causes: Causes) -> None:
    warning = version.deprecation_warning
    if warning is None:
        return
    if not version.deprecated:
        causes.invalid(path, warning, "can only be set for deprecated versions")
    if len(warning) > WARNING_CHARACTERS_MAX:
        causes.invalid(path, warning, f"must be <= {WARNING_CHARACTERS_MAX} characters long")
    if not warning:
        causes.invalid(path, warning, "must not be an empty string")
    odd = next((i for i, sign in enumerate(warning) if not sign.isprintable()), None)
    if odd is not None:
        causes.invalid(
            path,
            warning,
            "must only contain printable UTF-8 characters; non-printable character found at"
            f" index {odd}",
        )


def _check_scale(scale: CustomResourceSubresourceScale, path: str, causes: Causes) -> None:
    for name, value, roots, place in (
        ("specReplicasPath", scale.spec_replicas_path, (".spec.",), ".spec"),
        ("statusReplicasPath", scale.status_replicas_path, (".status.",), ".status"),
        (
            "labelSelectorPath",
            scale.label_selector_path,
            (".spec.", ".status."),
            "either .spec or .status",
        ),
    ):
        where = f"{path}.{name}"
        if not value:
            if name != "labelSelectorPath":
                causes.required(where)
        elif not value.startswith("."):
            causes.invalid(where, value, "must be a simple json path starting with .")
        elif not value.startswith(roots):
            causes.invalid(where, value, f"should be a json path under {place}")


def _check_column(column: CustomResourceColumnDefinition, path: str, causes: Causes) -> None:
    if not column.name:
        causes.required(f"{path}.name")
    types = f"must be one of {','.join(COLUMN_TYPES)}"
    if not column.type:
        causes.required(f"{path}.type", types)
    elif column.type not in COLUMN_TYPES:
        causes.invalid(f"{path}.type", column.type, types)
    if column.format and column.format not in COLUMN_FORMATS:
        detail = f"must be one of {','.join(COLUMN_FORMATS)}"
        causes.invalid(f"{path}.format", column.format, detail)
    if not column.json_path:
        causes.required(f"{path}.JSONPath")
    elif not column.json_path.startswith("."):
        detail = "must be a simple json path starting with ."
        causes.invalid(f"{path}.JSONPath", column.json_path, detail)


def _check_selectable_fields(
    version: CustomResourceDefinitionVersion, schema: JSONSchemaProps, path: str, causes: Causes
) -> None:
    known: set[str] = set()
    for index, field in enumerate(version.selectable_fields):
        where = f"{path}[{index}].jsonPath"
        if not field.json_path:
            causes.required(where)
            continue
        found: JSONSchemaProps | None = schema
        names = simple_path(field.json_path)
        for name in names or ():
            found = found.properties.get(name) if found is not None else None
        if names is None or found is None:
            detail = "is an invalid path: does not refer to a valid field"
            causes.invalid(where, field.json_path, detail)
            continue
        if names[0] == "metadata":
            causes.invalid(where, field.json_path, "must not point to fields in metadata")
        if found.type not in ("string", "boolean", "integer"):
            causes.invalid(
                where,
                field.json_path,
                "must point to a field of type string, boolean or integer. Enum string fields and"
                " strings with formats are allowed.",
            )
        if field.json_path in known:
            causes.duplicate(where, field.json_path)
        known.add(field.json_path)
    if len(known) > SELECTABLE_FIELDS_MAX:
        causes.too_many(path, len(known), SELECTABLE_FIELDS_MAX)


def _check_names(names: CustomResourceDefinitionNames, causes: Causes) -> None:
    for field, value in (
        ("plural", names.plural),
        ("singular", names.singular),
        ("kind", names.kind),
        ("listKind", names.list_kind),
    ):
        path = f"spec.names.{field}"
        if not value:
            causes.required(path)
        elif field in ("plural", "singular") and (errors := service_name_errors(value)):
            causes.invalid(path, value, ",".join(errors))
        elif errors := service_name_errors(value.lower()):
            detail = f"may have mixed case, but should otherwise match: {','.join(errors)}"
            causes.invalid(path, value, detail)
    for field, values in (("shortNames", names.short_names), ("categories", names.categories)):
        for index, value in enumerate(values):
            if errors := service_name_errors(value):
                causes.invalid(f"spec.names.{field}[{index}]", value, ",".join(errors))
    if names.kind and names.kind == names.list_kind:
        detail = "kind and listKind may not be the same"
        causes.invalid("spec.names.listKind", names.list_kind, detail)


def _check_conversion(spec: CustomResourceDefinitionSpec, causes: Causes) -> None:
    conversion = spec.conversion
    if conversion is None:
        return
    causes.one_of("spec.conversion.strategy", conversion.strategy, ("None", "Webhook"))
    if conversion.strategy == "Webhook" and len(spec.versions) > 1:
        causes.forbidden(
            "spec.conversion.strategy",
            "podkernel asks no webhook to convert between versions: None changes the apiVersion"
            " alone",
        )
    if conversion.strategy == "None" and conversion.webhook is not None:
        detail = "should not be set when strategy is not set to Webhook"
        causes.forbidden("spec.conversion.webhookClientConfig", detail)


def _check_approval(definition: CustomResourceDefinition, causes: Causes) -> None:
    """Groups of Kubernetes' own need its reviewers' leave."""
    if _PROTECTED_GROUP.search(definition.spec.group) is None:
        return
    path = f"metadata.annotations[{APPROVAL_ANNOTATION}]"
    approval = definition.metadata.annotations.get(APPROVAL_ANNOTATION, "")
    if not approval:
        causes.required(
            path,
            f'protected groups must have approval annotation "{APPROVAL_ANNOTATION}", see'
            " https://github.com/kubernetes/enhancements/pull/1111",
        )
    elif not approval.startswith(("unapproved", "https://", "http://")):
        causes.invalid(
            path,
            approval,
            'protected groups must have approval annotation "api-approved.kubernetes.io" with'
            ' either a URL or a reason starting with "unapproved", see'
            " https://github.com/kubernetes/enhancements/pull/1111",
        )
