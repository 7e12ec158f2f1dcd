"""The rules of HorizontalPodAutoscalers (autoscaling/v2 defaults.go and validation.go)."""

from kernel.api.causes import Causes
from kernel.api.rules.by_kind import KindRules
from kernel.objects.autoscaling import (
    CrossVersionObjectReference,
    HorizontalPodAutoscaler,
    HPAScalingPolicy,
    HPAScalingRules,
    MetricIdentifier,
    MetricSpec,
    MetricTarget,
    ResourceMetricSource,
)
from kernel.objects.name_syntax import path_segment_errors
from kernel.objects.quantity import QuantityError, parse_quantity

CPU_UTILIZATION_DEFAULT = 80
STABILIZATION_SECONDS_MAX = 3600
PERIOD_SECONDS_MAX = 1800

_METRIC_FIELDS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_SELECT_POLICIES = ("Disabled", "Max", "Min")
_POLICY_TYPES = ("Percent", "Pods")


def _default(autoscaler: HorizontalPodAutoscaler) -> None:
    spec = autoscaler.spec
    if spec.min_replicas is None:
        spec.min_replicas = 1
    if not spec.metrics:
        target = MetricTarget(type="Utilization", average_utilization=CPU_UTILIZATION_DEFAULT)
        resource = ResourceMetricSource(name="cpu", target=target)
        spec.metrics = [MetricSpec(type="Resource", resource=resource)]
    if spec.behavior is not None:
        up = [
            HPAScalingPolicy(type="Pods", value=4, period_seconds=15),
            HPAScalingPolicy(type="Percent", value=100, period_seconds=15),
        ]
        spec.behavior.scale_up = _completed(spec.behavior.scale_up, up, 0)
        spec.behavior.scale_down = _completed(spec.behavior.scale_down, up[1:], None)


def _completed(
    rules: HPAScalingRules | None, policies: list[HPAScalingPolicy], window_seconds: int | None
) -> HPAScalingRules:
    rules = rules or HPAScalingRules()
    rules.select_policy = rules.select_policy or "Max"
    rules.policies = rules.policies or policies
    if rules.stabilization_window_seconds is None:
        rules.stabilization_window_seconds = window_seconds
    return rules


def _check(autoscaler: HorizontalPodAutoscaler, causes: Causes) -> None:
    spec = autoscaler.spec
    least = spec.min_replicas
    if least is not None:
        causes.at_least("spec.minReplicas", least, 1)
    if spec.max_replicas < 1:
        causes.invalid("spec.maxReplicas", spec.max_replicas, "must be greater than 0")
    if least is not None and spec.max_replicas < least:
        rule = "must be greater than or equal to `minReplicas`"
        causes.invalid("spec.maxReplicas", spec.max_replicas, rule)
    _check_reference(spec.scale_target_ref, "spec.scaleTargetRef", causes)
    for index, metric in enumerate(spec.metrics):
        _check_metric(metric, f"spec.metrics[{index}]", causes)
    if spec.behavior is not None:
        for name, rules in (
            ("scaleUp", spec.behavior.scale_up),
            ("scaleDown", spec.behavior.scale_down),
        ):
            if rules is not None:
                _check_rules(rules, f"spec.behavior.{name}", causes)


def _check_reference(reference: CrossVersionObjectReference, path: str, causes: Causes) -> None:
    for field, text in (("kind", reference.kind), ("name", reference.name)):
        if text:
            causes.invalid(f"{path}.{field}", text, *path_segment_errors(text))
        else:
            causes.required(f"{path}.{field}")


def _check_metric(metric: MetricSpec, path: str, causes: Causes) -> None:
    if not metric.type:
        causes.required(f"{path}.type", "must specify a metric source type")
    if metric.type not in _METRIC_FIELDS:
        causes.unsupported(f"{path}.type", metric.type, sorted(_METRIC_FIELDS))
    expected = _METRIC_FIELDS.get(metric.type, metric.type.lower())
    sources = {
        "object": metric.object,
        "pods": metric.pods,
        "resource": metric.resource,
        "containerResource": metric.container_resource,
        "external": metric.external,
    }
    present = [name for name, source in sources.items() if source is not None]
    if expected not in present:
        rule = "must populate information for the given metric source"
        causes.required(f"{path}.{expected}", rule)
    for name in present:
        if name != expected:
            causes.forbidden(f"{path}.{name}", "must populate the given metric source only")
    _check_source(metric, path, causes)


