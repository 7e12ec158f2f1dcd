"""Asking one container's probes over and over, for as long as it runs."""

import logging
from collections.abc import Callable, Mapping, Sequence

import anyio
import anyio.abc
import msgspec

from kernel.api.context import acting
from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.host import Host
from kernel.reconcilers.pod.observe import field_path
from kernel.reconcilers.pod.probes.asking import Asked, ProbeErrored, ask
from kernel.reconcilers.pod.probes.results import ProbeKind, ProbeResults
from kernel.reconcilers.pod.probes.rhythm import Rhythm, after, first_rhythm, next_question
from kernel.reconcilers.pod.probes.settings import ProbeSettings
from kernel.reconcilers.pod.probes.state import ProbeState, is_over, next_state

logger = logging.getLogger("podkernel.pods")

ACTOR = "node-agent"


class ProbeWorker:
    """The probes of one run of a container, each in a task of its own, so that one that hangs
    holds up no other; the startup probe goes before the rest.

    `changed` is called with an observation, such as `readiness probe of container web succeeded`,
    whenever a result has turned. `began_at` is when the agent began, in nanoseconds since the
    epoch.
    """

    def __init__(
        self,
        host: Host,
        run: cri.Container,
        changed: Callable[[str], None],
        *,
        began_at: int,
        is_started: bool,
    ) -> None:
        self.results = ProbeResults(startup=True) if is_started else ProbeResults()
        self._host = host
        self._run = run
        self._changed = changed
        self._began_at = began_at
        self._settings: Mapping[ProbeKind, ProbeSettings] = {}
        self._states: dict[ProbeKind, ProbeState] = {}
        self._begins: dict[ProbeKind, float] = {}
        self._rhythms: dict[ProbeKind, Rhythm] = {}
        self._scope = anyio.CancelScope()

    def keep_asking(
        self,
        tasks: anyio.abc.TaskGroup,
        pod: Pod,
        asked: Asked,
        settings: Sequence[ProbeSettings],
    ) -> None:
        """Ask these probes from now on; called again with others, it goes on with those. Events
        are about `pod`."""
        self._pod, self._asked = pod, asked
        wanted = {setting.kind: setting for setting in settings}
        if wanted != self._settings:
            self.stop()
            self._settings = wanted
            self._scope = anyio.CancelScope()
            tasks.start_soon(self._ask_all, self._scope)

    def stop(self) -> None:
        """Ask no more."""
        self._settings = {}
        self._scope.cancel()

    async def _ask_all(self, scope: anyio.CancelScope) -> None:
        settings = dict(self._settings)
        startup = settings.pop(ProbeKind.STARTUP, None)
        with scope, acting(ACTOR):
            if startup is not None and not self.results.startup:
                await self._ask_on(startup)
            if not self.results.startup:
                return
            async with anyio.create_task_group() as tasks:
                for setting in settings.values():
                    tasks.start_soon(self._ask_on, setting)

    async def _ask_on(self, settings: ProbeSettings) -> None:
        """Ask one probe in its rhythm, until there is nothing more to ask."""
        kind, clock = settings.kind, self._host.clock
        if kind not in self._rhythms:
            self._begins[kind] = clock.monotonic_seconds()
            self._rhythms[kind] = self._first_rhythm(settings)
        while not is_over(kind, self._states.get(kind, ProbeState())):
            rhythm = self._rhythms[kind]
            has_result = getattr(self.results, kind.value) is not None
            question = next_question(rhythm, has_result=has_result)
            await clock.sleep(question.due - self._seconds_since_begin(kind))
            try:
                await self._ask(settings, counts=question.counts)
            except Exception:  # a mistake of ours: it must not take down what else is asked
                logger.exception("probe of container %s", self._run.name)
            now = self._seconds_since_begin(kind)
            self._rhythms[kind] = after(rhythm, question, now, settings.period_seconds)

    def _seconds_since_begin(self, kind: ProbeKind) -> float:
        return self._host.clock.monotonic_seconds() - self._begins[kind]

    def _first_rhythm(self, settings: ProbeSettings) -> Rhythm:
        clock = self._host.clock
        return first_rhythm(
            settings,
            self._run.started_at,
            clock.now_nanoseconds(),
            self._began_at,
            clock.random(),
        )

    async def _ask(self, settings: ProbeSettings, *, counts: bool) -> None:
        """Ask once, take note of the answer, and have an Event of what is not as it should be. A
        question that can't be asked changes nothing, nor a failure that does not count."""
        title = settings.kind.value.capitalize()
        try:
            answer = await ask(self._host.runtime, self._asked, settings.probe)
        except ProbeErrored as failure:
            if counts:
                await self._event("Unhealthy", f"{title} probe errored: {failure}")
            return
        if not answer.is_well and not counts:
            return
        self._note(settings, answer.is_well)
        if not answer.is_well:
            await self._event("Unhealthy", f"{title} probe failed: {answer.message}")
        elif answer.message:
            await self._event("ProbeWarning", f"{title} probe warning: {answer.message}")

    def _note(self, settings: ProbeSettings, is_well: bool) -> None:
        kind = settings.kind
        state = next_state(self._states.get(kind, ProbeState()), is_well, settings)
        self._states[kind] = state
        if getattr(self.results, kind.value) is not state.result:
            self.results = msgspec.structs.replace(self.results, **{kind.value: state.result})
            outcome = "succeeded" if state.result else "failed"
            self._changed(f"{kind.value} probe of container {self._run.name} {outcome}")

    async def _event(self, reason: str, message: str) -> None:
        where = field_path(self._pod, self._run.name)
        with anyio.CancelScope(shield=True):  # it is said also where its result ends the container
            await self._host.recorder.event(self._pod, "Warning", reason, message, field_path=where)
