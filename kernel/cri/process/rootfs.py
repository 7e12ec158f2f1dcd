"""A container's root filesystem: this machine's own, with writes kept apart and volumes on top.

Runs in the child that becomes the container, in a mount namespace of its own, so that everything
mounted here vanishes with the container's last process. Standard library alone.

1. A tmpfs on the sandbox's `root` directory takes what the container writes.
2. Over it the machine's files appear. Where the kernel lets us that is one overlay of `/`, and one
   of each filesystem mounted below. A user namespace may not overlay a tree with mounts in it, so
   there `/`, and on the way to a mount each directory, is made anew and its entries are overlaid
   one by one. Files among these, and filesystems that overlayfs refuses, are bound read-only; a
   directory that the user may not enter is empty.
3. `/proc`, `/sys`, `/dev` are made anew, the risky parts of them are hidden or made read-only, as
   is the directory of podkernel's own data, and the tree becomes the root.
4. Volumes are bound, inside the new root so that symbolic links lead where the container would
   follow them. Their mount points are made; a directory in which that is forbidden is covered by a
   tmpfs to which all of its entries are bound.
"""

import contextlib
import os
import stat

from kernel.cri.hidden_paths import MASKED_PATHS, READ_ONLY_PATHS
from kernel.cri.process import syscalls as system
from kernel.cri.process.layout import Record

