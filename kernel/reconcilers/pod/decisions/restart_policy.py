"""Which restart policy holds for a container, and what its rules say of an exit code (pure).

A container's own policy goes before the Pod's, and its rules before both:
https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/5307-container-restart-policy
"""

from collections.abc import Sequence

from kernel.objects.container import ContainerRestartRule
from kernel.objects.pod import Container, Pod


def restart_policy_of(pod: Pod, container: Container) -> str:
    """Always, OnFailure or Never."""
    return container.restart_policy or pod.spec.restart_policy or "Always"


def asks_for_restart(rules: Sequence[ContainerRestartRule], exit_code: int) -> bool:
    """Whether one of the rules, of which there is but one kind, says that an end with this exit
    code leads to a restart."""
    return any(_matches(rule, exit_code) for rule in rules if rule.action == "Restart")


def may_be_restarted(pod: Pod) -> bool:
    """Whether any main container can come to a restart, by its policy or by a rule."""
    return any(
        container.restart_policy_rules or restart_policy_of(pod, container) != "Never"
        for container in pod.spec.containers
    )


def _matches(rule: ContainerRestartRule, exit_code: int) -> bool:
    if rule.exit_codes is None:
        return False
    is_named = exit_code in rule.exit_codes.values
    return is_named if rule.exit_codes.operator == "In" else not is_named
