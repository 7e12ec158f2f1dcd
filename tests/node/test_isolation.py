"""Names, DNS, users, capabilities and what is hidden of the machine, as a process sees them."""

import pytest

from .harness import PodKernel, phase
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def _said(kernel: PodKernel, name: str, container_name: str) -> dict[str, str]:
    """What a container has printed, as `key: value` lines; a key's further lines are joined."""
    found: dict[str, str] = {}
    for line in kernel.kubectl("logs", name, "-c", container_name).splitlines():
        key, _, value = line.partition(": ")
        found[key] = f"{found[key]} | {value}" if key in found else value
    return found


def _run(kernel: PodKernel, name: str, manifest: str) -> None:
    kernel.apply(manifest)
    ended = kernel.pod_when(name, lambda pod: phase(pod) in ("Succeeded", "Failed"))
    assert phase(ended) == "Succeeded", ended["status"]


def test_a_pods_names_and_its_resolv_conf(shared_kernel: PodKernel) -> None:
    script = (
        "echo hostname: $(hostname);"
        "sed 's/^/hosts: /' /etc/hosts; sed 's/^/resolv: /' /etc/resolv.conf"
    )
    _run(
        shared_kernel,
        "names",
        pod(
            "names",
            container(script),
            restartPolicy="Never",
            hostname="shop",
            subdomain="apps",
            setHostnameAsFQDN=True,
            hostAliases=[{"ip": "10.1.2.3", "hostnames": ["foo.remote", "bar.remote"]}],
            dnsPolicy="None",
            dnsConfig={
                "nameservers": ["192.0.2.53"],
                "searches": ["own.dev"],
                "options": [{"name": "ndots", "value": "3"}],
            },
        ),
    )
    said = _said(shared_kernel, "names", "main")
    whole = "shop.apps.default.svc.cluster.local"
    assert said["hostname"] == whole
    assert f"\t{whole}\tshop" in said["hosts"]
    assert "10.1.2.3\tfoo.remote\tbar.remote" in said["hosts"]
    assert said["resolv"].split(" | ") == [
        *("search own.dev", "nameserver 192.0.2.53", "options ndots:3"),
    ]


def test_who_a_container_is_and_what_it_may_do(shared_kernel: PodKernel) -> None:
    script = (
        "echo id: $(id -u) $(id -g) $(id -G);"
        "grep -E 'NoNewPrivs|Seccomp:|CapEff' /proc/self/status;"
        "touch /written 2>/dev/null && echo root: writable || echo root: read-only;"
        "cat /proc/sys/net/ipv4/ip_unprivileged_port_start | sed 's/^/port: /';"
        "echo 1 2>/dev/null >/proc/sysrq-trigger && echo sysrq: open || echo sysrq: closed;"
        "grep -q ' /proc/keys ' /proc/self/mountinfo && echo keys: hidden || echo keys: shown"
    )
    strict = {
        "runAsUser": 1000,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    added = {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
    _run(
        shared_kernel,
        "who",
        pod(
            "who",
            container(script, "strict", securityContext=strict),
            container(script, "added", securityContext=added),
            container(script, "free", securityContext={"privileged": True}),
            restartPolicy="Never",
            securityContext={
                "runAsGroup": 3000,
                "fsGroup": 2000,
                "supplementalGroups": [4000],
                "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "80"}],
            },
        ),
    )
    said = _said(shared_kernel, "who", "strict")
    said = {key.partition(":")[0]: value.strip() for key, value in said.items()}
    assert said["id"].split()[:2] == ["1000", "3000"]
    assert set(said["id"].split()[2:]) == {"3000", "2000", "4000"}
    assert (said["root"], said["port"]) == ("read-only", "80")
    assert (said["sysrq"], said["keys"]) == ("closed", "hidden")
    status = shared_kernel.kubectl("logs", "who", "-c", "strict")
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert "CapEff:\t0000000000000000" in status
    root = shared_kernel.kubectl("logs", "who", "-c", "added")
    assert "CapEff:\t0000000000000400" in root
    assert "id: 0 3000" in root
    assert "Seccomp:\t0" in root
    assert "root: writable" in root
    assert "keys: hidden" in root
    assert "keys: shown" in shared_kernel.kubectl("logs", "who", "-c", "free")


def test_an_apparmor_profile_that_the_machine_does_not_have(shared_kernel: PodKernel) -> None:
    wanted = {"appArmorProfile": {"type": "Localhost", "localhostProfile": "no-such-profile"}}
    shared_kernel.apply(pod("apparmor", container(securityContext=wanted)))
    shared_kernel.wait_for_event("apparmor", "Failed", "apparmor")
    shared_kernel.kubectl("delete", "pod", "apparmor", "--now")