# Made anew in every container, so never shown as they are on the machine.
_OWN_TREES = ("/dev", "/proc", "/sys")
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
_DEVICE_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
_NOT_SHOWN = frozenset(
    (
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts"),
        *("devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "overlay", "proc"),
        *("pstore", "rpc_pipefs", "securityfs", "sysfs", "tracefs"),
    )
)
_PLAIN = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC


class RootFilesystem:
    """The steps above, for one container. `sandbox_directory` is absolute."""

    def __init__(
        self,
        sandbox_directory: str,
        *,
        new_processes: bool,
        new_network: bool,
        privileged: bool,
        whole_proc: bool,
        hidden_directory: str,
    ) -> None:
        self._sandbox_directory = sandbox_directory
        self._scratch = f"{sandbox_directory}/root"
        self._new_processes = new_processes
        self._new_network = new_network
        self._privileged = privileged
        self._whole_proc = whole_proc
        self._hidden_directory = hidden_directory
        self._all_points, foreign = _mount_points()
        self._left_out = {*_OWN_TREES, *foreign}
        self._layers: list[str] = []
        self._root = f"{self._scratch}/root"

    def enter(self, mounts: list[Record], *, read_only: bool) -> None:
        """Build the root with `mounts` (fields of `runtime.Mount`) and make it this process's."""
        # Opened now, because their paths mean the machine's files, not the container's.
        sources = [os.open(mount["host_path"], os.O_PATH | os.O_CLOEXEC) for mount in mounts]
        system.mount("tmpfs", self._scratch, "tmpfs", system.MS_NOSUID, "mode=0755")
        for name in ("upper", "work", "root"):
            os.mkdir(f"{self._scratch}/{name}")
        self._show_machine()
        self._mount_proc()
        self._mount_sys()
        self._mount_dev()
        if not (self._privileged or self._whole_proc):
            self._hide_paths()
        self._hide_directory()
        old_root = self._pivot()
        for mount, source in zip(mounts, sources, strict=True):
            self._bind_volume(mount, source)
            os.close(source)
        if read_only:
            for layer in self._layers:
                system.mount("", layer, "", system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY)
        os.fchdir(old_root)
        system.unmount(".")
        os.close(old_root)
        os.chdir("/")

    def _show_machine(self) -> None:
        try:
            self._overlay("/")
        except OSError:
            self._show_entries("/")
            return
        covered = [*self._left_out, self._sandbox_directory]
        for point in self._all_points:
            if point != "/" and not any(_is_within(point, tree) for tree in covered):
                self._show_mount(point, covered)

    def _show_mount(self, point: str, covered: list[str]) -> None:
        """A filesystem that is mounted below `/`; `covered` gets it if it brings its own mounts."""
        if not os.path.lexists(self._root + point):
            return
        try:
            self._overlay(point)
        except OSError:
            with contextlib.suppress(OSError):
                self._bind(point, read_only=True)
            covered.append(point)

    def _show_entries(self, directory: str) -> None:
        """A directory that can't be overlaid as a whole: a writable one, and in it each entry."""
        target = self._root + directory
        if directory == "/":
            system.mount(target, target, "", system.MS_BIND)
        else:
            mode = stat.S_IMODE(os.stat(directory).st_mode)
            system.mount("tmpfs", target, "tmpfs", system.MS_NOSUID, f"mode={mode:04o}")
        self._layers.append(directory)
        for entry in os.scandir(directory):
            target = self._root + entry.path
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), target)
            elif entry.is_dir(follow_symlinks=False):
                os.mkdir(target)
                if os.access(entry.path, os.X_OK) and entry.path not in self._left_out:
                    self._show_directory(entry.path)
            else:
                _make_file(target)
                self._bind(entry.path, read_only=True)

    def _show_directory(self, path: str) -> None:
        try:
            self._overlay(path)
        except OSError:
            has_mounts = any(point.startswith(f"{path}/") for point in self._all_points)
            if has_mounts and os.access(path, os.R_OK):
                self._show_entries(path)
            else:
                self._bind(path, read_only=True)

    def _overlay(self, path: str) -> None:
        number = len(os.listdir(f"{self._scratch}/upper"))
        upper, work = f"{self._scratch}/upper/{number}", f"{self._scratch}/work/{number}"
        os.mkdir(upper)
        os.mkdir(work)
        # The top directory of an overlay shows the owner and mode of its upper layer.
        lower = os.stat(path)
        with contextlib.suppress(OSError):
            os.chown(upper, lower.st_uid, lower.st_gid)
        os.chmod(upper, stat.S_IMODE(lower.st_mode))
        target = self._root if path == "/" else self._root + path
        options = ",".join(
            f"{key}={_escape(value)}"
            for key, value in (("lowerdir", path), ("upperdir", upper), ("workdir", work))
        )
        if os.stat("/proc/self/ns/user").st_ino != _INITIAL_USER_NAMESPACE:
            options += ",userxattr"
        system.mount("overlay", target, "overlay", 0, options)
        self._layers.append(path)

    def _bind(self, path: str, *, read_only: bool) -> None:
        target = self._root + path
        system.mount(path, target, "", system.MS_BIND | system.MS_REC)
        if read_only:
            system.make_read_only(target)

    def _hide_directory(self) -> None:
        """What the machine keeps of other Pods, and the keys to them, in place of which there is an
        empty directory. Volumes that come out of it were opened before."""
        target = self._root + self._hidden_directory
        if self._hidden_directory and os.path.isdir(target):
            system.mount("tmpfs", target, "tmpfs", _PLAIN, "mode=0755")

    def _hide_paths(self) -> None:
        for path in MASKED_PATHS:
            target = self._root + path
            if os.path.isdir(target):
                system.mount("tmpfs", target, "tmpfs", _PLAIN | system.MS_RDONLY)
            elif os.path.exists(target):
                system.mount("/dev/null", target, "", system.MS_BIND)
        for path in READ_ONLY_PATHS:
            target = self._root + path
            if os.path.exists(target):
                system.mount(target, target, "", system.MS_BIND | system.MS_REC)
                system.make_read_only(target)

    def _mount_proc(self) -> None:
        target = f"{self._root}/proc"
        if self._new_processes:
            system.mount("proc", target, "proc", _PLAIN)
        else:
            system.mount("/proc", target, "", system.MS_BIND | system.MS_REC)

    def _mount_sys(self) -> None:
        target = f"{self._root}/sys"
        if self._new_network:
            # sysfs shows the network devices of the namespace in which it is mounted.
            flags = 0 if self._privileged else system.MS_RDONLY
            system.mount("sysfs", target, "sysfs", _PLAIN | flags)
            with contextlib.suppress(OSError):
                self._bind("/sys/fs/cgroup", read_only=not self._privileged)
        else:
            self._bind("/sys", read_only=not self._privileged)

    def _mount_dev(self) -> None:
        target = f"{self._root}/dev"
        if self._privileged:
            system.mount("/dev", target, "", system.MS_BIND | system.MS_REC)
            return
        system.mount("tmpfs", target, "tmpfs", system.MS_NOSUID, "mode=0755")
        for name in _DEVICES:
            if os.path.exists(f"/dev/{name}"):
                _make_file(f"{target}/{name}")
                system.mount(f"/dev/{name}", f"{target}/{name}", "", system.MS_BIND)
        for name, destination in _DEVICE_LINKS:
            os.symlink(destination, f"{target}/{name}")
        for name in ("pts", "shm", "mqueue"):
            os.mkdir(f"{target}/{name}")
        options = "newinstance,ptmxmode=0666,mode=0620"
        system.mount("devpts", f"{target}/pts", "devpts", system.MS_NOSUID, options)
        system.mount(f"{self._sandbox_directory}/shm", f"{target}/shm", "", system.MS_BIND)
        with contextlib.suppress(OSError):
            system.mount("mqueue", f"{target}/mqueue", "mqueue", _PLAIN)

    def _pivot(self) -> int:
        """Make the new tree the root; answers the old root, which lies on top until unmounted."""
        old_root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.chdir(self._root)
        system.pivot_root(".", ".")
        os.chdir("/")
        return old_root

    def _bind_volume(self, mount: Record, source: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(source).st_mode)
        target = _make_mount_point(mount["container_path"], is_directory=is_directory)
        system.mount(f"/proc/self/fd/{source}", target, "", system.MS_BIND | system.MS_REC)
        if mount["propagation"] == "private":
            system.mount("", target, "", system.MS_PRIVATE | system.MS_REC)
        if mount["read_only"]:
            system.make_read_only(target)


