"""What a container of the process runtime may do, for root and in user namespaces: all that it is
denied, it is denied for real."""

import os
from pathlib import Path

import pytest

from kernel.cri.runtime import LinuxResources, Mount, SecurityContext
from tests.cri.process_machine import abilities, needs_mounts, needs_root
from tests.cri.trial import Trial, log_lines

pytestmark = [pytest.mark.anyio, needs_mounts]

# A line for each path: what it takes for, and whether it can be written.
_LOOK = """
for path in /proc/kcore /proc/keys /proc/timer_list /proc/sysrq-trigger; do
  test -e $path || continue
  echo $path $(head -c 1 $path 2>/dev/null | wc -c) $( (: > $path) 2>/dev/null && echo w)
done
for path in /proc/acpi /sys/firmware /proc/scsi; do
  test -d $path && echo $path $(ls -A $path 2>/dev/null | wc -l)
done
(echo 1 > /proc/sys/kernel/panic) 2>/dev/null && echo sysctl
(mkdir /sys/kernel/debug/made) 2>/dev/null && echo sys
echo end
"""


def read(path: str) -> str:
    return Path(path).read_text()


async def test_risky_parts_of_proc_and_sys_are_hidden(trial: Trial) -> None:
    panic = "/proc/sys/kernel/panic"
    before = read(panic)
    sandbox_id = await trial.run_sandbox()
    for name, changes in (("own", {}), ("host", {"host_pid": True})):
        sandbox_id = await trial.run_sandbox(name, **changes)
        lines = await trial.output(await trial.shell(sandbox_id, _LOOK, name))
        assert lines[-1] == "end"
        assert "sysctl" not in lines
        assert "sys" not in lines
        seen = {line.split()[0]: line.split()[1] for line in lines[:-1]}
        assert "/proc/keys" in seen
        assert {path for path, count in seen.items() if count != "0"} <= {"/proc/sysrq-trigger"}
        # A write to /dev/null goes through, one to a read-only file doesn't.
        assert not any(line.endswith(" w") for line in lines if "sysrq" in line)
    assert read(panic) == before


