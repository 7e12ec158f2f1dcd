"""What the server says of itself: discovery, OpenAPI, version, health."""

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from anyio import to_thread

from kernel.api.service_account_tokens import ISSUER, ServiceAccountTokens
from kernel.api.token_key import ALGORITHM
from kernel.apiserver import discovery
from kernel.apiserver.answers import encode, json_answer
from kernel.apiserver.health import HEALTH_PATHS, Health
from kernel.apiserver.monitoring.exposition import Exposition
from kernel.apiserver.negotiation import NotAcceptable, media_types
from kernel.apiserver.old_versions import MOVED_KINDS
from kernel.apiserver.openapi import swagger_protobuf
from kernel.apiserver.openapi.documents import OpenApi, content_hash
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.served_kinds import ServedKinds
from kernel.apiserver.targets import PathNotFound
from kernel.apiserver.version import version_info


class Documents:
    """Serves GET of every path that stands for no objects."""

    def __init__(
        self,
        kinds: ServedKinds,
        tokens: ServiceAccountTokens,
        health: Health,
        exposition: Exposition,
    ):
        self._exposition = exposition
        self._health = health
        self._kinds = kinds
        self._present_kinds = kinds.without(MOVED_KINDS)
        self._tokens = tokens
        self._openapi = OpenApi(kinds)
        self._version = encode(version_info())
        self._by_first_segment: dict[str, Callable[..., web.Response]] = {
            "api": self._api,
            "apis": self._apis,
            ".well-known": self._openid_configuration,
            "metrics": self._figures,
            "openid": self._openid_keys,
            "version": lambda request, segments: json_answer(self._version),
            **dict.fromkeys(HEALTH_PATHS, self._health_answer),
        }

    async def answer(self, request: web.BaseRequest, segments: Sequence[str]) -> web.Response:
        """The document at a path. Raises `PathNotFound`."""
        if segments[0] == "openapi":  # takes a quarter of a second, until the kinds change
            return await to_thread.run_sync(self._openapi_document, request, segments)
        make = self._by_first_segment.get(segments[0])
        if make is None:
            if segments[0] == "":
                return json_answer(encode({"paths": self._paths()}))
            raise PathNotFound
        return make(request, segments)

    def _paths(self) -> list[str]:
        groups = [name for name, _ in self._kinds.groups() if name]
        versions = [f"/apis/{name}" for name in groups]
        health = [f"/{path}" for path in HEALTH_PATHS]
        return [
            "/api",
            "/api/v1",
            "/apis",
            *versions,
            *health,
            "/metrics",
            "/openapi/v3",
            "/version",
        ]

    def _health_answer(self, request: web.BaseRequest, segments: Sequence[str]) -> web.Response:
        return self._health.answer(segments, Parameters(request.raw_path.partition("?")[2]))

    def _figures(self, request: web.BaseRequest, segments: Sequence[str]) -> web.Response:
        if len(segments) != 1:
            raise PathNotFound
        return self._exposition.answer()

    def _openid_configuration(
        self, request: web.BaseRequest, segments: Sequence[str]
    ) -> web.Response:
        """How tokens of ServiceAccounts are checked by others (OpenID Connect Discovery 1.0)."""
        if list(segments[1:]) != ["openid-configuration"]:
            raise PathNotFound
        document = {
            "issuer": ISSUER,
            "jwks_uri": f"https://{request.host}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }
        return json_answer(encode(document))

    def _openid_keys(self, request: web.BaseRequest, segments: Sequence[str]) -> web.Response:
        if list(segments[1:]) != ["v1", "jwks"]:
            raise PathNotFound
        keys = encode(self._tokens.key.public_key_set())
        return json_answer(keys, content_type="application/jwk-set+json")

    def _api(self, request: web.BaseRequest, segments: Sequence[str]) -> web.Response:
        if len(segments) == 1:
            aggregated = self._aggregated(request, core=True)
            legacy = discovery.core_versions(request.host)
            return aggregated or json_answer(encode(legacy))
        if len(segments) == 2:
            return _found(discovery.resource_list(self._kinds, "", segments[1]))
        raise PathNotFound

    def _apis(self, request: web.BaseRequest, segments: Sequence[str]) -> web.Response:
        if len(segments) == 1:
            aggregated = self._aggregated(request, core=False)
            return aggregated or json_answer(encode(discovery.group_list(self._listed(request))))
        if len(segments) == 2:
            return _found(discovery.group(self._kinds, segments[1]))
        if len(segments) == 3:
            return _found(discovery.resource_list(self._kinds, segments[1], segments[2]))
        raise PathNotFound

    def _listed(self, request: web.BaseRequest) -> ServedKinds:
        """What a client that does not know aggregated discovery is to find: an old kubectl looks
        up old groups so, while kr8s takes a kind from the first group, by the alphabet."""
        is_kubectl = request.headers.get("User-Agent", "").startswith("kubectl")
        return self._kinds if is_kubectl else self._present_kinds

    def _aggregated(self, request: web.BaseRequest, *, core: bool) -> web.Response | None:
        version = discovery.aggregated_version(request.headers.get("Accept", ""))
        if version is None:
            return None
        body = encode(discovery.aggregated(self._kinds, version, core=core))
        return _tagged(request, body, discovery.aggregated_content_type(version))

    def _openapi_document(self, request: web.BaseRequest, segments: Sequence[str]) -> web.Response:
        path = "/".join(segments[1:])
        if path == "v2":
            return self._swagger(request)
        if path == "v3":
            return _tagged(request, self._openapi.index())
        document = None
        if path.startswith("v3/"):
            document = self._openapi.document(path.removeprefix("v3/"))
        if document is None:
            raise PathNotFound
        asked = Parameters(request.raw_path.partition("?")[2]).text("hash")
        if not asked:
            return _tagged(request, document)
        present = content_hash(document)
        if asked != present:  # of an index that is not the present one
            place = f"/openapi/{path}?hash={present}"
            return web.Response(status=301, headers={"Location": place})
        answer = _tagged(request, document)
        answer.headers["Cache-Control"] = "public, immutable, max-age=31536000"
        return answer

    def _swagger(self, request: web.BaseRequest) -> web.Response:
        for media_type in media_types(request.headers.get("Accept", "")):
            if media_type.name.startswith(_SWAGGER_PROTOBUF):
                return _tagged(
                    request, self._openapi.version_2_protobuf(), swagger_protobuf.CONTENT_TYPE
                )
            if _is_json(media_type.name):
                return _tagged(request, self._openapi.version_2())
        raise NotAcceptable("/openapi/v2 is served as application/json and as protobuf")


# Clients write `@v1.0`, which a Content-Type must not have; the answer says `.v1.0`.
_SWAGGER_PROTOBUF = "application/com.github.proto-openapi.spec.v2"


def _is_json(media_type: str) -> bool:
    return media_type in ("application/json", "application/*", "*/*", "")


def _found(document: dict[str, Any] | None) -> web.Response:
    if document is None:
        raise PathNotFound
    return json_answer(encode(document))


def _tagged(
    request: web.BaseRequest, body: bytes, content_type: str = "application/json"
) -> web.Response:
    """An answer with an ETag, or 304 where the client has that state already."""
    tag = f'"{content_hash(body)}"'
    headers = {"ETag": tag, "Vary": "Accept"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    answer = json_answer(body, content_type=content_type)
    answer.headers.update(headers)
    return answer
