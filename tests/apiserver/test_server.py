"""The listener: TLS, token, kubeconfig, ports, and what the server says of itself."""

import base64
import socket
import ssl
import stat
from pathlib import Path

import aiohttp
import msgspec
import pytest

from kernel.api.access.authorizer import Authorizer
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.apiserver.server import ApiServer, ListenFailure

from .conftest import Served, config_map, serving

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"


async def test_the_kubeconfig_is_all_that_a_client_needs(tmp_path: Path) -> None:
    async with serving(tmp_path, tls=True) as served:
        path = served.server.kubeconfig
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        config = msgspec.json.decode(path.read_bytes())
        assert config["current-context"] == "podkernel"
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        assert cluster["server"] == served.server.url
        assert cluster["server"].startswith("https://127.0.0.1:")
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        headers = {"Authorization": f"Bearer {user['token']}"}
        connector = aiohttp.TCPConnector(ssl=context)
        async with (
            aiohttp.ClientSession(headers=headers, connector=connector) as session,
            session.get(f"{cluster['server']}/api/v1/namespaces") as answer,
        ):
            assert answer.status == 200


async def test_a_restart_keeps_token_and_authority(tmp_path: Path) -> None:
    async with serving(tmp_path / "a", tls=True) as served:
        first = (served.server.token, (tmp_path / "a/pki/ca.crt").read_bytes())
        another = ApiServer(
            served.api,
            data_directory=tmp_path / "a",
            pod_logs_directory=tmp_path / "logs",
            tokens=ServiceAccountTokens(served.api, tmp_path / "sa.key"),
            authorizer=Authorizer(served.api),
        )
        await another.start()
        await another.stop()
        assert (another.token, (tmp_path / "a/pki/ca.crt").read_bytes()) == first


@pytest.mark.parametrize("token", [None, "", "wrong"])
async def test_objects_need_the_token(served: Served, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{served.server.url}{MAPS}") as answer,
    ):
        status = await answer.json()
        assert answer.status == 401
        assert (status["kind"], status["reason"]) == ("Status", "Unauthorized")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/version"])
async def test_health_and_version_need_no_token(served: Served, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(served.server.url + path) as answer:
        assert answer.status == 200
        if path == "/version":
            assert (await answer.json())["gitVersion"].startswith("v1.32.0+podkernel")
        else:
            assert await answer.text() == "ok"


async def test_a_foreign_host_or_origin_is_refused(served: Served) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        answer = await served.get("/version", **headers)
        assert (answer.status, answer.json["reason"]) == (403, "Forbidden")


async def test_a_taken_port_is_one_clear_error(served: Served, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = ApiServer(
            served.api,
            data_directory=tmp_path / "other",
            pod_logs_directory=tmp_path / "logs",
            tokens=ServiceAccountTokens(served.api, tmp_path / "sa.key"),
            authorizer=Authorizer(served.api),
        )
        with pytest.raises(ListenFailure, match=f"127.0.0.1:{port}: the port is taken"):
            await server.start("127.0.0.1", port)
        assert not server.kubeconfig.exists()
        await server.stop()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99999), ("no-such-host.invalid", 0)])
async def test_an_impossible_address_is_one_clear_error(
    served: Served, tmp_path: Path, host: str, port: int
) -> None:
    server = ApiServer(
        served.api,
        data_directory=tmp_path / "other",
        pod_logs_directory=tmp_path / "logs",
        tokens=ServiceAccountTokens(served.api, tmp_path / "sa.key"),
        authorizer=Authorizer(served.api),
    )
    with pytest.raises(ListenFailure, match="can't listen on"):
        await server.start(host, port)


async def test_documents_carry_a_tag_that_saves_a_transfer(served: Served) -> None:
    for path in ("/openapi/v3", "/openapi/v3/api/v1", "/openapi/v2"):
        first = await served.get(path)
        assert first.status == 200
        again = await served.get(path, If_None_Match=first.headers["ETag"])
        assert (again.status, again.body) == (304, b"")


async def test_an_openapi_index_leads_to_its_documents(served: Served) -> None:
    index = (await served.get("/openapi/v3")).json
    for entry in index["paths"].values():
        document = await served.get(entry["serverRelativeURL"])
        assert document.json["openapi"] == "3.0.0"


async def test_openapi_version_2_comes_as_protobuf_to_those_who_ask(served: Served) -> None:
    accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    answer = await served.get("/openapi/v2", Accept=accept)
    assert answer.headers["Content-Type"].startswith("application/com.github.proto-openapi.spec")
    assert answer.body.startswith(b"\x0a\x032.0")  # field 1, swagger: "2.0"
    assert b"fieldValidation" in answer.body
    assert (await served.get("/openapi/v2", Accept="text/html")).status == 406


async def test_discovery_answers_in_the_form_that_was_asked_for(served: Served) -> None:
    for version in ("v2", "v2beta1"):
        form = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        for path in ("/api", "/apis"):
            answer = await served.get(path, Accept=f"{form},application/json")
            assert answer.headers["Content-Type"] == form
            assert answer.json["apiVersion"] == f"apidiscovery.k8s.io/{version}"
    assert (await served.get("/api")).json["kind"] == "APIVersions"
    assert (await served.get("/apis")).json["kind"] == "APIGroupList"
    assert (await served.get("/api/v1")).json["kind"] == "APIResourceList"
    assert (await served.get("/apis/coordination.k8s.io")).json["kind"] == "APIGroup"
    assert (await served.get("/apis/coordination.k8s.io/v1")).json["resources"]
    assert "/api/v1" in (await served.get("/")).json["paths"]


async def test_a_head_request_has_no_body(served: Served) -> None:
    await served.post(MAPS, config_map("one"))
    answer = await served.ask("HEAD", f"{MAPS}/one")
    assert (answer.status, answer.body) == (200, b"")


async def test_a_watch_needs_a_protocol_that_can_stream(served: Served) -> None:
    version = aiohttp.HttpVersion10
    headers = {"Authorization": f"Bearer {served.server.token}"}
    async with (
        aiohttp.ClientSession(headers=headers, version=version) as session,
        session.get(f"{served.server.url}{MAPS}?watch=1") as answer,
    ):
        assert answer.status == 400
        assert "HTTP/1.1" in (await answer.json())["message"]


async def test_a_document_of_a_known_hash_is_kept_for_good(served: Served) -> None:
    index = (await served.get("/openapi/v3")).json
    url = index["paths"]["api/v1"]["serverRelativeURL"]
    document = await served.get(url)
    assert (document.status, document.json["openapi"]) == (200, "3.0.0")
    assert "immutable" in document.headers["Cache-Control"]
    old = f"{url.partition('?')[0]}?hash=0123"
    async with served.session.get(f"{served.server.url}{old}", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, url)
