"""The rules of PriorityClasses (scheduling/v1 defaults.go and validation.go)."""

from kernel.api.causes import Causes
from kernel.api.rules.by_kind import KindRules
from kernel.objects.priority_class import SYSTEM_CLASSES, SYSTEM_PREFIX, PriorityClass

VALUE_MAX = 1_000_000_000
_POLICIES = ("Never", "PreemptLowerPriority")


def _default(priority_class: PriorityClass) -> None:
    if priority_class.preemption_policy is None:
        priority_class.preemption_policy = "PreemptLowerPriority"


def _check(priority_class: PriorityClass, causes: Causes) -> None:
    name = priority_class.metadata.name
    if name.startswith(SYSTEM_PREFIX):
        difference = _difference_from_system(priority_class)
        if difference:
            causes.forbidden(
                "metadata.name",
                f"priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use"
                f" only. error: {difference}",
            )
    elif priority_class.value > VALUE_MAX:
        rule = f"maximum allowed value of a user defined priority is {VALUE_MAX}"
        causes.forbidden("value", rule)
    policy = priority_class.preemption_policy
    if policy not in _POLICIES:
        causes.unsupported("preemptionPolicy", policy, _POLICIES)


def _difference_from_system(priority_class: PriorityClass) -> str:
    """In what a class differs from the system's class of its name."""
    name = priority_class.metadata.name
    if name not in SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    value, _ = SYSTEM_CLASSES[name]
    if priority_class.value != value:
        return f"value of {name} PriorityClass must be {value}"
    if priority_class.global_default:
        return f"globalDefault of {name} PriorityClass must be false"
    return ""


def _check_update(new: PriorityClass, old: PriorityClass, causes: Causes) -> None:
    if new.value != old.value:
        causes.forbidden("value", "may not be changed in an update.")
    if new.preemption_policy != old.preemption_policy:
        causes.invalid("preemptionPolicy", new.preemption_policy, "field is immutable")


RULES = {PriorityClass: KindRules(_default, _check, _check_update)}
