"""Counts requests: by verb, kind and code, with their durations, and those under way."""

from bisect import bisect_left
from typing import NamedTuple

from kernel.apiserver.monitoring.text import Family, Sample
from kernel.apiserver.targets import Target

BUCKETS_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0),
)

_OBJECT_VERBS = {"GET": "GET", "HEAD": "GET", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE"}
_COLLECTION_VERBS = {"GET": "LIST", "HEAD": "LIST", "POST": "POST", "DELETE": "DELETECOLLECTION"}


class Subject(NamedTuple):
    """What requests are counted together by: Kubernetes' labels, without the code."""

    verb: str
    group: str
    version: str
    resource: str
    subresource: str
    scope: str

    @classmethod
    def of(cls, method: str, target: Target, *, is_stream: bool) -> "Subject":
        """The subject of a request. Its verb is Kubernetes' word, also for what is no method."""
        if is_stream:
            verb = "CONNECT" if target.subresource else "WATCH"
        elif target.name:
            verb = _OBJECT_VERBS.get(method, "POST" if method == "POST" else "OTHER")
        else:
            verb = _COLLECTION_VERBS.get(method, "OTHER")
        info = target.info
        if target.name or method == "POST":
            scope = "resource"
        else:
            scope = "namespace" if target.namespace else "cluster"
        return cls(verb, info.group, info.version, info.plural, target.subresource, scope)

    @property
    def is_mutating(self) -> bool:
        """Whether it may change something."""
        return self.verb not in ("GET", "LIST", "WATCH", "CONNECT")


class _Durations:
    """A histogram of seconds."""

    __slots__ = ("buckets", "total_seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS_SECONDS) + 1)
        self.total_seconds = 0.0

    def samples(self, labels: dict[str, str]) -> list[Sample]:
        found, count = [], 0
        bounds = [*(repr(bound) for bound in BUCKETS_SECONDS), "+Inf"]
        for bound, number in zip(bounds, self.buckets, strict=True):
            count += number
            found.append(Sample(count, labels | {"le": bound}, "_bucket"))
        found.append(Sample(self.total_seconds, labels, "_sum"))
        found.append(Sample(count, labels, "_count"))
        return found


class RequestFigures:
    """What was asked, and what is being asked."""

    def __init__(self) -> None:
        self._codes: dict[tuple[Subject, int], int] = {}
        self._durations: dict[Subject, _Durations] = {}
        self._under_way: dict[Subject, int] = {}
        self._streams: dict[Subject, int] = {}

    def begin(self, subject: Subject, *, is_stream: bool) -> None:
        """A request comes; `end` follows."""
        counted = self._streams if is_stream else self._under_way
        counted[subject] = counted.get(subject, 0) + 1

    def end(self, subject: Subject, code: int, seconds: float, *, is_stream: bool) -> None:
        """A request is answered. How long a stream went on is not its duration."""
        counted = self._streams if is_stream else self._under_way
        counted[subject] -= 1
        place = (subject, code)
        self._codes[place] = self._codes.get(place, 0) + 1
        if is_stream:
            return
        durations = self._durations.get(subject)
        if durations is None:
            durations = self._durations[subject] = _Durations()
        durations.buckets[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        durations.total_seconds += seconds

    def families(self) -> list[Family]:
        """All of it under Kubernetes' names."""
        under_way = {"readOnly": 0, "mutating": 0}
        for subject, count in self._under_way.items():
            under_way["mutating" if subject.is_mutating else "readOnly"] += count
        return [
            Family(
                "apiserver_request_total",
                "counter",
                "Requests answered, by verb, kind and HTTP status code.",
                [
                    Sample(count, subject._asdict() | {"component": "apiserver", "code": str(code)})
                    for (subject, code), count in self._codes.items()
                ],
            ),
            Family(
                "apiserver_request_duration_seconds",
                "histogram",
                "Time from a request's head to its answer; watches and conversations left out.",
                [
                    sample
                    for subject, durations in self._durations.items()
                    for sample in durations.samples(subject._asdict() | {"component": "apiserver"})
                ],
            ),
            Family(
                "apiserver_current_inflight_requests",
                "gauge",
                "Requests under way; watches and conversations left out.",
                [Sample(count, {"request_kind": kind}) for kind, count in under_way.items()],
            ),
            Family(
                "apiserver_longrunning_requests",
                "gauge",
                "Watches and conversations under way.",
                [
                    Sample(count, subject._asdict() | {"component": "apiserver"})
                    for subject, count in self._streams.items()
                ],
            ),
        ]
