"""The rules of Pods (core/v1 validation.go): the Pod as a whole, and what an update may change."""

import ipaddress
from collections.abc import Sequence

import msgspec

from kernel.api.causes import Causes
from kernel.api.context import current_request
from kernel.api.rules.containers import check_container, check_hooks, check_resources
from kernel.api.rules.core import TAINT_EFFECTS, check_quantity
from kernel.api.rules.placement import check_placement
from kernel.api.rules.security import check_pod_security
from kernel.api.rules.volumes import check_volumes
from kernel.objects.container import Container, EphemeralContainer
from kernel.objects.name_syntax import (
    label_name_errors,
    label_value_errors,
    qualified_name_errors,
    subdomain_name_errors,
)
from kernel.objects.pod import Pod, PodSpec, Toleration
from kernel.objects.runtime_class import RuntimeClass
from kernel.objects.runtime_identity import CONFIG_HASH
from kernel.objects.volume import Volume

ACTIVE_DEADLINE_SECONDS_MAX = 2**31 - 1

MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a mirror Pod, the API's picture of a static one."""

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_RESIZE_RESTARTS = ("NotRequired", "RestartContainer")
_RESTART_RULES_MAX = 20
_EXIT_CODES_MAX = 255
_INIT_ONLY = "may not be set for init containers without restartPolicy=Always"
_EPHEMERAL_FORBIDDEN = "cannot be set for an Ephemeral Container"
_DEADLINE_RULE = f"must be between 1 and {ACTIVE_DEADLINE_SECONDS_MAX}, inclusive"

UPDATE_RULE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only"
    " additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be"
    " set to 1 if it was previously negative)"
)


def check_pod(pod: Pod, causes: Causes) -> None:
    """The rules that a Pod keeps all its life."""
    spec = pod.spec
    check_volumes(spec.volumes, "spec.volumes", causes)
    volumes = {volume.name: volume for volume in spec.volumes}
    _check_containers(spec, volumes, causes)
    _check_init_containers(spec, volumes, causes)
    _check_ephemeral_containers(spec, volumes, causes)
    causes.one_of("spec.restartPolicy", spec.restart_policy, _RESTART_POLICIES)
    causes.one_of("spec.dnsPolicy", spec.dns_policy, _DNS_POLICIES)
    _check_dns(spec, causes)
    _check_network(spec, causes)
    _check_names(spec, causes)
    _check_durations(spec, causes)
    check_tolerations(spec.tolerations, "spec.tolerations", causes)
    check_placement(spec, causes)
    _check_resize_policies(spec, causes)
    check_pod_security(spec, causes)
    if spec.os is not None:
        causes.one_of("spec.os.name", spec.os.name, ("linux", "windows"))
    if spec.resources is not None:
        check_resources(spec.resources, "spec.resources", causes)


def _check_containers(spec: PodSpec, volumes: dict[str, Volume], causes: Causes) -> None:
    if not spec.containers:
        causes.required("spec.containers")
    names: set[str] = set()
    for index, container in enumerate(spec.containers):
        path = f"spec.containers[{index}]"
        check_container(container, volumes, path, causes)
        check_hooks(container, spec.termination_grace_period_seconds, path, causes)
        if container.name in names:
            causes.duplicate(f"{path}.name", container.name)
        names.add(container.name)
        _check_restarts(container, path, causes)
    _check_host_ports(spec.containers, "spec.containers", causes)


def _check_init_containers(spec: PodSpec, volumes: dict[str, Volume], causes: Causes) -> None:
    names = {container.name for container in spec.containers}
    for index, container in enumerate(spec.init_containers):
        path = f"spec.initContainers[{index}]"
        check_container(container, volumes, path, causes)
        if container.name in names:
            causes.duplicate(f"{path}.name", container.name)
        names.add(container.name)
        _check_host_ports([container], "spec.initContainers", causes)
        _check_restarts(container, path, causes)
        if container.restart_policy == "Always":
            check_hooks(container, spec.termination_grace_period_seconds, path, causes)
            continue
        for name, hook in (
            ("lifecycle", container.lifecycle),
            ("livenessProbe", container.liveness_probe),
            ("readinessProbe", container.readiness_probe),
            ("startupProbe", container.startup_probe),
        ):
            if hook is not None:
                causes.forbidden(f"{path}.{name}", _INIT_ONLY)


