"""Run all benchmarks, or those named on the command line: `python -m benches reconcile_latency`."""

import importlib
import pkgutil
import sys

import benches
from benches.harness import Benchmark, run

NOT_BENCHMARKS = ("__main__", "harness", "plot", "report")


def main(names: list[str]) -> None:
    """Run each module of this package that has a `BENCHMARKS`."""
    modules = [
        module.name
        for module in pkgutil.iter_modules(benches.__path__)
        if module.name not in NOT_BENCHMARKS and not module.name.startswith("_")
    ]
    unknown = set(names) - set(modules)
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(modules)}")
    for name in names or modules:
        benchmarks: list[Benchmark] = importlib.import_module(f"benches.{name}").BENCHMARKS
        for benchmark in benchmarks:
            run(benchmark)


if __name__ == "__main__":
    main(sys.argv[1:])
