"""Which Kubernetes the API resembles, as `/version` and kubectl's skew check want it."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import msgspec

# kubectl warns of servers more than one minor version away from it. It is in the middle of those
# that are tried (1.27 to 1.33) and newer, and the API is read from 1.32.
MAJOR, MINOR = "1", "32"


class VersionInfo(msgspec.Struct, rename="camel"):
    """What `/version` answers (k8s.io/apimachinery's version.Info)."""

    major: str
    minor: str
    git_version: str
    git_commit: str
    git_tree_state: str
    build_date: str
    go_version: str
    compiler: str
    platform: str


@cache
def version_info() -> VersionInfo:
    """Kubernetes' version that is served, with podkernel's own as its build."""
    try:
        own = version("podkernel")
    except PackageNotFoundError:  # run from a checkout that is not installed
        own = "unreleased"
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return VersionInfo(
        major=MAJOR,
        minor=MINOR,
        git_version=f"v{MAJOR}.{MINOR}.0+podkernel-{own}",
        git_commit="",
        git_tree_state="",
        build_date="1970-01-01T00:00:00Z",
        go_version="",
        compiler=platform.python_implementation(),
        platform=f"{platform.system().lower()}/{machine}",
    )
