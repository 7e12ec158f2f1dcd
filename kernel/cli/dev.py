"""`podkernel dev`: the whole kernel on this machine, until Ctrl-C."""

import argparse
import logging
import re
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import anyio

from kernel.api.client import Client
from kernel.api.context import acting
from kernel.api.validation import name_errors
from kernel.assembly import Kernel
from kernel.cli.apply import Manifest, apply, check_rules, check_with, read_manifests
from kernel.cli.display import showing_pods
from kernel.cli.failure import CommandFailure
from kernel.cli.limits import parse_limits
from kernel.cli.moments import parse_duration
from kernel.clock import Clock, SystemClock
from kernel.control.plugin import (
    Plugin,
    check_names,
    load_entry_points,
    load_path,
    served_kinds,
)
from kernel.objects.node import Node
from kernel.reconcilers.node_limits import NodeLimits
from kernel.reconcilers.static_pods.url import SCHEMES
from kernel.store.compaction import Retention

ACTOR = "podkernel-dev"
_HEADER_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(arguments: argparse.Namespace) -> int:
    """Check everything that can be checked before anything starts; then serve."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    clock = SystemClock()
    host, port = _parse_listen(arguments.listen)
    _check_node_name(arguments.node_name)
    _static_pods_headers(arguments)
    retention = _retention(arguments)
    limits = parse_limits(arguments.node_limits)
    plugins = load_entry_points()
    for path in arguments.plugins:
        plugins += load_path(path)
    kinds = served_kinds(plugins)
    check_names(plugins)
    manifests = read_manifests(arguments.manifests, kinds, clock)
    hooks = [hook for plugin in plugins for hook in plugin.admission_hooks]
    hooked = {kind for hook in hooks for kind in hook.kinds or kinds}
    check_rules(manifests, kinds, hooked, clock)
    # aiohttp takes long to load: what is wrong with the arguments is said before.
    from kernel.apiserver.server import check_listen

    check_listen(host, port)
    anyio.run(
        _serve,
        *(arguments, host, port, retention, limits, plugins, manifests, clock),
        backend="asyncio",
        backend_options={"use_uvloop": True},
    )
    return 0


async def _serve(
    arguments: argparse.Namespace,
    host: str,
    port: int,
    retention: Retention,
    limits: NodeLimits,
    plugins: Sequence[Plugin],
    manifests: Sequence[Manifest],
    clock: Clock,
) -> None:
    with ExitStack() as catching:
        signals = catching.enter_context(anyio.open_signal_receiver(*STOP_SIGNALS))
        async with Kernel.open(
            arguments.data_dir,
            durability=arguments.durability,
            runtime=arguments.runtime,
            containerd_socket=arguments.containerd_socket,
            node_name=arguments.node_name,
            static_pods=arguments.static_pods,
            static_pods_headers=_static_pods_headers(arguments),
            plugins=plugins,
            on_exit=arguments.on_exit,
            retention=retention,
            node_limits=limits,
            clock=clock,
        ) as kernel:
            await check_with(kernel.client, manifests)
            async with kernel.serving(host, port) as server:
                print(f"ready {server.url} kubeconfig {server.kubeconfig}", flush=True)
                _say_what_next(server.kubeconfig, kernel.runtime_name)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_bring_up, manifests, kernel.client, clock)
                    async for _ in signals:
                        break
                    tasks.cancel_scope.cancel()
                catching.close()
                for number in STOP_SIGNALS:  # a second one ends the process where it stands
                    signal.signal(number, signal.SIG_DFL)
                _say_how_it_ends(arguments.on_exit)


async def _bring_up(manifests: Sequence[Manifest], client: Client, clock: Clock) -> None:
    """Apply the manifests, then show Pods until cancelled."""
    with acting(ACTOR):
        for manifest in manifests:
            obj = manifest.obj
            done = await apply(obj, client)
            name = obj.metadata.name or f"{obj.metadata.generate_name}…"
            print(f"{obj.info.singular}/{name} {done}", flush=True)
    async with showing_pods(client, clock):
        await anyio.sleep_forever()


def _say_what_next(kubeconfig: Path, runtime_name: str) -> None:
    print(f"Pods run on: {runtime_name}. In another terminal:", flush=True)
    print(f"  export KUBECONFIG={shlex.quote(str(kubeconfig))}", flush=True)
    print("  kubectl get pods --watch", flush=True)


def _say_how_it_ends(on_exit: str) -> None:
    if on_exit == "keep":
        print("stopping; Pods go on running, and are taken over at the next start", flush=True)
    else:
        print("stopping; Pods are stopped, and started again at the next start", flush=True)
        print("(a second Ctrl-C leaves at once, and they go on running)", flush=True)


def _check_node_name(name: str) -> None:
    errors = name_errors(Node, name) if name else []
    if errors:
        raise CommandFailure(f'--node-name: "{name}": {errors[0]}')


def _static_pods_headers(arguments: argparse.Namespace) -> dict[str, str]:
    """The headers, checked together with the place that they are for."""
    place = arguments.static_pods or ""
    is_url = place.startswith(SCHEMES)
    if "://" in place and not (is_url and urlsplit(place).hostname):
        raise CommandFailure(
            f'--static-pods: "{place}" is no URL that starts with http:// or https:// and a host'
        )
    if arguments.static_pods_headers and not is_url:
        raise CommandFailure("--static-pods-header: --static-pods is no URL")
    headers: dict[str, str] = {}
    for text in arguments.static_pods_headers:
        name, colon, value = text.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name) or "\n" in value or "\r" in value:
            raise CommandFailure(f'--static-pods-header: expected NAME:VALUE, got "{text}"')
        headers[name] = value.strip()
    return headers


def _retention(arguments: argparse.Namespace) -> Retention:
    if arguments.retain_entries < 0:
        raise CommandFailure(f"--retain-entries: {arguments.retain_entries} is less than 0")
    try:
        age_seconds = parse_duration(arguments.retain_age)
    except CommandFailure as failure:
        raise CommandFailure(f"--retain-age: {failure}") from failure
    return Retention(age_seconds, arguments.retain_entries)


def _parse_listen(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535:
        raise CommandFailure(f'--listen: expected HOST:PORT (such as 127.0.0.1:6443), got "{text}"')
    return host.strip("[]") or "127.0.0.1", int(port)
