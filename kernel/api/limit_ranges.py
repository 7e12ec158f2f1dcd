"""What LimitRanges make of Pods and claims: defaults, and why some are refused.

Pure. The words are Kubernetes' (plugin/pkg/admission/limitranger).
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from kernel.api.quota.amounts import Amounts, parsed, pod_limits, pod_requests, written
from kernel.objects.container import Container
from kernel.objects.kind import Kind
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.resource_policies import LimitRange, LimitRangeItem

ANNOTATION = "kubernetes.io/limit-ranger"


def set_defaults(pod: Pod, limit_range: LimitRange) -> None:
    """Give containers the requests and limits that they do not say, and tell so in an annotation
    of the Pod."""
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for item in limit_range.spec.limits:
        if item.type == "Container":
            requests |= item.default_request
            limits |= item.default
    told: list[str] = []
    for words, containers in (
        ("container", pod.spec.containers),
        ("init container", pod.spec.init_containers),
    ):
        for container in containers:
            told += _completed(container, words, requests, limits)
    if told:
        pod.metadata.annotations[ANNOTATION] = f"LimitRanger plugin set: {'; '.join(told)}"


def _completed(
    container: Container, words: str, requests: Mapping[str, str], limits: Mapping[str, str]
) -> Iterator[str]:
    """Complete a container's resources; tells what was set."""
    resources = container.resources
    for what, present, defaults in (
        ("request", resources.requests, requests),
        ("limit", resources.limits, limits),
    ):
        missing = sorted(name for name in defaults if name not in present)
        if missing:
            present |= {name: defaults[name] for name in missing}
            yield f"{', '.join(missing)} {what} for {words} {container.name}"


def refusals(obj: Kind, limit_range: LimitRange) -> list[str]:
    """What is wrong with a Pod or a claim."""
    found: list[str] = []
    for item in limit_range.spec.limits:
        if isinstance(obj, Pod):
            for requests, limits in _bounded(obj, item.type):
                found += _outside(item, requests, limits)
        elif isinstance(obj, PersistentVolumeClaim) and item.type == "PersistentVolumeClaim":
            found += _outside_requests(item, parsed(obj.spec.resources.requests))
    return found


def joined(found: list[str]) -> str:
    """Several refusals as one."""
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]"


def _bounded(pod: Pod, type_: str) -> Iterable[tuple[Amounts, Amounts]]:
    """The requests and limits of all that a type of limits is about."""
    if type_ == "Pod":
        yield pod_requests(pod.spec), pod_limits(pod.spec)
    elif type_ == "Container":
        for container in (*pod.spec.containers, *pod.spec.init_containers):
            yield parsed(container.resources.requests), parsed(container.resources.limits)


def _outside(item: LimitRangeItem, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, text in item.min.items():
        rule, least = f"minimum {name} usage per {item.type} is {text}", parsed({"": text})[""]
        if name not in requests:
            yield f"{rule}.  No request is specified"
        elif requests[name] < least:
            yield f"{rule}, but request is {written(requests[name])}"
        elif limits.get(name, least) < least:
            yield f"{rule}, but limit is {written(limits[name])}"
    for name, text in item.max.items():
        rule, most = f"maximum {name} usage per {item.type} is {text}", parsed({"": text})[""]
        if name not in limits:
            yield f"{rule}.  No limit is specified"
        elif limits[name] > most:
            yield f"{rule}, but limit is {written(limits[name])}"
        elif requests.get(name, most) > most:
            yield f"{rule}, but request is {written(requests[name])}"
    for name, text in item.max_limit_request_ratio.items():
        yield from _ratio_refusal(name, item.type, text, requests.get(name), limits.get(name))


def _ratio_refusal(
    name: str, type_: str, text: str, request: Fraction | None, limit: Fraction | None
) -> Iterator[str]:
    rule = f"{name} max limit to request ratio per {type_} is {text}, but"
    if not request:
        yield f"{rule} no request is specified or request is 0"
    elif not limit:
        yield f"{rule} no limit is specified or limit is 0"
    elif limit / request > parsed({"": text})[""]:
        yield f"{rule} provided ratio is {float(limit / request):f}"


def _outside_requests(item: LimitRangeItem, requests: Amounts) -> Iterator[str]:
    for bound, quantities in (("minimum", item.min), ("maximum", item.max)):
        for name, text in quantities.items():
            rule = f"{bound} {name} usage per {item.type} is {text}"
            value = parsed({"": text})[""]
            if name not in requests:
                yield f"{rule}.  No request is specified"
            elif (requests[name] < value) if bound == "minimum" else (requests[name] > value):
                yield f"{rule}, but request is {written(requests[name])}"
