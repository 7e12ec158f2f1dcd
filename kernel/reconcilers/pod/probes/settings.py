"""Which probes a container has, and how often each asks (pure).

Kubernetes counts periods in whole seconds. An annotation of the Pod sets shorter ones, or any:

```yaml
podkernel.dev/probe-period-milliseconds: "500"                          # all probes
podkernel.dev/probe-period-milliseconds: "500,web=200,web.liveness=50"  # the closest one holds
```
"""

import re
from collections.abc import Mapping

import msgspec

from kernel.objects.container import Probe
from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.probes.results import ProbeKind, probe_of

PERIOD_ANNOTATION = "podkernel.dev/probe-period-milliseconds"
PERIOD_MILLISECONDS_MIN = 10
PERIOD_MILLISECONDS_MAX = 3_600_000
BAD_PERIOD = "InvalidProbePeriod"
"""The reason of the Events about what the annotation says wrongly."""

_NUMBER = re.compile(r" *[0-9]{1,7} *")
_Target = tuple[str, str]
_ALL: _Target = ("", "")


class ProbeSettings(msgspec.Struct, frozen=True):
    """One probe of a container. The period is the annotation's, else the probe's own."""

    kind: ProbeKind
    probe: Probe
    period_seconds: float


def probe_settings(pod: Pod, container: Container) -> tuple[ProbeSettings, ...]:
    """The probes of a container of `pod`."""
    periods, _ = _periods(pod)
    found = []
    for kind in ProbeKind:
        probe = probe_of(container, kind)
        if probe is not None:
            targets = ((container.name, kind.value), (container.name, ""), _ALL)
            milliseconds = next((periods[target] for target in targets if target in periods), None)
            seconds = probe.period_seconds if milliseconds is None else milliseconds / 1000
            found.append(ProbeSettings(kind, probe, seconds))
    return tuple(found)


def period_problems(pod: Pod) -> list[str]:
    """A sentence, fit for an Event, for each part of the annotation that is not followed."""
    _, problems = _periods(pod)
    return problems


def _periods(pod: Pod) -> tuple[Mapping[_Target, int], list[str]]:
    """The annotation's periods in milliseconds by container and kind (empty: all), and what is
    wrong with it."""
    text = pod.metadata.annotations.get(PERIOD_ANNOTATION, "")
    if not text:
        return {}, []
    known = _targets(pod)
    periods: dict[_Target, int] = {}
    problems: list[str] = []
    for entry in text.split(","):
        name, equals, number = entry.rpartition("=")
        container, _, kind = name.strip().partition(".")
        target = (container, kind)
        milliseconds = int(number) if _NUMBER.fullmatch(number) else 0
        if not PERIOD_MILLISECONDS_MIN <= milliseconds <= PERIOD_MILLISECONDS_MAX:
            problems.append(
                f'annotation {PERIOD_ANNOTATION}: "{entry}" must be a number of milliseconds from'
                f" {PERIOD_MILLISECONDS_MIN} to {PERIOD_MILLISECONDS_MAX}, alone or after"
                " CONTAINER= or CONTAINER.PROBE="
            )
        elif equals and target not in known:
            problems.append(f'annotation {PERIOD_ANNOTATION}: "{entry}" names no probe of this Pod')
        else:
            periods[target] = milliseconds
    return periods, problems


def _targets(pod: Pod) -> set[_Target]:
    """What the annotation may name."""
    targets: set[_Target] = set()
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        kinds = [kind.value for kind in ProbeKind if probe_of(container, kind) is not None]
        targets |= {(container.name, kind) for kind in ("", *kinds) if kinds}
    return targets
