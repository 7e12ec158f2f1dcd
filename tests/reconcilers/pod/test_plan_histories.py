"""Random histories of a Pod: whatever happens, the plans keep to the rules of Pod life."""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings, strategies as st

from kernel.cri.runtime import Container, ContainerState, Sandbox, SandboxState
from kernel.objects.container import ExecAction, Probe
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.decisions.plan import Plan, plan_pod
from kernel.reconcilers.pod.decisions.restart import RESTARTS_IN_ROW
from kernel.reconcilers.pod.observe import Observed, observed
from kernel.reconcilers.pod.probes.results import ProbeResults
from kernel.reconcilers.pod.status import Facts, pod_status
from tests.reconcilers.pod.made_up import created, sandbox, seconds
from tests.reconcilers.pod.node_under_test import container, make_pod

PROBE = Probe(exec=ExecAction(command=["true"]))
INITS, SIDECAR, MAINS = ("init1", "init2"), "sidecar", ("main1", "main2")


class History:
    """A runtime that does what plans ask for, and to which things happen."""

    def __init__(self, restart: str, stop_code: int = 143) -> None:
        probes = {"startup_probe": PROBE, "liveness_probe": PROBE}
        self.pod: Pod = make_pod(
            *(container(name, liveness_probe=PROBE) for name in MAINS),
            init=(
                container(INITS[0]),
                container(SIDECAR, restart_policy="Always", **probes),
                container(INITS[1]),
            ),
            restart=restart,
        )
        self.stop_code = stop_code
        self.now = 0.0
        self.sandboxes: list[Sandbox] = []
        self.containers: list[Container] = []
        self.results: dict[str, ProbeResults] = {}
        self.has_finished = False

    def observed(self) -> Observed:
        found = observed(self.sandboxes, self.containers)
        return msgspec.structs.replace(found, probe_results=dict(self.results))

    def obey(self) -> None:
        """Follow plans until they ask for nothing more."""
        for _ in range(20):
            found = self.observed()
            plan = plan_pod(self.pod, found, seconds(self.now))
            self._write_status(plan, found)
            assert plan.finished or not self.has_finished, "a finished Pod came back"
            self.has_finished = plan.finished
            if not self._act(plan) and not self._come_up():
                unwell = {one for one, known in self.results.items() if known.liveness is False}
                assert not unwell & self._running_ids(), "it is not restarted"
                return
        raise AssertionError("the plans never come to rest")

    def _write_status(self, plan: Plan, found: Observed) -> None:
        facts = Facts(
            observed=found,
            now=seconds(self.now),
            runtime_name="made-up",
            host_addresses=(),
        )
        self.pod.status = pod_status(self.pod, plan, facts)

    def _act(self, plan: Plan) -> bool:
        if plan.new_sandbox_attempt is not None:
            self._check_new_sandbox(plan.new_sandbox_attempt)
            self.sandboxes.append(sandbox(plan.new_sandbox_attempt))
            return True
        for name, start in plan.starts.items():
            self._check_start(name, start.attempt)
            made = created(name, start.attempt, sandbox_id=self.sandboxes[-1].id)
            annotations = {RESTARTS_IN_ROW: str(start.restarts_in_row)}
            self.containers.append(
                msgspec.structs.replace(
                    made,
                    state=ContainerState.RUNNING,
                    started_at=seconds(self.now),
                    annotations=annotations,
                )
            )
        if plan.whole_pod:
            assert {stop.container.name for stop in plan.stops} == set(self.running())
        for stopped in plan.stops:
            self._end(stopped.container, self.stop_code)
        return bool(plan.starts or plan.stops)

    def _come_up(self) -> bool:
        """The startup probes that nobody has let fail succeed."""
        coming = {
            one.id
            for one in self.containers
            if one.name == SIDECAR
            and one.state is ContainerState.RUNNING
            and one.id not in self.results
        }
        self.results |= dict.fromkeys(coming, ProbeResults(startup=True))
        return bool(coming)

    def _check_new_sandbox(self, attempt: int) -> None:
        assert not self.running(), "a sandbox is made while containers run"
        assert attempt == len(self.sandboxes)

    def _check_start(self, name: str, attempt: int) -> None:
        running = self.running()
        assert name not in running, "a container runs twice"
        assert attempt == len([one for one in self.containers if one.name == name])
        present = [one for one in self.containers if one.sandbox_id == self.sandboxes[-1].id]
        succeeded = {one.name for one in present if _has_succeeded(one)}
        if name in INITS:
            assert not set(running) & set(INITS), "init containers run side by side"
            assert set(INITS[: INITS.index(name)]) <= succeeded, "an init container is too early"
        if name in MAINS:
            assert set(INITS) <= succeeded, "a main container is too early"
            sidecars = [one.id for one in present if one.name == SIDECAR and one.id in self.results]
            assert any(self.results[one].startup for one in sidecars), "the sidecar is late"
            if self.pod.spec.restart_policy == "Never":
                assert attempt == 0, "restarted against its policy"
            if self.pod.spec.restart_policy == "OnFailure":
                ended = [one for one in self.containers if one.name == name]
                completed = [one for one in ended if one.id not in self.results]
                assert not any(map(_has_succeeded, completed)), "restarted though it is complete"

    def running(self) -> list[str]:
        return [one.name for one in self.containers if one.state is ContainerState.RUNNING]

    def exit(self, which: int, code: int) -> None:
        running = [one for one in self.containers if one.state is ContainerState.RUNNING]
        if running:
            self._end(running[which % len(running)], code)

    def fail_probe(self, which: int) -> None:
        """A probe says that a container has to be restarted."""
        probed = [
            one
            for one in self.containers
            if one.state is ContainerState.RUNNING and one.name in (SIDECAR, *MAINS)
        ]
        if probed:
            one = probed[which % len(probed)]
            self.results[one.id] = ProbeResults(startup=True, liveness=False)

    def _running_ids(self) -> set[str]:
        return {one.id for one in self.containers if one.state is ContainerState.RUNNING}

    def finish_inits(self) -> None:
        """Let the init containers that run, and those that follow them, succeed."""
        for name in INITS:
            for one in list(self.containers):
                if one.name == name and one.state is ContainerState.RUNNING:
                    self._end(one, 0)
                    self.obey()

    def kill_sandbox(self) -> None:
        if self.sandboxes:
            for one in [one for one in self.containers if one.state is ContainerState.RUNNING]:
                self._end(one, 137)
            dead = msgspec.structs.replace(self.sandboxes[-1], state=SandboxState.NOT_READY)
            self.sandboxes[-1] = dead

    def _end(self, which: Container, code: int) -> None:
        position = next(i for i, one in enumerate(self.containers) if one.id == which.id)
        self.containers[position] = msgspec.structs.replace(
            which,
            state=ContainerState.EXITED,
            exit_code=code,
            finished_at=seconds(self.now),
        )


