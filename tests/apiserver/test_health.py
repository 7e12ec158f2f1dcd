"""/healthz, /livez and /readyz answer as Kubernetes' do."""

import pytest

from .conftest import Served

pytestmark = pytest.mark.anyio

PATHS = pytest.mark.parametrize("path", ["healthz", "livez", "readyz"])


@PATHS
async def test_a_well_server_says_ok(served: Served, path: str) -> None:
    answer = await served.get(f"/{path}")
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["Content-Type"].startswith("text/plain")


@PATHS
async def test_each_check_is_listed_and_has_a_path(served: Served, path: str) -> None:
    listed = (await served.get(f"/{path}?verbose")).body.decode()
    assert listed == f"[+]ping ok\n[+]store ok\n{path} check passed\n"
    for check in ("ping", "store"):
        assert (await served.get(f"/{path}/{check}")).body == b"ok"
    for unknown in ("nothing", "ping/more"):
        assert (await served.get(f"/{path}/{unknown}")).status == 404


async def test_checks_are_left_out_on_request(served: Served) -> None:
    answer = await served.get("/readyz?verbose&exclude=store&exclude=etcd")
    assert answer.body.decode() == (
        "[+]ping ok\n"
        "[+]store excluded: ok\n"
        'warn: some health checks cannot be excluded: no matches for "etcd"\n'
        "readyz check passed\n"
    )


async def test_a_store_that_cannot_be_read_fails_its_check_alone(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(served.api, "list", fail)
    answer = await served.get("/livez")
    assert answer.status == 500
    assert answer.body == b"[+]ping ok\n[-]store failed: reason withheld\nlivez check failed\n"
    assert (await served.get("/livez/store")).status == 500
    assert (await served.get("/livez/ping")).body == b"ok"
    assert (await served.get("/livez?exclude=store")).body == b"ok"
    assert "the disk is gone" in caplog.text
    caplog.clear()