def _check_source(metric: MetricSpec, path: str, causes: Causes) -> None:
    if metric.object is not None:
        _check_reference(metric.object.described_object, f"{path}.object.describedObject", causes)
        _check_identifier(metric.object.metric, f"{path}.object.metric", causes)
        _check_target(metric.object.target, f"{path}.object.target", causes)
    if metric.pods is not None:
        _check_identifier(metric.pods.metric, f"{path}.pods.metric", causes)
        _check_target(metric.pods.target, f"{path}.pods.target", causes)
    if metric.external is not None:
        _check_identifier(metric.external.metric, f"{path}.external.metric", causes)
        _check_target(metric.external.target, f"{path}.external.target", causes)
    for name, source in (
        ("resource", metric.resource),
        ("containerResource", metric.container_resource),
    ):
        if source is not None:
            if not source.name:
                causes.required(f"{path}.{name}.name", "must specify a resource name")
            _check_target(source.target, f"{path}.{name}.target", causes)
            _check_resource_target(source.target, f"{path}.{name}.target", causes)
    if metric.container_resource is not None and not metric.container_resource.container:
        causes.required(f"{path}.containerResource.container", "must specify a container")


def _check_identifier(metric: MetricIdentifier, path: str, causes: Causes) -> None:
    if metric.name:
        causes.invalid(f"{path}.name", metric.name, *path_segment_errors(metric.name))
    else:
        causes.required(f"{path}.name", "must specify a metric name")


def _check_target(target: MetricTarget, path: str, causes: Causes) -> None:
    if not target.type:
        causes.required(f"{path}.type", "must specify a metric target type")
    elif target.type not in ("Utilization", "Value", "AverageValue"):
        rule = "must be either Utilization, Value, or AverageValue"
        causes.invalid(f"{path}.type", target.type, rule)
    for name, amount in (("value", target.value), ("averageValue", target.average_value)):
        if amount is not None and not _is_positive(amount):
            causes.invalid(f"{path}.{name}", amount, "must be positive")
    utilization = target.average_utilization
    if utilization is not None and utilization < 1:
        causes.invalid(f"{path}.averageUtilization", utilization, "must be greater than 0")


def _check_resource_target(target: MetricTarget, path: str, causes: Causes) -> None:
    if target.average_utilization is None and target.average_value is None:
        rule = "must set either a target raw value or a target utilization"
        causes.required(f"{path}.averageUtilization", rule)
    elif target.average_utilization is not None and target.average_value is not None:
        rule = "may not set both a target raw value and a target utilization"
        causes.forbidden(f"{path}.averageValue", rule)


def _is_positive(amount: str) -> bool:
    try:
        return parse_quantity(amount) > 0
    except QuantityError:
        return False


def _check_rules(rules: HPAScalingRules, path: str, causes: Causes) -> None:
    window_seconds = rules.stabilization_window_seconds
    if window_seconds is not None:
        here = f"{path}.stabilizationWindowSeconds"
        if window_seconds < 0:
            causes.invalid(here, window_seconds, "must be greater than or equal to zero")
        if window_seconds > STABILIZATION_SECONDS_MAX:
            rule = f"must be less than or equal to {STABILIZATION_SECONDS_MAX}"
            causes.invalid(here, window_seconds, rule)
    if rules.select_policy not in _SELECT_POLICIES:
        causes.unsupported(f"{path}.selectPolicy", rules.select_policy, _SELECT_POLICIES)
    if not rules.policies:
        causes.required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules.policies):
        _check_policy(policy, f"{path}.policies[{index}]", causes)


def _check_policy(policy: HPAScalingPolicy, path: str, causes: Causes) -> None:
    if policy.type not in _POLICY_TYPES:
        causes.unsupported(f"{path}.type", policy.type, _POLICY_TYPES)
    if policy.value <= 0:
        causes.invalid(f"{path}.value", policy.value, "must be greater than zero")
    if policy.period_seconds <= 0:
        causes.invalid(f"{path}.periodSeconds", policy.period_seconds, "must be greater than zero")
    if policy.period_seconds > PERIOD_SECONDS_MAX:
        rule = f"must be less than or equal to {PERIOD_SECONDS_MAX}"
        causes.invalid(f"{path}.periodSeconds", policy.period_seconds, rule)


RULES = {HorizontalPodAutoscaler: KindRules(_default, _check)}
