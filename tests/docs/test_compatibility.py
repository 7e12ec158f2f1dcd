"""docs/compatibility.md has every kind that is served, with what can be done with it."""

from typing import cast

from kernel.control.recorder import Recorder
from kernel.reconcilers.unserved_kinds import unserved_kinds

from .compatibility_table import PAGE, UNSAID, old_versions, rows, said_in, split_page

EVENT_SAYS_SO = "stored; an Event says so"


def test_the_table_is_what_discovery_tells() -> None:
    _, table, _ = split_page()
    told = rows(said_in(table))
    changed = sorted(set(told) ^ set(table))
    assert table == told, (
        f"run `python -m tests.docs.compatibility_table` from the repository: {changed}"
    )


def test_the_table_says_of_each_kind_what_it_does() -> None:
    _, table, _ = split_page()
    unsaid = [kind for kind, said in said_in(table).items() if said in ("", UNSAID)]
    assert not unsaid, (
        "say in the last column what the kind does (`stored` if nothing acts on it), without"
        f" a `|`: {unsaid}"
    )


def test_old_versions_are_named() -> None:
    text = PAGE.read_text()
    for version in old_versions():
        kind, name = version.split()
        (line,) = (line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert kind in line


def test_what_is_stored_alone_and_what_says_so_agree() -> None:
    """The reconcilers behind those Events are not run here, so nothing is recorded."""
    told = {reconciler.kind.info for reconciler in unserved_kinds(cast(Recorder, None))}
    _, table, _ = split_page()
    shown = {kind for kind, said in said_in(table).items() if said.startswith(EVENT_SAYS_SO)}
    assert shown == {f"`{info.kind}` `{info.api_version}`" for info in told}
