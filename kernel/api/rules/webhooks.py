"""What webhook configurations are filled in with, and when they are refused.

Source: admissionregistration's defaults.go and validation.go, and util/webhook.
"""

import base64
from collections.abc import Sequence
from urllib.parse import urlsplit

from kernel.api.causes import Causes
from kernel.api.rules.by_kind import KindRules
from kernel.api.rules.workloads import check_label_selector
from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.name_syntax import (
    port_number_errors,
    service_name_errors,
    subdomain_name_errors,
)
from kernel.objects.webhook_configuration import (
    MutatingWebhook,
    MutatingWebhookConfiguration,
    RuleWithOperations,
    ServiceReference,
    ValidatingWebhook,
    ValidatingWebhookConfiguration,
    WebhookClientConfig,
)

HTTPS_PORT = 443
TIMEOUT_SECONDS = 10
REVIEW_VERSIONS = ("v1", "v1beta1")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
SIDE_EFFECTS = ("None", "NoneOnDryRun")
TIMEOUT_SECONDS_MAX = 30

_URL_FORM = "; desired format: https://host[/path]"


def default_webhooks(
    configuration: MutatingWebhookConfiguration | ValidatingWebhookConfiguration,
) -> None:
    """A webhook fails closed, after 10 s, and is asked about all namespaces and objects."""
    for webhook in configuration.webhooks:
        webhook.failure_policy = webhook.failure_policy or "Fail"
        webhook.match_policy = webhook.match_policy or "Equivalent"
        webhook.namespace_selector = webhook.namespace_selector or LabelSelector()
        webhook.object_selector = webhook.object_selector or LabelSelector()
        if webhook.timeout_seconds is None:
            webhook.timeout_seconds = TIMEOUT_SECONDS
        if isinstance(webhook, MutatingWebhook):
            webhook.reinvocation_policy = webhook.reinvocation_policy or "Never"
        service = webhook.client_config.service
        if service is not None and service.port is None:
            service.port = HTTPS_PORT
        for rule in webhook.rules:
            rule.scope = rule.scope or "*"


def check_webhook_configuration(
    configuration: MutatingWebhookConfiguration | ValidatingWebhookConfiguration, causes: Causes
) -> None:
    """Each webhook has a name of its own, a way to it, and says what it is asked about."""
    names: set[str] = set()
    for index, webhook in enumerate(configuration.webhooks):
        path = f"webhooks[{index}]"
        _check_webhook(webhook, path, causes)
        _check_review_versions(
            webhook.admission_review_versions, f"{path}.admissionReviewVersions", causes
        )
        if webhook.name and webhook.name in names:
            causes.duplicate(f"{path}.name", webhook.name)
        names.add(webhook.name)


def _check_webhook(webhook: ValidatingWebhook, path: str, causes: Causes) -> None:
    _check_qualified_name(webhook.name, f"{path}.name", causes)
    for index, rule in enumerate(webhook.rules):
        check_rule(rule, f"{path}.rules[{index}]", causes)
    for field, value, supported in (
        ("failurePolicy", webhook.failure_policy, ("Fail", "Ignore")),
        ("matchPolicy", webhook.match_policy, ("Equivalent", "Exact")),
    ):
        if value not in (None, *supported):
            causes.unsupported(f"{path}.{field}", value, supported)
    if webhook.side_effects is None:
        causes.required(f"{path}.sideEffects", f"must specify one of {', '.join(SIDE_EFFECTS)}")
    elif webhook.side_effects not in SIDE_EFFECTS:
        causes.unsupported(f"{path}.sideEffects", webhook.side_effects, SIDE_EFFECTS)
    timeout_seconds = webhook.timeout_seconds
    if timeout_seconds is not None and not 1 <= timeout_seconds <= TIMEOUT_SECONDS_MAX:
        rule_words = "the timeout value must be between 1 and 30 seconds"
        causes.invalid(f"{path}.timeoutSeconds", timeout_seconds, rule_words)
    for field, selector in (
        ("namespaceSelector", webhook.namespace_selector),
        ("objectSelector", webhook.object_selector),
    ):
        if selector is not None:
            check_label_selector(selector, f"{path}.{field}", causes)
    if isinstance(webhook, MutatingWebhook):
        policy = webhook.reinvocation_policy
        if policy not in (None, "IfNeeded", "Never"):
            causes.unsupported(f"{path}.reinvocationPolicy", policy, ("IfNeeded", "Never"))
    _check_client(webhook.client_config, f"{path}.clientConfig", causes)
    if webhook.match_conditions:
        from kernel.api.webhooks.conditions import check_conditions  # few webhooks have any

        check_conditions(webhook.match_conditions, f"{path}.matchConditions", causes)


def _check_qualified_name(name: str, path: str, causes: Causes) -> None:
    if not name:
        causes.required(path)
        return
    causes.invalid(path, name, *subdomain_name_errors(name))
    if name.count(".") < 2:
        rule = "should be a domain with at least three segments separated by dots"
        causes.invalid(path, name, rule)