# The inode number of the first user namespace is fixed in the kernel (PROC_USER_INIT_INO).
_INITIAL_USER_NAMESPACE = 0xEFFFFFFD


def _mount_points() -> tuple[list[str], set[str]]:
    """Where filesystems are mounted, parents before children; and which of them to leave out.

    Left out are those of the kernel, which programs use at /proc, /sys and /dev, what is mounted in
    /run, and what other container runtimes mount for themselves.
    """
    points, left_out = set(), set()
    with open("/proc/self/mountinfo") as file:
        for line in file:
            fields, _, source = line.partition(" - ")
            point = _unescape(fields.split(" ")[4])
            points.add(point)
            if source.split(" ")[0] in _NOT_SHOWN or point.startswith("/run/"):
                left_out.add(point)
    return sorted(points), left_out - {"/"}


def _unescape(path: str) -> str:
    """mountinfo writes blanks and backslashes in octal."""
    return path.encode().decode("unicode_escape").encode("latin-1").decode()


def _escape(path: str) -> str:
    """overlayfs takes `,` and `:` as separators unless a backslash stands before them."""
    return path.replace("\\", "\\\\").replace(",", "\\,").replace(":", "\\:")


def _is_within(path: str, tree: str) -> bool:
    return path == tree or path.startswith(f"{tree}/")


def _make_file(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _make_mount_point(path: str, *, is_directory: bool) -> str:
    """Make `path` in the new root where it is missing; answers it without symbolic links."""
    resolved = os.path.realpath(path)
    current = ""
    names = [name for name in resolved.split("/") if name]
    for index, name in enumerate(names):
        parent, current = current or "/", f"{current}/{name}"
        make_directory = is_directory or index < len(names) - 1
        if _can_reach(current):
            continue
        try:
            _make_entry(current, is_directory=make_directory)
        except OSError:
            _cover(parent)
            if not os.path.lexists(current):
                _make_entry(current, is_directory=make_directory)
    return current or "/"


def _can_reach(path: str) -> bool:
    try:
        os.lstat(path)
    except OSError:
        return False
    return True


def _make_entry(path: str, *, is_directory: bool) -> None:
    if is_directory:
        os.mkdir(path)
    else:
        _make_file(path)


def _cover(directory: str) -> None:
    """Put a writable tmpfs over `directory` that shows the same entries, as far as it lists any."""
    hidden = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        entries = list(os.scandir(directory))
    except OSError:
        entries = []
    try:
        system.mount("tmpfs", directory, "tmpfs", system.MS_NOSUID, "mode=0755")
        for entry in entries:
            source = f"/proc/self/fd/{hidden}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(source), entry.path)
            else:
                _make_entry(entry.path, is_directory=entry.is_dir(follow_symlinks=False))
                system.mount(source, entry.path, "", system.MS_BIND | system.MS_REC)
    finally:
        os.close(hidden)
