"""When one probe asks (pure).

It asks for the first time `initialDelaySeconds` after the container's start, then once a period.
But a container gets a second (or a period, where that is shorter) before its failures count, as it
has under a kubelet, which needs that time to learn of the start. And until they have a result, the
startup and the readiness probe also ask between times, in distances that double: such a question
looks for a success alone, so that what comes up fast is ready fast.

    start   0.1  0.2   0.4       0.8  1           1.6                3.2     …     11
    ├────────┼────┼─────┼─────────┼────┼───────────┼──────────────────┼─────────────┼─
    early  early early early    early counts     early              early         counts
"""

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.reconcilers.pod.probes.results import ProbeKind
from kernel.reconcilers.pod.probes.settings import ProbeSettings

SETTLING_SECONDS = 1.0
EARLY_SECONDS_FIRST = 0.1


class Rhythm(msgspec.Struct, frozen=True):
    """Seconds on one monotonic clock: when the next question that counts is `due`, when the early
    ones `begin` (None: there are none), and when the `latest` question was answered."""

    due: float
    begin: float | None = None
    latest: float | None = None


class Question(msgspec.Struct, frozen=True):
    """When to ask, and whether a failure counts."""

    due: float
    counts: bool


def first_rhythm(
    settings: ProbeSettings, started_at: int, now: int, agent_began_at: int, chance: float
) -> Rhythm:
    """The beginning; its seconds count from `now`.

    Containers that ran before the agent began would all be asked at once: each waits for a random
    part of its period, given by `chance` in [0, 1), unless the agent has been there for a period.
    `started_at`, `now` and `agent_began_at` are in nanoseconds since the epoch.
    """
    age = (now - started_at) / NANOSECONDS_PER_SECOND
    begin = max(settings.probe.initial_delay_seconds - age, 0)
    if started_at < agent_began_at:
        agent_seconds = (now - agent_began_at) / NANOSECONDS_PER_SECOND
        is_new = agent_seconds < settings.period_seconds
        return Rhythm(max(begin, chance * settings.period_seconds) if is_new else begin)
    settled = max(min(SETTLING_SECONDS, settings.period_seconds) - age, 0)
    is_eager = settings.kind is not ProbeKind.LIVENESS
    return Rhythm(max(begin, settled), begin if is_eager else None)


def next_question(rhythm: Rhythm, *, has_result: bool) -> Question:
    """What to ask next; once there is a result, nothing is asked early."""
    if rhythm.begin is None or has_result:
        return Question(rhythm.due, True)
    early = rhythm.begin
    if rhythm.latest is not None:
        distance = EARLY_SECONDS_FIRST
        while (early := rhythm.begin + distance) <= rhythm.latest:
            distance *= 2
    return Question(early, False) if early < rhythm.due else Question(rhythm.due, True)


def after(rhythm: Rhythm, question: Question, now: float, period_seconds: float) -> Rhythm:
    """Once a question has been answered: what counts comes a period later, or at once where the
    answer took longer."""
    due = max(rhythm.due + period_seconds, now) if question.counts else rhythm.due
    return Rhythm(due, rhythm.begin, now)
