"""Who may do what, over HTTP: users with certificates and tokens, their roles, impersonation."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest

from .conftest import Answered, Served, bind, config_map, serving

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
JANE = {"kind": "User", "name": "jane"}
AS_JANE = {"Impersonate_User": "jane"}


def forbidden(
    verb: str, resource: str, *, group: str = "", name: str = "", user: str = "jane"
) -> str:
    """Kubernetes' words, for the namespace default."""
    kind = f"{resource.partition('/')[0]}{f'.{group}' if group else ''}"
    named = f'{kind} "{name}"' if name else kind
    return (
        f'{named} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group'
        f' "{group}" in the namespace "default"'
    )


async def test_an_ordinary_user_may_do_what_is_bound(served: Served) -> None:
    refused = await served.get(MAPS, **AS_JANE)
    assert refused.status == 403
    assert refused.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": forbidden("list", "configmaps"),
        "reason": "Forbidden",
        "details": {"kind": "configmaps"},
        "code": 403,
    }
    await bind(served, "view", JANE)
    assert (await served.get(MAPS, **AS_JANE)).status == 200
    refused = await served.post(MAPS, config_map("mine"), **AS_JANE)
    assert refused.json["message"] == forbidden("create", "configmaps")
    for path in ("/api/v1/configmaps", "/api/v1/nodes", "/api/v1/namespaces/other/configmaps"):
        assert (await served.get(path, **AS_JANE)).status == 403


async def test_what_is_not_there_is_not_told_to_who_may_not_know(served: Served) -> None:
    absent = f"{MAPS}/absent"
    assert (await served.get(absent, **AS_JANE)).status == 403
    assert (await served.get("/api/v1/nonsense", **AS_JANE)).status == 403
    await bind(served, "view", JANE)
    assert (await served.get(absent, **AS_JANE)).status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api", 200), ("/apis/apps/v1", 200), ("/openapi/v3", 200), ("/version", 200), ("/", 403)],
)
async def test_documents_have_roles_too(served: Served, path: str, status: int) -> None:
    answer = await served.get(path, **AS_JANE)
    assert answer.status == status
    if status == 403:
        assert answer.json["message"] == f'forbidden: User "jane" cannot get path "{path}"'


METHODS = {
    "create": "POST",
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}


async def test_nothing_that_is_discovered_is_open_to_everybody(served: Served) -> None:
    """Each kind and each part of its objects, by each of its verbs."""
    groups = (await served.get("/apis")).json["groups"]
    versions = [version["groupVersion"] for group in groups for version in group["versions"]]
    seen = 0
    for place in ("/api/v1", *(f"/apis/{version}" for version in versions)):
        for resource in (await served.get(place)).json["resources"]:
            plural, _, subresource = resource["name"].partition("/")
            if plural.startswith("selfsubject"):
                continue  # what everybody may ask of themselves
            start = f"{place}/namespaces/default" if resource["namespaced"] else place
            for verb in resource["verbs"]:
                of_all = verb in ("create", "list", "watch", "deletecollection")
                name = "" if of_all and not subresource else "/x"
                path = f"{start}/{plural}{name}{f'/{subresource}' if subresource else ''}"
                query = "?watch=true" if verb == "watch" else ""
                answer = await served.ask(METHODS[verb], path + query, {}, **AS_JANE)
                assert answer.status == 403, f"{verb} {path}: {answer.status}"
                assert f'User "jane" cannot {verb} resource' in answer.json["message"]
                seen += 1
    assert seen > 200
    for path in ("/plugins/any", "/openid/v1/jwks", "/metrics", "/healthz/ping", "/nowhere"):
        assert (await served.get(path, **AS_JANE)).status == 403


async def test_apply_creates_only_for_who_may_create(served: Served) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"]}]
    group = "rbac.authorization.k8s.io"
    await served.post(
        f"/apis/{group}/v1/namespaces/default/roles",
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules},
    )
    await bind(served, "r", JANE, role_kind="Role")

    async def apply(**headers: str) -> Answered:
        return await served.ask(
            "PATCH",
            f"{MAPS}/mine?fieldManager=test&force=true",
            config_map("mine", a="b"),
            Content_Type="application/apply-patch+yaml",
            **headers,
        )

    refused = await apply(**AS_JANE)
    assert (refused.status, refused.json["message"]) == (
        403,
        forbidden("create", "configmaps", name="mine"),
    )
    assert (await apply()).status == 201
    assert (await apply(**AS_JANE)).status == 200


async def test_an_idempotency_key_shows_nobody_what_another_has_made(served: Served) -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "maker"}}
    await served.post(f"/apis/{group}/v1/namespaces/default/roles", role | {"rules": [rule]})
    await bind(served, "maker", JANE, role_kind="Role")
    made = await served.post(MAPS, config_map("one", key="hidden"), Idempotency_Key="once")
    assert made.status == 201
    refused = await served.post(MAPS, config_map("one"), **AS_JANE, Idempotency_Key="once")
    assert refused.status == 409
    own = [
        await served.post(MAPS, config_map("two", key="own"), **AS_JANE, Idempotency_Key="once")
        for _ in range(2)
    ]
    assert [answer.status for answer in own] == [201, 201]
    assert own[0].json == own[1].json


