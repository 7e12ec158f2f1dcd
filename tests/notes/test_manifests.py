"""Every manifest of the notes is used by a test."""

from pathlib import Path

from .manifests import path_of


def test_the_notes_files_are_those_that_were_used() -> None:
    """A manifest that no test names would say that it works and prove nothing."""
    names = {path.stem for path in Path(path_of("nginx")).parent.glob("*.yaml")}
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    assert {name for name in names if f'"{name}"' not in tests} == set()