async def test_whole_proc_is_shown_to_who_asks_for_it(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    script = "grep -c ' /proc/' /proc/self/mountinfo"
    for name, security, expected in (
        ("default", SecurityContext(), False),
        ("whole", SecurityContext(whole_proc=True), True),
        ("privileged", SecurityContext(privileged=True), True),
    ):
        container_id = await trial.shell(sandbox_id, script, name, security=security)
        (count,) = await trial.output(container_id)
        assert (count == "0") is expected


@pytest.mark.skipif(not abilities().seccomp, reason="no libseccomp, or not for this user")
async def test_the_default_seccomp_profile_forbids_what_no_container_needs(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    script = (
        "grep -E '^Seccomp:' /proc/self/status | tr -d '\\t'; "
        "unshare --user true && echo namespace; unshare --mount true && echo mounts; "
        "chroot / true && echo chroot; (true | cat); sleep 0; echo works"
    )
    default = SecurityContext(seccomp_profile="RuntimeDefault")
    admin = SecurityContext(seccomp_profile="RuntimeDefault", capabilities_added=("SYS_ADMIN",))
    for name, security, expected in (
        ("confined", default, ["Seccomp:2", "chroot", "works"]),
        ("admin", admin, ["Seccomp:2", "namespace", "mounts", "chroot", "works"]),
        ("unset", SecurityContext(), ["Seccomp:0", "namespace", "chroot", "works"]),
    ):
        container_id = await trial.shell(sandbox_id, script, name, security=security)
        lines = await trial.output(container_id)
        assert lines == expected
    # Also for commands that are executed in it.
    running = await trial.shell(sandbox_id, "sleep 60", "running", security=default)
    command = ("grep", "-E", "^Seccomp:", "/proc/self/status")
    result = await trial.runtime.exec_sync(running, command, timeout_seconds=30)
    assert result.stdout == b"Seccomp:\t2\n"
    assert (
        "seccomp"
        not in " ".join(
            trial.runtime.limitations(
                trial.sandbox_config(), trial.container_config(("true",), security=default)
            )
        ).lower()
    )


async def test_capabilities_are_bounded(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    script = "grep CapEff /proc/self/status; chown 0:0 /tmp && echo chown"
    for name, security, expected in (
        ("usual", SecurityContext(), 0xA80425FB),
        ("more", SecurityContext(capabilities_added=("NET_ADMIN",)), 0xA80425FB | 1 << 12),
        ("none", SecurityContext(capabilities_dropped=("ALL",)), 0),
        (
            "one",
            SecurityContext(capabilities_dropped=("ALL",), capabilities_added=("CAP_CHOWN",)),
            1,
        ),
    ):
        container_id = await trial.shell(sandbox_id, script, name, security=security)
        line, *_ = await trial.output(container_id)
        assert int(line.split()[1], 16) == expected


async def test_privileges_can_not_be_gained_where_that_is_forbidden(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    script = "grep NoNewPrivs /proc/self/status"
    for name, allowed in (("free", True), ("bound", False)):
        security = SecurityContext(allow_privilege_escalation=allowed)
        container_id = await trial.shell(sandbox_id, script, name, security=security)
        assert await trial.output(container_id) == [f"NoNewPrivs:\t{int(not allowed)}"]


@pytest.mark.skipif(not abilities().users, reason="this user can't even seem to be another")
async def test_a_program_is_or_seems_to_be_the_user_that_is_asked_for(
    trial: Trial, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir(mode=0o777)
    volume.chmod(0o777)
    sandbox_id = await trial.run_sandbox(security=SecurityContext(run_as_user=7, run_as_group=8))
    script = (
        "id -u; id -g; grep CapEff /proc/self/status; touch /srv/$(id -u) && "
        "stat -c %u:%g /srv/$(id -u); sleep 60"
    )
    mounts = (Mount(str(volume), "/srv"),)
    own = SecurityContext(run_as_user=1234, run_as_group=2345)
    for name, security, ids in (("own", own, "1234:2345"), ("pods", SecurityContext(), "7:8")):
        container_id = await trial.shell(sandbox_id, script, name, mounts=mounts, security=security)
        await trial.wait_output(container_id, ids)
        command = ("sh", "-c", "id -u; id -g; kill -0 1 && echo reached")
        result = await trial.runtime.exec_sync(container_id, command, timeout_seconds=30)
        assert result.stdout.decode().split() == [*ids.split(":"), "reached"]
        await trial.runtime.stop_container(container_id, grace_seconds=0)
        user, group, rights, owner = await trial.output(container_id)
        assert [user, group] == ids.split(":")
        assert rights.split()[1] == "0" * 16
        assert owner == ids


@needs_root
@pytest.mark.root
async def test_a_privileged_container_has_what_the_machine_has(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    script = (
        "grep CapEff /proc/self/status; ls /dev | wc -l; "
        "mkdir /tmp/m && mount -t tmpfs none /tmp/m && echo mounted; "
        "awk '$5 == \"/sys\" { print substr($6, 1, 2) }' /proc/self/mountinfo"
    )
    container_id = await trial.shell(sandbox_id, script, security=SecurityContext(privileged=True))
    rights, devices, mounted, sys = await trial.output(container_id)
    assert rights in read("/proc/self/status").splitlines()
    assert int(devices) == len(os.listdir("/dev"))
    assert (mounted, sys) == ("mounted", "rw")


@needs_root
@pytest.mark.root
async def test_sysctls_of_ipc_are_the_pods_own(trial: Trial) -> None:
    path = "/proc/sys/kernel/shmmni"
    before = read(path)
    sandbox_id = await trial.run_sandbox(sysctls={"kernel.shmmni": "1234"})
    assert await trial.output(await trial.shell(sandbox_id, f"cat {path}")) == ["1234"]
    assert read(path) == before


async def test_no_container_sees_the_runtime_s_own_directory(
    trial: Trial, state_directory: Path
) -> None:
    (state_directory / "token").write_text("secret")
    volume = state_directory / "volume"
    volume.mkdir()
    (volume / "file").write_text("shown\n")
    mounts = (Mount(str(volume), "/srv/volume"),)
    look = f"ls -A {state_directory}; cat {state_directory}/token 2>/dev/null"
    script = f"{look}; cat /srv/volume/file; sleep 600"
    sandbox_id = await trial.run_sandbox()
    for privileged in (False, True):
        security = SecurityContext(privileged=privileged)
        name = f"privileged-{privileged}".lower()
        container_id = await trial.shell(sandbox_id, script, name, security=security, mounts=mounts)
        await trial.wait_output(container_id, "shown")
        container = await trial.runtime.container_status(container_id)
        assert log_lines(container) == [("stdout", "shown")]
        command = ("sh", "-c", look)
        looked = await trial.runtime.exec_sync(container_id, command, timeout_seconds=10)
        assert looked.stdout == b""


async def test_a_container_is_spared_when_memory_runs_out_or_it_is_said(trial: Trial) -> None:
    resources = LinuxResources(oom_score_adjustment=-5)
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(
        sandbox_id, "cat /proc/self/oom_score_adj", resources=resources
    )
    (score,) = await trial.output(container_id)
    config = trial.container_config(("true",), resources=resources)
    said = trial.runtime.limitations(trial.sandbox_config(), config)
    assert any("not spared" in sentence for sentence in said) == (score != "-5")
