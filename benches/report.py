"""Puts the results of the last runs into docs/benchmarks.md: `python -m benches.report`.

What stands between the two markers is replaced; nothing there is typed by hand.
"""

import json
from pathlib import Path
from typing import Any

from benches.harness import RESULTS_DIRECTORY

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def tables() -> str:
    """All results as Markdown, a table a benchmark."""
    parts = []
    for path in sorted(RESULTS_DIRECTORY.glob("*.json")):
        result: dict[str, Any] = json.loads(path.read_text())
        parts.append(f"### {result['benchmark']}\n\n{_sentence(result)}\n")
        parts.append(
            "| figure | median | spread | against | aim |\n| --- | ---: | --- | --- | --- |"
        )
        parts.extend(_row(figure) for figure in result["figures"])
        parts.append("")
    return "\n".join(parts)


def _sentence(result: dict[str, Any]) -> str:
    title = result["title"]
    return f"{title[0].upper()}{title[1:]}. {result['time'][:10]}, Python {result['python']}."


def _row(figure: dict[str, Any]) -> str:
    number = _number(figure["median"])
    spread = f"{_number(figure['minimum'])} to {_number(figure['maximum'])}"
    against = f"{figure['ratio']:.2f} × {figure['against']}" if figure["ratio"] is not None else ""
    return (
        f"| {figure['name']} | {number} {figure['unit']} | {spread} | {against} | {figure['aim']} |"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main() -> None:
    """Rewrite the part of the page that holds the results."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables()}\n{END}{after}")


if __name__ == "__main__":
    main()
