"""The rules of the kinds that make Pods of a template (apps/v1 validation.go, and those of
ReplicationControllers and PodTemplates in core/v1's)."""

import re
from typing import Any

import msgspec

from kernel.api.causes import Causes
from kernel.api.rules.pods import check_pod
from kernel.objects.apps import (
    DaemonSet,
    Deployment,
    ReplicaSet,
    RollingUpdateDaemonSet,
    RollingUpdateDeployment,
    StatefulSet,
)
from kernel.objects.meta import LabelSelector
from kernel.objects.name_syntax import label_value_errors, qualified_name_errors
from kernel.objects.pod import Pod
from kernel.objects.pod_template import PodTemplate, PodTemplateSpec, ReplicationController
from kernel.objects.selectors import label_matcher

_IMMUTABLE = "field is immutable"
_NO_MATCH = "`selector` does not match template `labels`"
_PERCENT_RULE = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or"
    " '93%', regex used for validation is '[0-9]+%')"
)
_STATEFUL_SET_RULE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template',"
    " 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are"
    " forbidden"
)
_STATEFUL_SET_CHANGES = (
    *("replicas", "ordinals", "template", "update_strategy", "min_ready_seconds"),
    "persistent_volume_claim_retention_policy",
)


def check_template(template: PodTemplateSpec, path: str, causes: Causes) -> None:
    """A template is a Pod that is yet to be made: the rules of Pods, told at `path`."""
    for key, value in template.metadata.labels.items():
        causes.invalid(f"{path}.labels", key, *qualified_name_errors(key))
        causes.invalid(f"{path}.labels", value, *label_value_errors(value))
    for key in template.metadata.annotations:
        causes.invalid(f"{path}.annotations", key, *qualified_name_errors(key.lower()))
    if template.spec.ephemeral_containers:
        causes.forbidden(
            f"{path}.spec.ephemeralContainers",
            "ephemeral containers not allowed in pod template",
        )
    of_pod = Causes()
    check_pod(Pod(metadata=template.metadata, spec=template.spec), of_pod)
    causes.found += [
        msgspec.structs.replace(cause, field=f"{path}.{cause.field}") for cause in of_pod.found
    ]


def check_stored_template(stored: PodTemplate, causes: Causes) -> None:
    """The rules of its template."""
    check_template(stored.template, "template", causes)


def check_label_selector(selector: LabelSelector, path: str, causes: Causes) -> None:
    """Labels that there can be, and values where the operator takes them."""
    for key, value in selector.match_labels.items():
        causes.invalid(f"{path}.matchLabels", key, *qualified_name_errors(key))
        causes.invalid(f"{path}.matchLabels", value, *label_value_errors(value))
    for index, requirement in enumerate(selector.match_expressions):
        here = f"{path}.matchExpressions[{index}]"
        if requirement.operator in ("In", "NotIn"):
            if not requirement.values:
                rule = "must be specified when `operator` is 'In' or 'NotIn'"
                causes.required(f"{here}.values", rule)
        elif requirement.operator in ("Exists", "DoesNotExist"):
            if requirement.values:
                rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                causes.forbidden(f"{here}.values", rule)
        else:
            rule = "not a valid selector operator"
            causes.invalid(f"{here}.operator", requirement.operator, rule)
        causes.invalid(f"{here}.key", requirement.key, *qualified_name_errors(requirement.key))
        for value_index, value in enumerate(requirement.values):
            causes.invalid(f"{here}.values[{value_index}]", value, *label_value_errors(value))


def check_replication_controller(controller: ReplicationController, causes: Causes) -> None:
    """It selects the Pods that it makes, which never end."""
    spec = controller.spec
    causes.at_least("spec.minReadySeconds", spec.min_ready_seconds, 0)
    if not spec.selector:
        causes.required("spec.selector")
    causes.at_least("spec.replicas", spec.replicas or 0, 0)
    if spec.template is None:
        causes.required("spec.template")
        return
    labels = spec.template.metadata.labels
    if any(labels.get(key) != value for key, value in spec.selector.items()):
        causes.invalid("spec.template.metadata.labels", labels, _NO_MATCH)
    _check_lasting_template(spec.template, "ReplicationController", causes)


