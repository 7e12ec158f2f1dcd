"""What the operating system knows of a process: its CPU time and its memory."""

from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads so far, in user and kernel mode."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory_megabytes(pid: int) -> dict[str, float]:
    """Resident memory (VmRSS), and the anonymous part of it (RssAnon): LMDB's mapped pages count
    as resident."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "RssAnon"):
            found[name] = int(value.split()[0]) / 1024
    return found
