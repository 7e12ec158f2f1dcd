"""The least HTTP/1.1 client that can load a server: the load must cost less than what it loads."""

import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """Where a server listens, and what it wants to see."""

    host: str
    port: int
    token: str
    pid: int
    tls: bool


@asynccontextmanager
async def running_server(*, durability: str = "disk", tls: bool = True) -> AsyncIterator[Server]:
    """A server process over a new data directory, on the disk of the working directory."""
    arguments = (durability, "tls" if tls else "plain")
    async with _running("benches._server", arguments, tls=tls) as server:
        yield server


@asynccontextmanager
async def running_bare_server(purpose: str) -> AsyncIterator[Server]:
    """A server process with nothing of ours (see `benches._bare_server`)."""
    async with _running("benches._bare_server", (purpose,), tls=False) as server:
        yield server


@asynccontextmanager
async def _running(module: str, arguments: Sequence[str], *, tls: bool) -> AsyncIterator[Server]:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        process = subprocess.Popen(
            [sys.executable, "-m", module, directory, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = await asyncio.to_thread(process.stdout.readline)
            yield Server(**json.loads(line), tls=tls)
        finally:
            process.stdin.close()
            await asyncio.to_thread(process.wait, 10)
            process.stdout.close()


class Connection:
    """One keep-alive connection."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._server = server
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, server: Server) -> "Connection":
        context = None
        if server.tls:
            # Not create_default_context: it reads the machine's authorities, 30 ms each time.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        reader, writer = await asyncio.open_connection(
            server.host, server.port, ssl=context, limit=2**22
        )
        return cls(server, reader, writer)

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        """Write a request with a JSON body."""
        self._writer.write(
            b"%b %b HTTP/1.1\r\nHost: %b:%d\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (
                *(method.encode(), path.encode(), self._server.host.encode(), self._server.port),
                *(self._server.token.encode(), len(body), body),
            )
        )

    async def receive_head(self) -> tuple[int, int | None]:
        """Status code and Content-Length (None for a chunked answer)."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.split("\r\n")
        length = next(
            (int(line[15:]) for line in lines if line.lower().startswith("content-length:")), None
        )
        return int(status_line.split(" ")[1]), length

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request and wait for the whole answer."""
        self.send(method, path, body)
        status, length = await self.receive_head()
        return status, await self._reader.readexactly(length or 0)

    async def read_line(self) -> bytes:
        """The next line of a chunked answer in which each chunk holds whole lines."""
        while True:
            line = await self._reader.readline()
            if line.startswith(b"{") or not line:
                return line

    def close(self) -> None:
        self._writer.close()