def check_deployment(deployment: Deployment, causes: Causes) -> None:
    """It selects the Pods that it makes, and its strategy lets them be replaced."""
    spec = deployment.spec
    causes.at_least("spec.replicas", spec.replicas or 0, 0)
    _check_selector(spec.selector, spec.template, "deployment", causes)
    _check_lasting_template(spec.template, "ReplicaSet", causes)
    _check_strategy(deployment, causes)
    causes.at_least("spec.minReadySeconds", spec.min_ready_seconds, 0)
    if spec.revision_history_limit is not None:
        causes.at_least("spec.revisionHistoryLimit", spec.revision_history_limit, 0)
    deadline_seconds = spec.progress_deadline_seconds
    if deadline_seconds is not None:
        path = "spec.progressDeadlineSeconds"
        causes.at_least(path, deadline_seconds, 0)
        if deadline_seconds <= spec.min_ready_seconds:
            causes.invalid(path, deadline_seconds, "must be greater than minReadySeconds")


def check_replica_set(replica_set: ReplicaSet, causes: Causes) -> None:
    """It selects the Pods that it makes, which never end."""
    spec = replica_set.spec
    causes.at_least("spec.replicas", spec.replicas or 0, 0)
    causes.at_least("spec.minReadySeconds", spec.min_ready_seconds, 0)
    _check_selector(spec.selector, spec.template, "replicaset", causes)
    _check_lasting_template(spec.template, "ReplicaSet", causes)


def check_stateful_set(stateful_set: StatefulSet, causes: Causes) -> None:
    """It selects the Pods that it makes; the words of its policies are known."""
    spec = stateful_set.spec
    policies = ("OrderedReady", "Parallel")
    if spec.pod_management_policy not in policies:
        path = "spec.podManagementPolicy"
        rule = f"must be '{policies[0]}' or '{policies[1]}'"
        causes.invalid(path, spec.pod_management_policy, rule)
    strategy = spec.update_strategy
    if strategy.type not in ("RollingUpdate", "OnDelete"):
        rule = "must be 'RollingUpdate' or 'OnDelete'"
        causes.invalid("spec.updateStrategy", strategy.type, rule)
    elif strategy.rolling_update is not None:
        path = "spec.updateStrategy.rollingUpdate"
        if strategy.type == "OnDelete":
            rule = "only allowed for updateStrategy 'RollingUpdate'"
            causes.invalid(path, strategy.rolling_update, rule)
        causes.at_least(f"{path}.partition", strategy.rolling_update.partition or 0, 0)
    retention = spec.persistent_volume_claim_retention_policy
    if retention is not None:
        path = "spec.persistentVolumeClaimRetentionPolicy"
        words = ("Delete", "Retain")
        causes.one_of(f"{path}.whenDeleted", retention.when_deleted, words)
        causes.one_of(f"{path}.whenScaled", retention.when_scaled, words)
    causes.at_least("spec.replicas", spec.replicas or 0, 0)
    causes.at_least("spec.minReadySeconds", spec.min_ready_seconds, 0)
    if spec.ordinals is not None:
        causes.at_least("spec.ordinals.start", spec.ordinals.start, 0)
    _check_selector(spec.selector, spec.template, "statefulset", causes)
    _check_lasting_template(spec.template, "StatefulSet", causes)


def check_daemon_set(daemon_set: DaemonSet, causes: Causes) -> None:
    """It selects the Pods that it makes, and its strategy lets them be replaced."""
    spec = daemon_set.spec
    _check_selector(spec.selector, spec.template, "daemonset", causes)
    _check_lasting_template(spec.template, "DaemonSet", causes)
    causes.at_least("spec.minReadySeconds", spec.min_ready_seconds, 0)
    if spec.revision_history_limit is not None:
        causes.at_least("spec.revisionHistoryLimit", spec.revision_history_limit, 0)
    strategy, path = spec.update_strategy, "spec.updateStrategy"
    if strategy.type not in ("RollingUpdate", "OnDelete"):
        causes.unsupported(f"{path}.type", strategy.type, ("OnDelete", "RollingUpdate"))
    elif strategy.type == "RollingUpdate" and strategy.rolling_update is not None:
        path = f"{path}.rollingUpdate"
        _check_parts(strategy.rolling_update, path, causes)
        both = strategy.rolling_update.max_unavailable, strategy.rolling_update.max_surge
        if _is_zero(both[0]) and _is_zero(both[1]):
            rule = "cannot be 0 when maxSurge is 0"
            causes.invalid(f"{path}.maxUnavailable", both[0], rule)
        if not _is_zero(both[0]) and not _is_zero(both[1]):
            rule = "may not be set when maxUnavailable is non-zero"
            causes.invalid(f"{path}.maxSurge", both[1], rule)