def _check_restarts(container: Container, path: str, causes: Causes) -> None:
    """A container's own restart policy, and its rules (KEP-5307)."""
    policy, rules = container.restart_policy, container.restart_policy_rules
    if policy is not None and policy not in _RESTART_POLICIES:
        causes.unsupported(f"{path}.restartPolicy", policy, sorted(_RESTART_POLICIES))
    elif policy is None and rules:
        detail = "must specify restartPolicy when restart rules are used"
        causes.required(f"{path}.restartPolicy", detail)
    if len(rules) > _RESTART_RULES_MAX:
        causes.too_many(f"{path}.restartPolicyRules", len(rules), _RESTART_RULES_MAX)
    for index, rule in enumerate(rules):
        rule_path = f"{path}.restartPolicyRules[{index}]"
        if rule.action != "Restart":
            causes.unsupported(f"{rule_path}.action", rule.action, ("Restart",))
        if rule.exit_codes is None:
            causes.required(f"{rule_path}.exitCodes", "must be specified")
            continue
        codes = rule.exit_codes
        if codes.operator not in ("In", "NotIn"):
            operator_path = f"{rule_path}.exitCodes.operator"
            causes.unsupported(operator_path, codes.operator, ("In", "NotIn"))
        if len(codes.values) > _EXIT_CODES_MAX:
            causes.too_many(f"{rule_path}.exitCodes.values", len(codes.values), _EXIT_CODES_MAX)


def _check_ephemeral_containers(spec: PodSpec, volumes: dict[str, Volume], causes: Causes) -> None:
    others = {container.name for container in (*spec.containers, *spec.init_containers)}
    names = set(others)
    for index, container in enumerate(spec.ephemeral_containers):
        path = f"spec.ephemeralContainers[{index}]"
        check_container(container, volumes, path, causes)
        if container.name in names:
            causes.duplicate(f"{path}.name", container.name)
        names.add(container.name)
        target = container.target_container_name
        if target and target not in others:
            causes.not_found(f"{path}.targetContainerName", target)
        _check_ephemeral_fields(container, path, causes)


def _check_ephemeral_fields(container: EphemeralContainer, path: str, causes: Causes) -> None:
    resources = container.resources
    for name, is_set in (
        ("ports", container.ports),
        ("resources", resources.limits or resources.requests or resources.claims),
        ("lifecycle", container.lifecycle),
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
        ("restartPolicy", container.restart_policy),
        ("restartPolicyRules", container.restart_policy_rules),
    ):
        if is_set:
            causes.forbidden(f"{path}.{name}", _EPHEMERAL_FORBIDDEN)
    for index, mount in enumerate(container.volume_mounts):
        if mount.sub_path:
            causes.forbidden(f"{path}.volumeMounts[{index}].subPath", _EPHEMERAL_FORBIDDEN)


def _check_resize_policies(spec: PodSpec, causes: Causes) -> None:
    for index, container in enumerate(spec.containers):
        names: set[str] = set()
        for policy_index, policy in enumerate(container.resize_policy):
            path = f"spec.containers[{index}].resizePolicy[{policy_index}]"
            if policy.resource_name in names:
                causes.duplicate(path, policy.resource_name)
            names.add(policy.resource_name)
            causes.one_of(f"{path}.resourceName", policy.resource_name, ("cpu", "memory"))
            causes.one_of(f"{path}.restartPolicy", policy.restart_policy, _RESIZE_RESTARTS)
            if policy.restart_policy == "RestartContainer" and spec.restart_policy == "Never":
                words = "must be 'NotRequired' when `restartPolicy` is 'Never'"
                causes.invalid(f"{path}.restartPolicy", policy.restart_policy, words)


def _check_host_ports(containers: Sequence[Container], path: str, causes: Causes) -> None:
    taken: set[str] = set()
    for container_index, container in enumerate(containers):
        for port_index, port in enumerate(container.ports):
            if not port.host_port:
                continue
            address = f"{port.protocol}/{port.host_ip}/{port.host_port}"
            if address in taken:
                here = f"{path}[{container_index}].ports[{port_index}].hostPort"
                causes.duplicate(here, address)
            taken.add(address)


def _check_dns(spec: PodSpec, causes: Causes) -> None:
    config = spec.dns_config
    if spec.dns_policy == "None":
        if config is None:
            rule = "must provide `dnsConfig` when `dnsPolicy` is None"
            causes.required("spec.dnsConfig", rule)
        elif not config.nameservers:
            rule = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            causes.required("spec.dnsConfig.nameservers", rule)
    if config is None:
        return
    path = "spec.dnsConfig.nameservers"
    if len(config.nameservers) > 3:
        causes.invalid(path, config.nameservers, "must not have more than 3 nameservers")
    for index, nameserver in enumerate(config.nameservers):
        _check_address(nameserver, f"{path}[{index}]", causes)
    for index, option in enumerate(config.options):
        if not option.name:
            causes.required(f"spec.dnsConfig.options[{index}]", "must not be empty")


