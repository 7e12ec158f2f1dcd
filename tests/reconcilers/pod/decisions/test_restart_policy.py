import pytest

from kernel.objects.container import ContainerRestartRule, ContainerRestartRuleOnExitCodes
from kernel.reconcilers.pod.decisions.init_order import InitStep, init_step
from kernel.reconcilers.pod.decisions.plan import Plan, plan_pod
from kernel.reconcilers.pod.decisions.restart import StartNow
from kernel.reconcilers.pod.decisions.restart_policy import asks_for_restart
from tests.reconcilers.pod.made_up import exited, observe, running, sandbox, seconds
from tests.reconcilers.pod.node_under_test import container, make_pod


def rule(operator: str, *values: int) -> ContainerRestartRule:
    codes = ContainerRestartRuleOnExitCodes(operator=operator, values=list(values))
    return ContainerRestartRule(action="Restart", exit_codes=codes)


@pytest.mark.parametrize(
    ("rules", "codes"),
    [
        ([], ()),
        ([rule("In")], ()),
        ([rule("NotIn")], (0, 1, 42, 137)),
        ([rule("In", 42, 137)], (42, 137)),
        ([rule("NotIn", 42)], (0, 1, 137)),
        ([rule("In", 1), rule("In", 42)], (1, 42)),
        ([ContainerRestartRule(action="Restart")], ()),
    ],
)
def test_what_rules_match(rules: list[ContainerRestartRule], codes: tuple[int, ...]) -> None:
    assert tuple(code for code in (0, 1, 42, 137) if asks_for_restart(rules, code)) == codes


@pytest.mark.parametrize(
    ("pod_policy", "own_policy", "code", "restarts"),
    [
        ("Never", None, 42, False),
        ("Never", "OnFailure", 1, True),
        ("Never", "OnFailure", 0, False),
        ("Never", "Always", 0, True),
        ("Always", "Never", 1, False),
        ("Always", "OnFailure", 0, False),
    ],
)
def test_a_container_s_own_policy_goes_before_the_pod_s(
    pod_policy: str, own_policy: str | None, code: int, restarts: bool
) -> None:
    pod = make_pod(container(restart_policy=own_policy), restart=pod_policy)
    plan = plan_pod(pod, observe(exited("main", code=code)), seconds(2))
    assert plan.starts == ({"main": StartNow(1, 1)} if restarts else {})
    assert plan.finished is not restarts


def test_a_rule_goes_before_the_policy() -> None:
    main = container(restart_policy="Never", restart_policy_rules=[rule("In", 42)])
    pod = make_pod(main, container("other"), restart="Never")
    found = observe(exited("main", code=42), running("other"))
    assert plan_pod(pod, found, seconds(2)).starts == {"main": StartNow(1, 1)}
    found = observe(exited("main", code=1), exited("other"))
    assert plan_pod(pod, found, seconds(2)) == Plan(finished=True, initialized=True)


def test_where_a_rule_may_restart_a_dead_sandbox_is_replaced() -> None:
    main = container(restart_policy="Never", restart_policy_rules=[rule("In", 137)])
    found = observe(exited("main", code=137), sandboxes=[sandbox(0, ready=False)])
    assert plan_pod(make_pod(main, restart="Never"), found, seconds(2)).new_sandbox_attempt == 1
    assert plan_pod(make_pod(restart="Never"), found, seconds(2)).finished


def test_init_containers_have_rules_and_policies_too() -> None:
    rules = [rule("In", 3)]
    init = container("init", restart_policy="Never", restart_policy_rules=rules)
    pod = make_pod(init=(init,))
    failed = observe(exited("init", code=1))
    assert init_step(pod, failed, seconds(2)) == InitStep(failed="init")
    again = observe(exited("init", code=3))
    assert init_step(pod, again, seconds(2)) == InitStep(starts={"init": StartNow(1, 1)})
    stubborn = make_pod(init=(container("init", restart_policy="OnFailure"),), restart="Never")
    assert init_step(stubborn, failed, seconds(2)).starts == {"init": StartNow(1, 1)}