def check_selector_update(new: Any, old: Any, causes: Causes) -> None:
    """What an object selects stays."""
    if new.spec.selector != old.spec.selector:
        causes.invalid("spec.selector", new.spec.selector, _IMMUTABLE)


def check_stateful_set_update(new: StatefulSet, old: StatefulSet, causes: Causes) -> None:
    """Most of a StatefulSet stays."""
    kept = {name: getattr(old.spec, name) for name in _STATEFUL_SET_CHANGES}
    if msgspec.structs.replace(new.spec, **kept) != old.spec:
        causes.forbidden("spec", _STATEFUL_SET_RULE)


def _check_selector(
    selector: LabelSelector | None, template: PodTemplateSpec, noun: str, causes: Causes
) -> None:
    """A selector that is there, says something, and matches the Pods of the template."""
    if selector is None:
        causes.required("spec.selector")
        return
    found_before = len(causes.found)
    check_label_selector(selector, "spec.selector", causes)
    if not selector.match_labels and not selector.match_expressions:
        causes.invalid("spec.selector", selector, f"empty selector is invalid for {noun}")
    elif len(causes.found) == found_before:
        labels = template.metadata.labels
        if not label_matcher(selector).matches(labels):
            causes.invalid("spec.template.metadata.labels", labels, _NO_MATCH)


def _check_lasting_template(template: PodTemplateSpec, kind: str, causes: Causes) -> None:
    """A template of Pods that are not to end."""
    path = "spec.template"
    check_template(template, path, causes)
    if template.spec.restart_policy in ("OnFailure", "Never"):
        restart_policy = template.spec.restart_policy
        causes.unsupported(f"{path}.spec.restartPolicy", restart_policy, ("Always",))
    if template.spec.active_deadline_seconds is not None:
        rule = f"activeDeadlineSeconds in {kind} is not Supported"
        causes.forbidden(f"{path}.spec.activeDeadlineSeconds", rule)


def _check_strategy(deployment: Deployment, causes: Causes) -> None:
    strategy = deployment.spec.strategy
    rolling, path = strategy.rolling_update, "spec.strategy.rollingUpdate"
    if strategy.type == "Recreate":
        if rolling is not None:
            rule = "may not be specified when strategy `type` is 'Recreate'"
            causes.forbidden(path, rule)
    elif strategy.type != "RollingUpdate":
        causes.unsupported("spec.strategy.type", strategy.type, ("Recreate", "RollingUpdate"))
    elif rolling is not None:
        _check_parts(rolling, path, causes)
        if _is_zero(rolling.max_unavailable) and _is_zero(rolling.max_surge):
            rule = "may not be 0 when `maxSurge` is 0"
            causes.invalid(f"{path}.maxUnavailable", rolling.max_unavailable, rule)


def _check_parts(
    rolling: RollingUpdateDeployment | RollingUpdateDaemonSet, path: str, causes: Causes
) -> None:
    """Numbers that are not negative, or percentages, at most 100 % of what may be missing."""
    for name, value in (
        ("maxUnavailable", rolling.max_unavailable),
        ("maxSurge", rolling.max_surge),
    ):
        check_part(f"{path}.{name}", value, causes, is_bounded=name == "maxUnavailable")


def check_part(path: str, value: int | str | None, causes: Causes, *, is_bounded: bool) -> None:
    """A number that is not negative, or a percentage; a bounded one is 100 % at most."""
    if isinstance(value, int):
        causes.at_least(path, value, 0)
    elif value is not None and not re.fullmatch("[0-9]+%", value):
        causes.invalid(path, value, _PERCENT_RULE)
    elif value is not None and is_bounded and int(value[:-1]) > 100:
        causes.invalid(path, value, "must not be greater than 100%")


def _is_zero(value: int | str | None) -> bool:
    return value in (None, 0) or (isinstance(value, str) and value.strip("0") == "%")