def check_rule(rule: RuleWithOperations, path: str, causes: Causes) -> None:
    """Each part of it says something, once."""
    for field, values, others in (
        ("operations", rule.operations, "operations"),
        ("apiGroups", rule.api_groups, "API groups"),
        ("apiVersions", rule.api_versions, "API versions"),
    ):
        if not values:
            causes.required(f"{path}.{field}")
        if len(values) > 1 and "*" in values:
            causes.invalid(
                f"{path}.{field}", values, f"if '*' is present, must not specify other {others}"
            )
    for index, operation in enumerate(rule.operations):
        if operation not in OPERATIONS:
            causes.unsupported(f"{path}.operations[{index}]", operation, OPERATIONS)
    for index, version in enumerate(rule.api_versions):
        if not version:
            causes.required(f"{path}.apiVersions[{index}]")
    _check_resources(rule.resources, f"{path}.resources", causes)
    if rule.scope not in (None, *SCOPES):
        causes.unsupported(f"{path}.scope", rule.scope, SCOPES)


def _check_resources(resources: Sequence[str], path: str, causes: Causes) -> None:
    """No resource is said twice, by itself and by a wildcard."""
    if not resources:
        causes.required(path)
    whole_resources: set[str] = set()
    whole_subresources: set[str] = set()
    for index, text in enumerate(resources):
        if not text:
            causes.required(f"{path}[{index}]")
        resource, slash, subresource = text.partition("/")
        if not slash:
            continue
        if resource in whole_resources:
            rule = f"if '{resource}/*' is present, must not specify {text}"
            causes.invalid(f"{path}[{index}]", text, rule)
        if subresource in whole_subresources:
            rule = f"if '*/{subresource}' is present, must not specify {text}"
            causes.invalid(f"{path}[{index}]", text, rule)
        if subresource == "*":
            whole_resources.add(resource)
        if resource == "*":
            whole_subresources.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        rule = "if '*/*' is present, must not specify other resources"
        causes.invalid(path, list(resources), rule)
    if "*" in resources and any("/" not in text for text in resources if text != "*"):
        rule = "if '*' is present, must not specify other resources without subresources"
        causes.invalid(path, list(resources), rule)


def _check_client(client: WebhookClientConfig, path: str, causes: Causes) -> None:
    if (client.url is None) == (client.service is None):
        causes.required(path, "exactly one of url or service is required")
    elif client.url is not None:
        check_webhook_url(client.url, f"{path}.url", causes)
    elif client.service is not None:
        check_webhook_service(client.service, f"{path}.service", causes)
    try:
        base64.b64decode(client.ca_bundle, validate=True)
    except ValueError:  # also where it is not ASCII
        causes.invalid(f"{path}.caBundle", client.ca_bundle, "must be base64")


def check_webhook_url(url: str, path: str, causes: Causes) -> None:
    """HTTPS, a host, and nothing behind the path."""
    try:
        parts = urlsplit(url)
        host, user, at_sign = parts.netloc.rpartition("@")[2], *parts.netloc.rpartition("@")[:2]
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError as error:
        causes.required(path, f"url must be a valid URL: {error}{_URL_FORM}")
        return
    if parts.scheme != "https":
        rule = f"'https' is the only allowed URL scheme{_URL_FORM}"
        causes.invalid(path, parts.scheme, rule)
    if not host:
        causes.invalid(path, host, f"host must be specified{_URL_FORM}")
    if at_sign:
        causes.invalid(path, user, "user information is not permitted in the URL")
    if parts.fragment:
        causes.invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        causes.invalid(path, parts.query, "query parameters are not permitted in the URL")


def check_webhook_service(service: ServiceReference, path: str, causes: Causes) -> None:
    """It names a Service, a port, and a path of plain segments."""
    if not service.name:
        causes.required(f"{path}.name", "service name is required")
    if not service.namespace:
        causes.required(f"{path}.namespace", "service namespace is required")
    if service.port is not None:
        for error in port_number_errors(service.port):
            causes.invalid(f"{path}.port", service.port, f"port is not valid: {error}")
    url_path = service.path
    if url_path in (None, "", "/"):
        return
    if url_path == "//":
        causes.invalid(f"{path}.path", url_path, "segment[0] may not be empty")
        return
    if not url_path.startswith("/"):
        causes.invalid(f"{path}.path", url_path, "must start with a '/'")
    for index, segment in enumerate(url_path.removeprefix("/").removesuffix("/").split("/")):
        if not segment:
            causes.invalid(f"{path}.path", url_path, f"segment[{index}] may not be empty")
            continue
        for error in subdomain_name_errors(segment):
            causes.invalid(f"{path}.path", url_path, f"segment[{index}]: {error}")


def _check_review_versions(versions: Sequence[str], path: str, causes: Causes) -> None:
    known = ", ".join(REVIEW_VERSIONS)
    if not versions:
        causes.required(path, f"must specify one of {known}")
        return
    seen: set[str] = set()
    for index, version in enumerate(versions):
        if version in seen:
            causes.invalid(f"{path}[{index}]", version, "duplicate version")
            continue
        seen.add(version)
        causes.invalid(f"{path}[{index}]", version, *service_name_errors(version))
    if not seen.intersection(REVIEW_VERSIONS):
        causes.invalid(path, list(versions), f"must include at least one of {known}")


_RULES = KindRules(default=default_webhooks, check=check_webhook_configuration)

RULES: dict[type[Kind], KindRules] = {
    MutatingWebhookConfiguration: _RULES,
    ValidatingWebhookConfiguration: _RULES,
}
