"""One reconcile of a Pod that shall run: do what is next until nothing is, writing what is."""

from functools import partial

from kernel.api.client import Client
from kernel.background import side_by_side
from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.control.reconciler import Result
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.api_access import connect_to_api
from kernel.reconcilers.pod.configuration.sources import read_configurations
from kernel.reconcilers.pod.decisions.deadline import PodFailure, deadline_of
from kernel.reconcilers.pod.decisions.plan import Plan, plan_pod
from kernel.reconcilers.pod.hooks.post_start import with_post_starts
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.observe import Observed, observe_pod
from kernel.reconcilers.pod.probes.following import Probes
from kernel.reconcilers.pod.probes.settings import BAD_PERIOD, period_problems
from kernel.reconcilers.pod.removal import remove_volumes_of_ended
from kernel.reconcilers.pod.resizing import forget_failure
from kernel.reconcilers.pod.status_writing import write_status
from kernel.reconcilers.pod.steps import PodSteps
from kernel.reconcilers.pod.upkeep.eviction import due_eviction, seconds_to_next_check
from kernel.reconcilers.pod.upkeep.leftovers import remove_leftovers
from kernel.reconcilers.pod.volumes.live_updates import follow_objects

# A Pod needs three steps (sandbox, containers, look); more come up only if things change
# meanwhile, and then the next reconcile goes on.
STEPS_MAX = 8


class BringingOn:
    """What a Pod shows, and what is to be done about it, from step to step."""

    def __init__(
        self, host: Host, client: Client, pod: Pod, memory: PodMemory, probes: Probes
    ) -> None:
        self._host = host
        self._client = client
        self._pod = pod
        self._memory = memory
        self._probes = probes
        self._steps = PodSteps(host, client, pod, memory)
        self._eviction: PodFailure | None = None
        self._observed = Observed()
        self._plan = Plan()

    async def run(self, observed: Observed) -> Result | None:
        """Set out from what the runtime shows. None also where the Pod has changed meanwhile: that
        change brings the next reconcile."""
        observed = self._followed(observed)
        self._eviction = await due_eviction(self._host, self._pod, observed, self._memory)
        await self._see(observed)
        await self._say_bad_periods()
        for _ in range(STEPS_MAX):
            has_written, has_acted = await self._write_and_act()
            if not has_written:
                return None
            if not has_acted:
                break
            await self._see(self._followed(await self._steps.observe(self._observed)))
            # A failure is shown before what comes of it: ErrImagePull, then ImagePullBackOff.
            if self._memory.waiting and not await self._write():
                return None
        await self._steps.say_back_offs(self._plan, self._observed)
        if not await self._write():
            return None
        await self._tidy()
        return self._requeue()

    def _followed(self, observed: Observed) -> Observed:
        """The same with what hooks and probes add to it."""
        with_hooks = with_post_starts(self._host, self._pod, observed)
        return self._probes.follow(self._pod, with_hooks)

    async def _see(self, observed: Observed) -> None:
        self._observed, self._plan = observed, await self._decide(observed)
        if not self._plan.resizing.resizes:
            forget_failure(self._memory)

    async def _decide(self, observed: Observed) -> Plan:
        configurations = await read_configurations(self._client, self._pod)
        return plan_pod(
            self._pod,
            observed,
            self._now(),
            eviction=self._eviction,
            configurations=configurations,
            capacity=self._host.capacity,
            resized=self._memory.resized,
        )

    async def _write_and_act(self) -> tuple[bool, bool]:
        """What is stands in the log before what may take long, such as a pull, has come to its end;
        a start waits for no disk. A restart does: whoever looks sees the end first, and at once."""
        if any(start.attempt for start in self._plan.starts.values()):
            return (True, await self._act()) if await self._write() else (False, False)
        return await side_by_side(self._write, self._act)

    async def _write(self) -> bool:
        return await write_status(
            self._host, self._client, self._pod, self._plan, self._observed, self._memory
        )

    async def _act(self) -> bool:
        """Take a step; False where there is none to take."""
        step = partial(self._steps.act, self._plan, self._observed)
        return await self._probes.telling(self._pod, self._tell, step)

    async def _tell(self) -> bool:
        """Write what is while a step is being taken."""
        present = self._followed(await observe_pod(self._host.runtime, self._host.owner, self._pod))
        plan = await self._decide(present)
        return await write_status(self._host, self._client, self._pod, plan, present, self._memory)

    async def _say_bad_periods(self) -> None:
        for problem in period_problems(self._pod):
            if self._memory.first_time(problem):
                await self._host.recorder.event(self._pod, "Warning", BAD_PERIOD, problem)

    async def _tidy(self) -> None:
        """What is due once nothing else is."""
        pod, observed = self._pod, self._observed
        if self._plan.finished:
            await remove_volumes_of_ended(self._host, pod, observed)
        elif observed.sandbox is not None:
            await follow_objects(self._host, self._client, pod, self._memory)
            await connect_to_api(self._host, pod, observed.sandbox, self._memory)
        await remove_leftovers(self._host, observed)

    def _now(self) -> int:
        return self._host.clock.now_nanoseconds()

    def _requeue(self) -> Result | None:
        plan, memory = self._plan, self._memory
        due = [back_off.due for back_off in plan.back_offs.values()]
        in_seconds: list[float | None] = []
        if not plan.finished:
            due += [token.due for token in memory.tokens.values()]
            due += filter(None, [deadline_of(self._pod)])
            in_seconds = [
                seconds_to_next_check(self._host, self._pod, memory),
                memory.seconds_to_next_retry(),
            ]
        waits = [(moment - self._now()) / NANOSECONDS_PER_SECOND for moment in due]
        waits += [seconds for seconds in in_seconds if seconds is not None]
        return Result(requeue_after_seconds=max(min(waits), 0)) if waits else None
