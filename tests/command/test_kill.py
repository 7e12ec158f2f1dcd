"""`kill -9` of podkernel amid writes: what was acknowledged is there, what ran runs on."""

import http.client
import random
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from .harness import Connection, Place, Server, eventually, processes_of
from .manifests import PATIENT, pod

ROUNDS = 50
WRITERS = 4
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


class Writer(threading.Thread):
    """Creates ConfigMaps one after another over a connection of its own, until that breaks."""

    def __init__(self, server: Server, names: Iterator[str], enough: threading.Semaphore):
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self._connection = Connection(server.url, server.place.data)
        self._names = names
        self._enough = enough

    def run(self) -> None:
        """Note each name only after the server's answer."""
        try:
            for name in self._names:
                body = {"metadata": {"name": name}, "data": {"name": name}}
                self._connection.request("POST", CONFIG_MAPS, body)
                self.acknowledged.append(name)
                self._enough.release()
        except (OSError, http.client.HTTPException):
            return  # the server was killed
        finally:
            self._connection.close()


@pytest.mark.slow
def test_fifty_kills_lose_no_write_and_no_pod(here: Place) -> None:
    mark = f"mark-{here.directory.name}"
    chance = random.Random(2)
    manifest = here.write("pod.yaml", pod("web", f"{PATIENT} # {mark}"))
    server = here.start(manifest)
    server.wait_printed("pod default/web Running")
    processes = processes_of(mark)
    assert len(processes) == 1
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        acknowledged |= _write_and_kill(server, number, chance.randint(1, 60))
        server = here.start()
        with server.connected() as connection:
            listed = connection.request("GET", CONFIG_MAPS)["items"]
            found = {item["metadata"]["name"] for item in listed}
            assert acknowledged <= found
            assert processes_of(mark) == processes
            status = connection.request("GET", f"{PODS}/web")["status"]
            assert status["phase"] == "Running"
            assert status["containerStatuses"][0]["restartCount"] == 0
    assert len(acknowledged) >= ROUNDS
    _still_in_charge(server, mark, processes)


def _write_and_kill(server: Server, number: int, writes: int) -> set[str]:
    """Kill the server once it has acknowledged so many writes, more being under way."""
    enough = threading.Semaphore(0)
    writers = [
        Writer(server, map(f"round-{number}-{lane}-{{}}".format, count()), enough)
        for lane in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for _ in range(writes):
        assert enough.acquire(timeout=10)
    server.kill()
    for writer in writers:
        writer.join(timeout=10)
        assert not writer.is_alive()
    return {name for writer in writers for name in writer.acknowledged}


def _still_in_charge(server: Server, mark: str, processes: list[int]) -> None:
    """The last server has adopted the Pod: it sees to its deletion."""
    assert processes_of(mark) == processes
    with server.connected() as connection:
        connection.request("DELETE", f"{PODS}/web")
    eventually(lambda: not processes_of(mark), "the Pod's process ends")
    server.wait_printed("pod default/web deleted")
