"""docs/benchmarks.md names benchmarks that exist, and all of them."""

import pkgutil
import re

import benches
from benches.__main__ import NOT_BENCHMARKS
from tests.docs.pages import REPOSITORY

PAGE = REPOSITORY / "docs/benchmarks.md"


def test_the_page_names_every_benchmark() -> None:
    present = {
        module.name
        for module in pkgutil.iter_modules(benches.__path__)
        if module.name not in NOT_BENCHMARKS and not module.name.startswith("_")
    }
    rows = re.findall(r"^\| ([a-z_, ]+) \| ", PAGE.read_text(), re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")} - {"benchmark", "figure"}
    assert present <= named


def test_the_page_shows_results_and_the_picture() -> None:
    text = PAGE.read_text()
    assert "| aim |" in text.partition("<!-- results: begin -->")[2]
    assert (REPOSITORY / "docs/benchmarks.svg").stat().st_size > 0
