"""Processes and what they use, told by files as Linux writes them."""

from pathlib import Path

from kernel.cri.process.process_table import ProcessTable


def add_process(proc: Path, numbers: list[int], parent: int, *, ticks: int, pages: int) -> None:
    """`numbers` are the process's own, in each of its PID namespaces."""
    directory = proc / str(numbers[0])
    directory.mkdir()
    fields = ["S", str(parent), *["0"] * 9, str(ticks), "1", "2", "3", *["0"] * 6, str(pages), "0"]
    (directory / "stat").write_text(f"{numbers[0]} (a ) (b) {' '.join(fields)}\n")
    joined = "\t".join(map(str, numbers))
    (directory / "status").write_text(f"Name:\ta\nNSpid:\t{joined}\nThreads:\t1\n")


def test_a_family_is_measured_as_one(tmp_path: Path) -> None:
    add_process(tmp_path, [10, 1], 1, ticks=1000, pages=1000)
    add_process(tmp_path, [11, 2, 1], 10, ticks=44, pages=1)
    add_process(tmp_path, [12, 3, 2], 11, ticks=94, pages=2)
    add_process(tmp_path, [13, 4, 1], 10, ticks=5, pages=5)
    table = ProcessTable(tmp_path)
    pid = table.child(10, 2, namespaces_deep=1)
    assert pid == 11
    cpu_nanoseconds, memory_bytes = table.usage(pid)
    # A hundred ticks a second, in pages of 4 KiB: as on every machine that Python runs on here.
    assert cpu_nanoseconds == (44 + 6 + 94 + 6) * 10_000_000
    assert memory_bytes == 3 * 4096
    assert table.child(10, 11, namespaces_deep=0) == 11
    assert table.child(10, 11, namespaces_deep=1) is None
    assert table.child(99, 1, namespaces_deep=0) is None