def _has_succeeded(one: Container) -> bool:
    return one.state is ContainerState.EXITED and one.exit_code == 0


Happening = tuple[str, int, int]
HAPPENINGS = st.tuples(
    st.sampled_from([*["exit", "fail probe", "kill sandbox", "wait"] * 3, "exit", "deadline"]),
    st.integers(0, 3),
    st.sampled_from([0, 0, 1]),
)


@settings(deadline=None)
@given(
    st.sampled_from(["Always", "OnFailure", "Never"]),
    st.sampled_from([0, 143]),
    st.lists(HAPPENINGS, max_size=25),
)
def test_every_history_keeps_to_the_rules(
    restart: str, stop_code: int, happenings: Sequence[Happening]
) -> None:
    history = History(restart, stop_code)
    history.obey()
    for what, which, code in happenings:
        history.now += 1
        if what == "exit":
            history.exit(which, code)
        elif what == "fail probe":
            history.fail_probe(which)
        elif what == "kill sandbox":
            history.kill_sandbox()
        elif what == "deadline":
            history.pod.spec.active_deadline_seconds = 1
        else:
            history.now += 301
        history.obey()
    if history.pod.spec.active_deadline_seconds is not None:
        assert history.has_finished
        assert not history.running()
    if history.has_finished:
        assert history.pod.status.phase in ("Succeeded", "Failed")
    else:
        assert history.pod.status.phase in ("Pending", "Running")


@settings(deadline=None)
@given(st.sampled_from(["Always", "OnFailure"]), st.lists(HAPPENINGS, max_size=15))
def test_a_pod_that_is_restarted_runs_in_the_end(
    restart: str, happenings: Sequence[Happening]
) -> None:
    history = History(restart)
    history.obey()
    for what, which, _ in happenings:
        history.now += 1
        if what == "exit":
            history.exit(which, 1)
        elif what == "fail probe":
            history.fail_probe(which)
        elif what == "kill sandbox":
            history.kill_sandbox()
        history.obey()
    for _ in INITS:
        history.now += 301
        history.obey()
        history.finish_inits()
    history.now += 301
    history.obey()
    assert history.pod.status.phase == "Running"
    assert set(MAINS) <= set(history.running())
