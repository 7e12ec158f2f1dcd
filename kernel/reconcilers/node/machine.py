"""The facts of the machine that a Node object tells: read once, at start."""

import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kernel.objects.quantity import format_binary

# Go's names of processor architectures, which Kubernetes' labels use.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}

_HUGE_PAGES = Path("/sys/kernel/mm/hugepages")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a node has and is. What can't be found out is an empty string or 0. `huge_pages_bytes`
    is what is set apart for huge pages, by the name of the resource (`hugepages-2Mi`)."""

    cpus: int
    memory_bytes: int
    storage_bytes: int
    huge_pages_bytes: Mapping[str, int] = {}
    hostname: str
    internal_ip: str
    architecture: str = "amd64"
    operating_system: str = "linux"
    os_image: str = ""
    kernel_version: str = ""
    machine_id: str = ""
    system_uuid: str = ""
    boot_id: str = ""


def this_machine(directory: Path) -> Machine:
    """The machine that this runs on. `directory` is where Pods' files will be: the size of its
    file system is what the node has of storage."""
    status = os.statvfs(directory)
    machine = platform.machine()
    return Machine(
        cpus=os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        storage_bytes=status.f_frsize * status.f_blocks,
        huge_pages_bytes=_huge_pages_bytes(),
        hostname=socket.gethostname().lower(),
        internal_ip=internal_ip(),
        architecture=_ARCHITECTURES.get(machine, machine),
        operating_system=platform.system().lower(),
        os_image=_os_image(),
        kernel_version=platform.release(),
        machine_id=_line_of("/etc/machine-id"),
        system_uuid=_line_of("/sys/class/dmi/id/product_uuid"),
        boot_id=_line_of("/proc/sys/kernel/random/boot_id"),
    )


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def _huge_pages_bytes() -> dict[str, int]:
    found = {}
    for directory in _HUGE_PAGES.glob("hugepages-*kB"):
        page_bytes = int(directory.name.removeprefix("hugepages-").removesuffix("kB")) * 1024
        pages = int(_line_of(str(directory / "nr_hugepages")) or 0)
        found[f"hugepages-{format_binary(page_bytes)}"] = page_bytes * pages
    return found


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return platform.platform()


def _line_of(path: str) -> str:
    """The text of a small file of the system's; "" where there is none, or not for everybody."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def internal_ip() -> str:
    """The address that this machine has towards others; 127.0.0.1 where it has no network.

    Connecting a UDP socket asks the routing table, and sends nothing.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation: RFC 5737
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address
