"""Draws docs/benchmarks.svg from the results of the last runs: `python -m benches.plot`.

One bar a figure that is held against a floor or a peer: how many times that floor it is. Needs
matplotlib (`pip install 'podkernel[plot]'`).
"""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot

from benches.harness import RESULTS_DIRECTORY

PICTURE = Path(__file__).parents[1] / "docs/benchmarks.svg"
BAR_INCHES = 0.34


def ratios() -> list[tuple[str, float, str]]:
    """Label, ratio and aim of each figure with a ratio, in the order of the result files."""
    found: list[tuple[str, float, str]] = []
    for path in sorted(RESULTS_DIRECTORY.glob("*.json")):
        result: dict[str, Any] = json.loads(path.read_text())
        found.extend(
            (f"{result['benchmark']}: {figure['name']}", figure["ratio"], figure["aim"])
            for figure in result["figures"]
            if figure["ratio"] is not None
        )
    return found


def draw() -> None:
    """Write the picture."""
    mpl.rcParams["svg.hashsalt"] = "podkernel"  # the same figures give the same file
    rows = ratios()[::-1]
    figure, axes = pyplot.subplots(figsize=(11, BAR_INCHES * len(rows) + 1))
    axes.barh([label for label, _, _ in rows], [ratio for _, ratio, _ in rows], color="#4878a8")
    axes.set_xscale("log")
    axes.axvline(1, color="#333333", linewidth=1)
    for position, (_, ratio, aim) in enumerate(rows):
        text = f" {ratio:.2f}" + (f"   aim: {aim}" if aim else "")
        axes.annotate(text, (max(ratio, 0.001), position), va="center", fontsize=8)
    axes.set_xlabel("times the floor or peer of the same run (1: equal)")
    axes.margins(x=0.6)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    draw()
