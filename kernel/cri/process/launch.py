"""What a forked child does to become a container's first process, or a command run in it.

Imported in the child, so that its cost never stays in the shim. Standard library alone. The child
reports a failure as text in a pipe that `exec` closes: an end of file without text is success.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import signal
import stat
from collections.abc import Callable

from kernel.cri.process import syscalls as system
from kernel.cri.process.capabilities import bound_capabilities, kept_capabilities
from kernel.cri.process.cgroup import Cgroups
from kernel.cri.process.layout import (
    EXIT_START_FAILED,
    MARK,
    RUNTIME_DEFAULT,
    TYPE_CHECKING,
    Record,
    container_has_own_processes,
    sandbox_has_own_processes,
)
from kernel.cri.process.rootfs import RootFilesystem
from kernel.cri.process.streams import Streams
from kernel.cri.process.user_namespace import enter_user_namespace

if TYPE_CHECKING:
    from typing import NoReturn

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# By the shim itself, or by Python; a program would inherit that.
_IGNORED_BY_SHIM = (
    *(signal.SIGCHLD, signal.SIGHUP, signal.SIGINT),
    *(signal.SIGPIPE, signal.SIGTERM, signal.SIGXFSZ),
)


class Launch:
    """The way of one child from fork to exec. `sandbox` and `container` are the records on disk."""

    def __init__(
        self,
        sandbox: Record,
        container: Record,
        *,
        streams: Streams,
        failure_pipe: int,
    ) -> None:
        self._sandbox = sandbox
        self._container = container
        self._streams = streams
        self._failure_pipe = failure_pipe

    def run(self, arrange: Callable[[], None], command: list[str]) -> NoReturn:
        """Do what `arrange` does to this process, then execute `command`. Never returns."""
        try:
            self._detach()
            self._adjust_oom_score()
            if self._sandbox["abilities"]["limits"]:
                Cgroups().join(self._container["id"])
            arrange()
            user, group, groups = self._identity()
            self._streams.take_terminal(user if self._sandbox["abilities"]["root"] else os.getuid())
            self._drop_privileges(user, group, groups)
            self._execute(command)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.write(self._failure_pipe, _describe(error).encode(errors="replace"))
        finally:
            os._exit(EXIT_START_FAILED)

    def build_root(self, sandbox_directory: str) -> None:
        """Arrange a new container: its own mounts, where this machine allows them."""
        config, abilities = self._container["config"], self._sandbox["abilities"]
        if not abilities["mounts"]:
            return
        system.unshare(system.CLONE_NEWNS)
        system.mount("", "/", "", system.MS_SLAVE | system.MS_REC)
        root = RootFilesystem(
            sandbox_directory,
            new_processes=sandbox_has_own_processes(self._sandbox),
            new_network=self._sandbox["network"] is not None,
            privileged=config["security"]["privileged"],
            whole_proc=config["security"]["whole_proc"],
            # Sandboxes from before there was one lack it.
            hidden_directory=self._sandbox.get("hidden_directory", ""),
        )
        mounts = [*self._managed_files(sandbox_directory), *config["mounts"]]
        root.enter(mounts, read_only=config["security"]["read_only_root_filesystem"])

    def _managed_files(self, sandbox_directory: str) -> list[Record]:
        names = sorted(os.listdir(f"{sandbox_directory}/etc"))
        return [
            {
                "host_path": f"{sandbox_directory}/etc/{name}",
                "container_path": f"/etc/{name}",
                "read_only": False,
                "propagation": "private",
            }
            for name in names
        ]

    def _detach(self) -> None:
        """Leave the shim's session, streams and signal handling behind."""
        os.setsid()
        system.die_with_parent(signal.SIGKILL)
        # The shim may have died before the line above: then nobody reads the pipe any more.
        poll = select.poll()
        poll.register(self._failure_pipe, 0)
        if any(events & select.POLLERR for _, events in poll.poll(0)):
            os._exit(EXIT_START_FAILED)
        self._streams.take()
        signal.set_wakeup_fd(-1)
        for number in _IGNORED_BY_SHIM:
            signal.signal(number, signal.SIG_DFL)
        os.umask(0o022)

    def _adjust_oom_score(self) -> None:
        """Who is killed first when memory runs out; to lower one's own score takes privileges."""
        score = self._container["config"]["resources"]["oom_score_adjustment"]
        if score:
            with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
                file.write(str(score))

    def _identity(self) -> tuple[int, int, list[int]]:
        """The user, the group and the supplemental groups that are asked for."""
        security = self._container["config"]["security"]
        pod_security = self._sandbox["config"]["security"]
        user, group = security["run_as_user"], security["run_as_group"]
        user = (pod_security["run_as_user"] if user is None else user) or 0
        group = pod_security["run_as_group"] if group is None else group
        groups = security["supplemental_groups"] or pod_security["supplemental_groups"]
        return user, _primary_group(user) if group is None else group, groups

    def _drop_privileges(self, user: int, group: int, groups: list[int]) -> None:
        security, abilities = self._container["config"]["security"], self._sandbox["abilities"]
        if not abilities["root"] and abilities["users"] and (user or group):
            enter_user_namespace(user=user, group=group)
        if abilities["mounts"] and not security["privileged"]:
            kept = kept_capabilities(security)
            bound_capabilities(kept)
            if abilities["seccomp"] and security["seccomp_profile"] == RUNTIME_DEFAULT:
                from kernel.cri.process.seccomp import forbid_system_calls

                forbid_system_calls(kept)
        if abilities["root"]:
            os.setgroups(groups)
            os.setgid(group)
            os.setuid(user)
        if not security["allow_privilege_escalation"]:
            system.forbid_new_privileges()
        system.die_with_parent(signal.SIGKILL)

    def _execute(self, command: list[str]) -> NoReturn:
        config = self._container["config"]
        environment = self._environment()
        directory = config["working_directory"] or "/"
        if not os.path.isdir(directory):
            with contextlib.suppress(OSError):
                os.makedirs(directory)
        try:
            os.chdir(directory)
        except OSError as error:
            raise OSError(f'chdir to cwd ("{directory}"): {_reason(error)}') from error
        program = _find_program(command[0], environment.get("PATH", ""))
        try:
            os.execve(program, command, environment)
        except OSError as error:
            raise OSError(f'exec: "{command[0]}": {_reason(error)}') from error

    def _environment(self) -> dict[str, str]:
        config, sandbox = self._container["config"], self._sandbox["config"]
        environment = {
            "PATH": _PATH,
            "HOSTNAME": sandbox["hostname"] or os.uname().nodename,
            "HOME": self._home(),
            **config["environment"],
        }
        if config["tty"] or os.isatty(1):
            environment.setdefault("TERM", "xterm")
        if container_has_own_processes(self._sandbox, self._container):
            return environment
        return {**environment, MARK: self._container["id"]}

    def _home(self) -> str:
        user = os.getuid()
        if user == 0 and not self._sandbox["abilities"]["root"]:
            # Root in a user namespace is the user who made it.
            user = self._sandbox["user"]
        try:
            return pwd.getpwuid(user).pw_dir
        except KeyError:
            return "/"


def _primary_group(user: int) -> int:
    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:
        return 0


def _find_program(name: str, path: str) -> str:
    """Where the program is; raises `OSError` in the words that runc has for it."""
    if "/" in name:
        try:
            found = os.stat(name)
        except OSError as error:
            raise OSError(f'exec: "{name}": stat {name}: {_reason(error)}') from error
        if stat.S_ISDIR(found.st_mode):
            raise OSError(f'exec: "{name}": is a directory')
        if not os.access(name, os.X_OK):
            raise OSError(f'exec: "{name}": permission denied')
        return name
    for directory in path.split(":"):
        candidate = os.path.join(directory or ".", name)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise OSError(f'exec: "{name}": executable file not found in $PATH')


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _describe(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {_reason(error)}"
    return str(error) or type(error).__name__
