"""The one harness: warm-up, repeats, median and spread; a table for people, JSON for machines.

A benchmark is an async function without arguments that answers one sample of each of its figures.
The harness calls it once to warm up and then `REPEATS` times, and reports the median over the
calls with the smallest and the largest. Figures that are a floor or a peer name themselves so, and
others may name the figure that they are to be held against: the ratio is taken within each call,
because the speed of a shared machine drifts between calls.
"""

import json
import platform
import statistics
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio

REPEATS = 5
RESULTS_DIRECTORY = Path(__file__).parent / "results"

Samples = Mapping[str, float]


@dataclass(frozen=True)
class Figure:
    """One figure of a benchmark. `against` names the figure that the ratio is taken with."""

    name: str
    unit: str
    against: str = ""
    aim: str = ""


@dataclass(frozen=True)
class Benchmark:
    """What is measured, and how its samples are called."""

    name: str
    title: str
    figures: Sequence[Figure]
    sample: Callable[[], Awaitable[Samples]]
    repeats: int = REPEATS


@dataclass
class Row:
    """A figure over all calls."""

    figure: Figure
    values: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.figure.name,
            "unit": self.figure.unit,
            "median": statistics.median(self.values),
            "minimum": min(self.values),
            "maximum": max(self.values),
            "against": self.figure.against,
            "ratio": statistics.median(self.ratios) if self.ratios else None,
            "aim": self.figure.aim,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def run(benchmark: Benchmark) -> list[Row]:
    """Warm up, take the samples on asyncio with uvloop, print the table, write the JSON."""
    rows = [Row(figure) for figure in benchmark.figures]
    for call in range(benchmark.repeats + 1):
        samples = anyio.run(
            benchmark.sample, backend="asyncio", backend_options={"use_uvloop": True}
        )
        if call == 0:
            continue
        for row in rows:
            row.values.append(samples[row.figure.name])
            if row.figure.against:
                row.ratios.append(samples[row.figure.name] / samples[row.figure.against])
    _print_table(benchmark, rows)
    _write_json(benchmark, rows)
    return rows


def _print_table(benchmark: Benchmark, rows: Sequence[Row]) -> None:
    print(f"\n{benchmark.name}: {benchmark.title}  (median of {benchmark.repeats}, min … max)")
    for row in rows:
        median = statistics.median(row.values)
        line = f"  {row.figure.name:<46} {_number(median):>10} {row.figure.unit:<6}"
        line += f" ({_number(min(row.values))} … {_number(max(row.values))})"
        if row.ratios:
            line += f"  = {statistics.median(row.ratios):.2f} × {row.figure.against}"
        if row.figure.aim:
            line += f"  [aim {row.figure.aim}]"
        print(line, flush=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _write_json(benchmark: Benchmark, rows: Sequence[Row]) -> None:
    RESULTS_DIRECTORY.mkdir(exist_ok=True)
    result = {
        "benchmark": benchmark.name,
        "title": benchmark.title,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "python": sys.version.split()[0],
        "figures": [row.as_json() for row in rows],
    }
    path = RESULTS_DIRECTORY / f"{benchmark.name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
