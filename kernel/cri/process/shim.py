"""The shim: started once for each sandbox, it outlives podkernel and holds the sandbox.

    python -I -S shim.py probe            prints what this machine allows, as JSON
    python -I -S shim.py run DIRECTORY    returns once the sandbox stands; the shim goes on

It is run by its path with the standard library alone (`-S`) and nothing of the user's environment
(`-I`), which keeps it small and quick to start. The modules that it needs are found by name, as
everywhere, but their packages are entered without running `__init__`: the façade is not for it.
"""

import os
import sys
from types import ModuleType


def _find_own_modules() -> None:
    directory = os.path.dirname(os.path.abspath(__file__))
    for name in ("kernel.cri.process", "kernel.cri", "kernel"):
        package = ModuleType(name)
        package.__path__ = [directory]
        sys.modules[name] = package
        directory = os.path.dirname(directory)


def main() -> int:
    # uvloop's subprocesses inherit a second copy of their standard streams; kept open by the
    # shim, it would keep podkernel waiting for the end of this command's output.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    _find_own_modules()
    if sys.argv[1] == "probe":
        from kernel.cri.process.probe import probe

        print(probe())  # noqa: T201
        return 0
    from kernel.cri.process.sandbox import start

    return start(sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
