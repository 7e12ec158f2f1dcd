"""A kernel that serves HTTP, in a process of its own, until its standard input ends.

    python -m benches._server DIRECTORY DURABILITY tls|plain

Prints one JSON line when ready: `{"host": …, "port": …, "token": …, "pid": …}`.
"""

import json
import os
import sys
from urllib.parse import urlsplit

import anyio

from kernel import Kernel
from kernel.store.store import Durability


async def serve(directory: str, durability: Durability, tls: bool) -> None:
    """Serve until nobody holds our standard input open any more."""
    async with (
        Kernel.open(directory, runtime=None, durability=durability) as kernel,
        kernel.serving(tls=tls) as server,
    ):
        address = urlsplit(server.url)
        ready = {
            "host": address.hostname,
            "port": address.port,
            "token": server.token,
            "pid": os.getpid(),
        }
        print(json.dumps(ready), flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(
        serve,
        *(sys.argv[1], "disk" if sys.argv[2] == "disk" else "process", sys.argv[3] == "tls"),
        backend="asyncio",
        backend_options={"use_uvloop": True},
    )