async def test_impersonation_needs_the_verb(served: Served) -> None:
    await bind(served, "edit", JANE)
    as_robot = "system:serviceaccount:default:robot"

    async def whoami(**headers: str) -> Answered:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        return await served.post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews", review, **headers
        )

    found = await whoami(
        Impersonate_User="joe",
        Impersonate_Group="staff",
        Impersonate_Uid="7",
        **{"Impersonate-Extra-Acme.com%2FProject": "x"},
    )
    assert found.json["status"]["userInfo"] == {
        "username": "joe",
        "uid": "7",
        "groups": ["staff", "system:authenticated"],
        "extra": {"acme.com/project": ["x"]},
    }
    account = (await whoami(Impersonate_User=as_robot)).json["status"]["userInfo"]
    assert account["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    ]
    assert (await whoami(Impersonate_Group="staff")).status == 400


async def test_who_is_impersonated_and_by_whom_is_in_the_log(served: Served) -> None:
    await bind(served, "edit", JANE)
    asked = AS_JANE | {"User_Agent": "robot/1 (linux)"}
    assert (await served.post(MAPS, config_map("mine"), **asked)).status == 201
    odd = AS_JANE | {"Impersonate_User": "eve\tvia kubectl", "User_Agent": ""}
    await bind(served, "edit", {"kind": "User", "name": "eve\tvia kubectl"}, name="odd")
    await served.post(MAPS, config_map("odd"), **odd)
    entries, _ = served.store.entries(1)
    actors = {entry.key.rpartition("/")[2]: entry.actor for entry in entries}
    assert actors["mine"] == "jane (impersonated by admin) via robot"
    assert "\t" not in actors["odd"]


# Certificates


class Secured:
    """A server with TLS, and the certificates of its authority's making."""

    def __init__(self, served: Served, directory: Path):
        self.served = served
        self.directory = directory
        self.authority = directory / "pki" / "ca.crt"

    async def sign(self, name: str, subject: str, *, days: int = 1, by: Path | None = None) -> Path:
        """A key and a certificate in one file, made with openssl."""
        key, request, made = (self.directory / f"{name}.{end}" for end in ("key", "csr", "pem"))
        pki = by or self.directory / "pki"
        for command in (
            f"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key}"
            f" -out {request} -subj {subject}",
            f"openssl x509 -req -in {request} -CA {pki}/ca.crt -CAkey {pki}/ca.key"
            f" -CAcreateserial -days {days} -out {made}",
        ):
            await anyio.run_process(command.split())
        made.write_bytes(made.read_bytes() + key.read_bytes())
        return made

    async def get(self, path: str, certificate: Path | None, **headers: str) -> tuple[int, Any]:
        """Status and answer of a GET over a connection of its own."""
        context = ssl.create_default_context(cafile=self.authority)
        if certificate is not None:
            context.load_cert_chain(certificate)
        url = self.served.server.url + path
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
            session.get(url, headers=headers) as answer,
        ):
            return answer.status, await answer.json()


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    directory = tmp_path / "data"
    async with serving(directory, tls=True) as served:
        authority = ssl.create_default_context(cafile=directory / "pki" / "ca.crt")
        headers = {"Authorization": f"Bearer {served.server.token}"}
        connector = aiohttp.TCPConnector(ssl=authority)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            yield Secured(Served(served.store, served.api, served.server, session), directory)


async def test_a_certificate_names_user_and_groups(secured: Secured) -> None:
    certificate = await secured.sign("jane", "/O=staff/O=night/CN=jane")
    status, answer = await secured.get(MAPS, certificate)
    assert (status, answer["message"]) == (403, forbidden("list", "configmaps"))
    await bind(secured.served, "view", {"kind": "Group", "name": "night"})
    assert (await secured.get(MAPS, certificate))[0] == 200
    # It counts before a token, as in Kubernetes.
    bearer = {"Authorization": f"Bearer {secured.served.server.token}"}
    assert (await secured.get("/api/v1/nodes", certificate, **bearer))[0] == 403
    assert (await secured.get("/api/v1/nodes", None, **bearer))[0] == 200
    status, answer = await secured.get("/api/v1/nodes", None)
    assert (status, answer["message"]) == (401, "Unauthorized")


async def test_a_member_of_system_masters_may_do_everything(secured: Secured) -> None:
    certificate = await secured.sign("root", "/O=system:masters/CN=root")
    assert (await secured.get("/api/v1/nodes", certificate))[0] == 200


async def test_the_servers_own_certificate_is_none_of_a_client(secured: Secured) -> None:
    pki = secured.directory / "pki"
    both = secured.directory / "both.pem"
    both.write_bytes((pki / "server.crt").read_bytes() + (pki / "server.key").read_bytes())
    with pytest.raises(aiohttp.ClientError):
        await secured.get("/api/v1/nodes", both)


async def test_a_certificate_of_another_authority_lets_nobody_in(
    secured: Secured, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
        f" -subj /CN=podkernel-ca -keyout {other}/ca.key -out {other}/ca.crt"
    )
    await anyio.run_process(command.split())
    certificate = await secured.sign("eve", "/O=system:masters/CN=eve", by=other)
    with pytest.raises(aiohttp.ClientError):
        await secured.get("/api/v1/nodes", certificate)