def _check_address(text: str, path: str, causes: Causes) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        rule = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        causes.invalid(path, text, rule)


def _check_network(spec: PodSpec, causes: Causes) -> None:
    for index, alias in enumerate(spec.host_aliases):
        path = f"spec.hostAliases[{index}]"
        _check_address(alias.ip, f"{path}.ip", causes)
        for name_index, name in enumerate(alias.hostnames):
            causes.invalid(f"{path}.hostnames[{name_index}]", name, *subdomain_name_errors(name))
    if not spec.host_network:
        return
    for container_index, container in enumerate(spec.containers):
        for port_index, port in enumerate(container.ports):
            if port.host_port != port.container_port:
                causes.invalid(
                    f"spec.containers[{container_index}].ports[{port_index}].hostPort",
                    port.host_port,
                    "must match `containerPort` when `hostNetwork` is true",
                )


def _check_names(spec: PodSpec, causes: Causes) -> None:
    for path, name, errors in (
        ("spec.serviceAccountName", spec.service_account_name, subdomain_name_errors),
        ("spec.nodeName", spec.node_name, subdomain_name_errors),
        ("spec.hostname", spec.hostname, label_name_errors),
        ("spec.subdomain", spec.subdomain, label_name_errors),
        ("spec.runtimeClassName", spec.runtime_class_name, subdomain_name_errors),
    ):
        if name:
            causes.invalid(path, name, *errors(name))
    for key, value in spec.node_selector.items():
        causes.invalid("spec.nodeSelector", key, *qualified_name_errors(key))
        causes.invalid("spec.nodeSelector", value, *label_value_errors(value))
    for index, gate in enumerate(spec.readiness_gates):
        path = f"spec.readinessGates[{index}].conditionType"
        causes.invalid(path, gate.condition_type, *qualified_name_errors(gate.condition_type))


def _check_durations(spec: PodSpec, causes: Causes) -> None:
    deadline_seconds = spec.active_deadline_seconds
    if deadline_seconds is not None and not 1 <= deadline_seconds <= ACTIVE_DEADLINE_SECONDS_MAX:
        causes.invalid("spec.activeDeadlineSeconds", deadline_seconds, _DEADLINE_RULE)


def check_tolerations(tolerations: Sequence[Toleration], path: str, causes: Causes) -> None:
    """Each toleration says what it tolerates, and nothing that contradicts itself."""
    for index, toleration in enumerate(tolerations):
        here = f"{path}[{index}]"
        if toleration.key:
            causes.invalid(f"{here}.key", toleration.key, *qualified_name_errors(toleration.key))
        elif toleration.operator != "Exists":
            rule = (
                "operator must be Exists when `key` is empty, which means"
                ' "match all values and all keys"'
            )
            causes.invalid(f"{here}.operator", toleration.operator, rule)
        if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
            rule = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            causes.invalid(f"{here}.effect", toleration.effect, rule)
        if toleration.operator in ("", "Equal"):
            errors = label_value_errors(toleration.value)
            causes.invalid(f"{here}.operator", toleration.value, *errors)
        elif toleration.operator != "Exists":
            causes.unsupported(f"{here}.operator", toleration.operator, ("Equal", "Exists"))
        elif toleration.value:
            rule = "value must be empty when `operator` is 'Exists'"
            causes.invalid(f"{here}.operator", toleration.value, rule)
        if toleration.effect:
            causes.one_of(f"{here}.effect", toleration.effect, TAINT_EFFECTS)


def check_runtime_class(runtime_class: RuntimeClass, causes: Causes) -> None:
    """The handler is a label; what is said of Pods is what Pods may say."""
    handler = runtime_class.handler
    causes.invalid("handler", handler, *label_name_errors(handler))
    if runtime_class.scheduling is not None:
        scheduling = runtime_class.scheduling
        for key, value in scheduling.node_selector.items():
            causes.invalid("scheduling.nodeSelector", key, *qualified_name_errors(key))
            causes.invalid("scheduling.nodeSelector", value, *label_value_errors(value))
        check_tolerations(scheduling.tolerations, "scheduling.tolerations", causes)
    if runtime_class.overhead is not None:
        for name, amount in runtime_class.overhead.pod_fixed.items():
            check_quantity(amount, f"overhead.podFixed[{name}]", causes)


def check_runtime_class_update(new: RuntimeClass, old: RuntimeClass, causes: Causes) -> None:
    """The handler stays."""
    if new.handler != old.handler:
        causes.invalid("handler", new.handler, "field is immutable")


