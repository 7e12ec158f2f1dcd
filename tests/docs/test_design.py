"""docs/design.md names files that exist."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_every_module_that_the_design_names_exists() -> None:
    text = (REPOSITORY / "docs/design.md").read_text()
    named = set(re.findall(r"[\w/]+\.py\b", text))
    present = [str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("kernel/**/*.py")]
    missing = {name for name in named if not any(path.endswith(name) for path in present)}
    assert not missing


def test_every_module_opens_with_its_responsibility() -> None:
    for path in REPOSITORY.glob("kernel/**/*.py"):
        if path.name.endswith("_pb2.py"):
            continue
        first = path.read_text().partition("\n")[0]
        assert first.startswith('"""'), f"{path}: expected a docstring in the first line"
