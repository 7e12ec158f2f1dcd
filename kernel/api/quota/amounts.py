"""Amounts of resources: sums of them, and how they are written."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from kernel.objects.container import Container
from kernel.objects.pod import PodSpec
from kernel.objects.quantity import format_binary, format_decimal, parse_quantity

Amounts = dict[str, Fraction]


def parsed(quantities: Mapping[str, str]) -> Amounts:
    """Quantities by name as numbers."""
    return {name: parse_quantity(text) for name, text in quantities.items()}


def written(value: Fraction) -> str:
    """The shorter form of an amount: `1Gi` is no `1073741824`, and `64M` no `62500Ki`."""
    decimal, binary = format_decimal(value), format_binary(value)
    return decimal if len(decimal) < len(binary) else binary


def added(left: Mapping[str, Fraction], right: Mapping[str, Fraction]) -> Amounts:
    """The sum, name by name."""
    return _combined(left, right, lambda one, other: one + other)


def subtracted(left: Mapping[str, Fraction], right: Mapping[str, Fraction]) -> Amounts:
    """The difference, name by name."""
    return _combined(left, right, lambda one, other: one - other)


def _combined(
    left: Mapping[str, Fraction],
    right: Mapping[str, Fraction],
    combine: Callable[[Fraction, Fraction], Fraction],
) -> Amounts:
    zero = Fraction(0)
    names = [*left, *(name for name in right if name not in left)]
    return {name: combine(left.get(name, zero), right.get(name, zero)) for name in names}


def pod_requests(spec: PodSpec) -> Amounts:
    """What a Pod asks for: its containers together, or an init container at its turn where that
    is more, and its overhead (KEP-753, "Resource Calculation")."""
    total = _total(spec, lambda container: container.resources.requests)
    return added(total, parsed(spec.overhead))


def pod_limits(spec: PodSpec) -> Amounts:
    """The most that a Pod may use, of those resources that its containers limit."""
    total = _total(spec, lambda container: container.resources.limits)
    overhead = parsed(spec.overhead)
    return {name: value + overhead.get(name, 0) for name, value in total.items()}


def _total(spec: PodSpec, quantities: Callable[[Container], Mapping[str, str]]) -> Amounts:
    beside: Amounts = {}  # what init containers that go on running ask for
    peak: Amounts = {}
    for container in spec.init_containers:
        asked = parsed(quantities(container))
        now = added(beside, asked)
        if container.restart_policy == "Always":
            beside = now
        peak = _larger(peak, now)
    return _larger(added(beside, _sum(map(quantities, spec.containers))), peak)


def _sum(parts: Iterable[Mapping[str, str]]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        total = added(total, parsed(part))
    return total


def _larger(left: Mapping[str, Fraction], right: Mapping[str, Fraction]) -> Amounts:
    return _combined(left, right, max)
