"""`podkernel dev`: the whole kernel on this machine, until Ctrl-C."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

from kernel.assembly import Kernel
from kernel.cli.apply import apply, read_manifests
from kernel.cli.display import showing_pods
from kernel.cli.failure import CommandFailure
from kernel.clock import SystemClock
from kernel.control.plugin import Plugin, load_entry_points, load_path
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable


def run(arguments: argparse.Namespace) -> int:
    """Check everything that can be checked before anything starts; then serve."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    host, port = _parse_listen(arguments.listen)
    plugins = load_entry_points()
    for path in arguments.plugins:
        plugins += load_path(path)
    kinds = KindTable.core()
    for plugin in plugins:
        for kind in plugin.kinds:
            kinds.add(kind)
    objects = read_manifests(arguments.manifests, kinds)
    anyio.run(
        _serve,
        *(arguments, host, port, plugins, objects),
        backend="asyncio",
        backend_options={"use_uvloop": True},
    )
    return 0


async def _serve(
    arguments: argparse.Namespace,
    host: str,
    port: int,
    plugins: Sequence[Plugin],
    objects: Sequence[Kind],
) -> None:
    clock = SystemClock()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with (
            Kernel.open(
                arguments.data_dir,
                durability=arguments.durability,
                runtime=arguments.runtime,
                containerd_socket=arguments.containerd_socket,
                node_name=arguments.node_name,
                static_pods=arguments.static_pods,
                plugins=plugins,
                on_exit=arguments.on_exit,
                clock=clock,
            ) as kernel,
            kernel.serving(host, port) as server,
        ):
            print(f"ready {server.url} kubeconfig {server.kubeconfig}", flush=True)
            _say_what_next(server.kubeconfig, kernel.runtime_name)
            for obj in objects:
                done = await apply(obj, kernel.client)
                print(f"{obj.info.singular}/{obj.metadata.name} {done}", flush=True)
            async with showing_pods(kernel.client, clock):
                async for _ in signals:
                    break
            _say_how_it_ends(arguments.on_exit)


def _say_what_next(kubeconfig: Path, runtime_name: str) -> None:
    print(f"Pods run on: {runtime_name}. In another terminal:", flush=True)
    print(f"  export KUBECONFIG={kubeconfig}", flush=True)
    print("  kubectl get pods --watch", flush=True)


def _say_how_it_ends(on_exit: str) -> None:
    if on_exit == "keep":
        print("stopping; Pods go on running, and are taken over at the next start", flush=True)
    else:
        print("stopping; Pods are stopped, and started again at the next start", flush=True)


def _parse_listen(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535:
        raise CommandFailure(f'--listen: expected HOST:PORT (such as 127.0.0.1:6443), got "{text}"')
    return host.strip("[]") or "127.0.0.1", int(port)
