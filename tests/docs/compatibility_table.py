"""The table of docs/compatibility.md: from discovery, but for what each kind does.

`python -m tests.docs.compatibility_table` writes it anew, and keeps what stands in the column
"live" for people to read; a new kind has `?` there until somebody says what it does.
"""

from collections.abc import Iterator

from kernel.apiserver import discovery
from kernel.apiserver.old_versions import OLD_KINDS
from kernel.apiserver.protobuf.messages import message_of
from kernel.apiserver.served_kinds import ASKED_KINDS, MEASURED_KINDS, ServedKinds
from kernel.objects.kind import KindInfo
from kernel.objects.kinds import KindTable

from .pages import REPOSITORY

PAGE = REPOSITORY / "docs" / "compatibility.md"
UNSAID = "?"

_HEAD = (
    "| kind | group and version | scope | verbs | subresources | protobuf | live |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)
_SHORT = {
    ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"): "all",
}


def served() -> ServedKinds:
    """The kinds of a server with metrics and no plugins."""
    return ServedKinds(KindTable.core(), (*MEASURED_KINDS, *ASKED_KINDS))


def rows(said: dict[str, str]) -> list[str]:
    """The table, with what is said of each kind in the last column."""
    return [*_HEAD, *(_row(info, said) for info in _infos())]


def said_in(table: list[str]) -> dict[str, str]:
    """What a table says of each kind in its last column."""
    split = ([cell.strip() for cell in line.strip("|").split("|")] for line in table[len(_HEAD) :])
    return {f"{cells[0]} {cells[1]}": cells[-1] for cells in split}


def split_page() -> tuple[str, list[str], str]:
    """The page before its table, the table's lines, and the page after it."""
    before, head, rest = PAGE.read_text().partition(_HEAD[0])
    lines = (head + rest).splitlines()
    end = next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return before, lines[:end], "\n".join(lines[end:]) + "\n"


def old_versions() -> list[str]:
    """The old versions that are converted, by kind: `Deployment apps/v1beta1`."""
    return sorted(f"{kind.info.kind} {kind.info.api_version}" for kind in OLD_KINDS)


def _infos() -> Iterator[KindInfo]:
    kinds = served()
    for group, versions in sorted(kinds.groups()):
        for version in versions:
            yield from sorted(discovery.infos_of(kinds, group, version), key=lambda info: info.kind)


def _row(info: KindInfo, said: dict[str, str]) -> str:
    listed = discovery.resource_list(served(), info.group, info.version)
    assert listed is not None
    parts = {entry["name"]: entry for entry in listed["resources"]}
    verbs = tuple(parts[info.plural]["verbs"])
    below = [name.partition("/")[2] for name in parts if name.startswith(f"{info.plural}/")]
    has_message = message_of(info.api_version, info.kind) is not None
    cells = (
        f"`{info.kind}`",
        f"`{info.api_version}`",
        "namespace" if info.namespaced else "cluster",
        _SHORT.get(verbs, ", ".join(verbs)),
        ", ".join(sorted(below)),
        "yes" if has_message else "no",
    )
    return f"| {' | '.join((*cells, said.get(f'{cells[0]} {cells[1]}', UNSAID)))} |"


def _rewrite() -> None:
    before, table, after = split_page()
    PAGE.write_text(before + "\n".join(rows(said_in(table))) + "\n" + after)


if __name__ == "__main__":
    _rewrite()