def _check_config_hash(new: Pod, old: Pod | None, causes: Causes) -> None:
    """The node agent takes it for the uid of what it runs and of its directories: a client that
    could choose it would choose the containers of another Pod, or any path."""
    present = "" if old is None else old.metadata.annotations.get(CONFIG_HASH, "")
    wanted = new.metadata.annotations.get(CONFIG_HASH, "")
    if current_request() is not None and wanted != present:
        causes.forbidden(
            f"metadata.annotations[{CONFIG_HASH}]", "is set by the node for static Pods alone"
        )


def check_new_pod(pod: Pod, causes: Causes) -> None:
    """What a Pod may not begin with."""
    _check_config_hash(pod, None, causes)
    if pod.spec.ephemeral_containers:
        causes.forbidden("spec.ephemeralContainers", "cannot be set on create")


def check_ephemeral_containers_update(new: Pod, old: Pod, causes: Causes) -> None:
    """Ephemeral containers may be added: nothing may happen to those that are there."""
    path = "spec.ephemeralContainers"
    if MIRROR in old.metadata.annotations:
        causes.forbidden(path, "static pods do not support ephemeral containers")
        return
    present = {container.name: container for container in new.spec.ephemeral_containers}
    for container in old.spec.ephemeral_containers:
        if container.name not in present:
            words = f'existing ephemeral containers "{container.name}" may not be removed'
            causes.forbidden(path, words)
        elif present[container.name] != container:
            words = f'existing ephemeral containers "{container.name}" may not be changed'
            causes.forbidden(path, words)


def check_pod_update(new: Pod, old: Pod, causes: Causes) -> None:
    """Of a Pod's spec, an update may change images, and few other things in few ways."""
    _check_config_hash(new, old, causes)
    if new.spec == old.spec:
        return
    for path, new_containers, old_containers in (
        ("spec.containers", new.spec.containers, old.spec.containers),
        ("spec.initContainers", new.spec.init_containers, old.spec.init_containers),
    ):
        if len(new_containers) != len(old_containers):
            causes.forbidden(path, "pod updates may not add or remove containers")
            return
    _check_deadline_update(new.spec, old.spec, causes)
    _check_toleration_update(new.spec.tolerations, old.spec.tolerations, causes)
    if not _same_but_for_allowed(new.spec, old.spec):
        causes.forbidden("spec", UPDATE_RULE)


def _check_deadline_update(new: PodSpec, old: PodSpec, causes: Causes) -> None:
    path = "spec.activeDeadlineSeconds"
    if old.active_deadline_seconds is None:
        return
    if new.active_deadline_seconds is None:
        causes.invalid(path, None, "must not update from a positive integer to nil value")
    elif new.active_deadline_seconds > old.active_deadline_seconds:
        rule = "must be less than or equal to previous value"
        causes.invalid(path, new.active_deadline_seconds, rule)


def _check_toleration_update(
    new: Sequence[Toleration], old: Sequence[Toleration], causes: Causes
) -> None:
    kept = {_without_seconds(toleration) for toleration in new}
    if not kept.issuperset(_without_seconds(toleration) for toleration in old):
        causes.forbidden(
            "spec.tolerations",
            "existing toleration can not be modified except its tolerationSeconds",
        )


def _without_seconds(toleration: Toleration) -> tuple[str, ...]:
    return toleration.key, toleration.operator, toleration.value, toleration.effect


def _same_but_for_allowed(new: PodSpec, old: PodSpec) -> bool:
    """Whether the two are equal once everything that may change is taken over from `old`."""
    grace_seconds = new.termination_grace_period_seconds
    if grace_seconds == 1 and (old.termination_grace_period_seconds or 0) < 0:
        grace_seconds = old.termination_grace_period_seconds
    normal = msgspec.structs.replace(
        new,
        containers=_with_images_of(new.containers, old.containers),
        init_containers=_with_images_of(new.init_containers, old.init_containers),
        active_deadline_seconds=old.active_deadline_seconds,
        tolerations=old.tolerations,
        termination_grace_period_seconds=grace_seconds,
    )
    # Scheduling gates may be taken away, never added.
    return normal in (old, _with_gates_removed(old, new))


def _with_gates_removed(old: PodSpec, new: PodSpec) -> PodSpec:
    kept = {gate.name for gate in new.scheduling_gates}
    gates = [gate for gate in old.scheduling_gates if gate.name in kept]
    return msgspec.structs.replace(old, scheduling_gates=gates)


def _with_images_of(
    containers: Sequence[Container], others: Sequence[Container]
) -> list[Container]:
    return [
        msgspec.structs.replace(container, image=other.image)
        for container, other in zip(containers, others, strict=True)
    ]
