"""From a request to its answer: who asks, for what, whether they may, and which method serves it.

Paths are resolved against the table of kinds at each request, so a kind that a plugin adds while
the server runs is served like any other, and no list of routes grows with the kinds.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import unquote

import msgspec
from aiohttp import web

from kernel.api.access.authorizer import Authorizer, is_all_powerful
from kernel.api.context import ClientRequest, acting
from kernel.api.errors import ApiError, MethodNotAllowed
from kernel.api.object_api import ObjectApi
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.apiserver.access.authentication import Authenticator, actor_of
from kernel.apiserver.access.impersonation import Asker, asking_for
from kernel.apiserver.access.request_attributes import attributes_of
from kernel.apiserver.access.reviews import Reviews
from kernel.apiserver.answers import InternalError, add_warning, failure_answer
from kernel.apiserver.connecting import CONNECTING, admit_connection
from kernel.apiserver.connections import certificate_of
from kernel.apiserver.documents import Documents
from kernel.apiserver.health import Health
from kernel.apiserver.limits.demand import demand_of
from kernel.apiserver.limits.gate import Gate
from kernel.apiserver.limits.settings import LIMITS, Limits
from kernel.apiserver.logs import PodLogs
from kernel.apiserver.metrics import Metrics
from kernel.apiserver.monitoring.exposition import Exposition, MoreFigures
from kernel.apiserver.monitoring.requests import RequestFigures, Subject
from kernel.apiserver.old_versions import (
    OLD_KINDS,
    convert_answer,
    convert_parameters,
    convert_request,
    old_version_of,
)
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.plugin_paths import PLUGIN_ROOT, PluginPaths
from kernel.apiserver.proxying.proxies import Proxies
from kernel.apiserver.reads import Reads
from kernel.apiserver.rows.tables import Tables
from kernel.apiserver.scaling import Scaling
from kernel.apiserver.served_kinds import ASKED_KINDS, MEASURED_KINDS, ServedKinds
from kernel.apiserver.streaming.pod_streams import PodStreams
from kernel.apiserver.streams import OpenStreams
from kernel.apiserver.subresources import is_pod, is_service_account
from kernel.apiserver.targets import PathNotFound, Target, resolve, stands_for_objects
from kernel.apiserver.writes import Writes

logger = logging.getLogger(__name__)

CLIENT_GONE = 499  # what is counted where nobody is there any more to be answered

Handler = Callable[[web.BaseRequest, Target, Parameters], Awaitable[web.StreamResponse]]


class Routes:
    """Answers every request; nothing that is raised below leaves it but a cancellation."""

    def __init__(
        self,
        api: ObjectApi,
        authenticator: Authenticator,
        authorizer: Authorizer,
        logs: PodLogs,
        pod_streams: PodStreams,
        proxies: Proxies,
        streams: OpenStreams,
        tokens: ServiceAccountTokens,
        plugin_paths: PluginPaths | None = None,
        metrics: Metrics | None = None,
        limits: Limits = LIMITS,
        more_figures: MoreFigures = tuple,
    ):
        self.gate = Gate(api.clock, limits)
        self._clock = api.clock
        self._figures = RequestFigures()
        measured = MEASURED_KINDS if metrics is not None else ()
        self._kinds = ServedKinds(api.kinds, (*measured, *ASKED_KINDS, *OLD_KINDS))
        self._metrics = metrics
        self._plugin_paths = plugin_paths
        self._authenticator = authenticator
        self._authorizer = authorizer
        exposition = Exposition(api, self._figures, self.gate.flow, more_figures)
        self._documents = Documents(self._kinds, tokens, Health(api), exposition)
        self._reviews = Reviews(tokens, authenticator, authorizer, api.admission)
        self._admission = api.admission
        reads, writes = Reads(api, Tables(), streams), Writes(api, authorizer)
        self._collection: dict[str, Handler] = {
            "GET": reads.list,
            "POST": writes.create,
            "DELETE": writes.delete_collection,
        }
        self._object: dict[str, Handler] = {
            "GET": reads.get,
            "PUT": writes.update,
            "PATCH": writes.patch,
            "DELETE": writes.delete,
        }
        self._status: dict[str, Handler] = {
            "GET": reads.get,
            "PUT": writes.update,
            "PATCH": writes.patch,
        }
        self._of_pods: dict[str, dict[str, Handler]] = {
            "binding": {"POST": writes.bind},
            "eviction": {"POST": writes.evict},
            "ephemeralcontainers": {
                "GET": reads.get,
                "PUT": writes.update,
                "PATCH": writes.patch,
            },
            "resize": {"GET": reads.get, "PUT": writes.update, "PATCH": writes.patch},
            "log": {"GET": logs.serve},
            "exec": {"GET": pod_streams.exec, "POST": pod_streams.exec},
            "attach": {"GET": pod_streams.attach, "POST": pod_streams.attach},
            "portforward": {"GET": pod_streams.port_forward, "POST": pod_streams.port_forward},
        }
        scaling = Scaling(api)
        self._scale: dict[str, Handler] = {
            "GET": scaling.get,
            "PUT": scaling.update,
            "PATCH": scaling.patch,
        }
        self._proxied: dict[str, Handler] = {
            "nodes": proxies.nodes,
            "pods": proxies.pods,
            "services": proxies.services,
        }
        self._of_service_accounts: dict[str, dict[str, Handler]] = {
            "token": {"POST": self._reviews.create_token},
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request."""
        try:
            return await self._handle(request)
        except ApiError as error:
            return failure_answer(error)
        except ConnectionError:
            return failure_answer(InternalError())  # which nobody is there to read
        except Exception:
            logger.exception("%s %s failed", request.method, request.raw_path)
            return failure_answer(InternalError())

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        asker = self._identify(request, path)
        segments = path.strip("/").split("/")
        if "%" in path:
            segments = [unquote(segment) for segment in segments]
        parameters = Parameters(query)
        if not is_all_powerful(asker.user):
            asked = attributes_of(request.method, segments, parameters)
            self._authorizer.require(asker.user, asked)
        if segments[0] == PLUGIN_ROOT and self._plugin_paths is not None:
            _require_get(request)
            plugin_path = "/" + "/".join(segments)
            return await self._plugin_paths.answer(plugin_path, query, asker.user.username)
        if not stands_for_objects(segments):
            _require_get(request)
            return await self._documents.answer(request, segments)
        target = resolve(self._kinds, segments)
        demand = demand_of(request.method, target, parameters, request.headers, self.gate.limits)
        answer = partial(self._answer, request, target, parameters, asker)
        is_stream = demand.stream is not None
        subject = Subject.of(request.method, target, is_stream=is_stream)
        began_at, code = self._clock.monotonic_seconds(), CLIENT_GONE
        self._figures.begin(subject, is_stream=is_stream)
        try:
            response = await self.gate.serve(request, asker.user.username, demand, answer)
            code = response.status
            return response
        except ApiError as error:
            code = error.code
            raise
        finally:
            seconds = self._clock.monotonic_seconds() - began_at
            self._figures.end(subject, code, seconds, is_stream=is_stream)

    async def _answer(
        self, request: web.BaseRequest, target: Target, parameters: Parameters, asker: Asker
    ) -> web.StreamResponse:
        if target.kind in ASKED_KINDS:
            return await self._reviews.answer(request, target, parameters, asker.user)
        old = old_version_of(target)
        if old is None:
            deprecation = target.info.deprecation
            if not deprecation:
                return await self._serve(request, target, parameters, asker)
            target = msgspec.structs.replace(target, warning=deprecation)
            answer = await self._serve(request, target, parameters, asker)
            if not answer.prepared:
                add_warning(answer, deprecation)
            return answer
        await convert_request(request, old)
        convert_parameters(parameters, old)
        present = msgspec.structs.replace(
            target, kind=old.kind, shown_as=old.old, warning=old.warning
        )
        answer = await self._serve(request, present, parameters, asker)
        convert_answer(answer, old)
        return answer

    def _identify(self, request: web.BaseRequest, path: str) -> Asker:
        """Whose rights the request has. Raises `Unauthorized`, `Forbidden`."""
        headers = request.headers
        self._authenticator.check_host(headers.get("Host", ""), headers.get("Origin", ""))
        user = self._authenticator.authenticate(
            path, headers.get("Authorization", ""), certificate_of(request)
        )
        return asking_for(user, request.raw_headers, self._authorizer)

    async def _serve(
        self, request: web.BaseRequest, target: Target, parameters: Parameters, asker: Asker
    ) -> web.StreamResponse:
        handler = self._handler(request.method, target)
        if request.method in ("GET", "HEAD") and not target.subresource:
            return await handler(request, target, parameters)
        agent, manager = request.headers.get("User-Agent", ""), parameters.text("fieldManager")
        asked = ClientRequest(asker.user, manager, parameters.text("fieldValidation"))
        with acting(actor_of(asker.logged_name, agent, manager), request=asked):
            try:
                if target.subresource in CONNECTING:
                    await admit_connection(self._admission, target, parameters, request.path)
                answer = await handler(request, target, parameters)
            except ApiError as error:
                if not asked.warnings:
                    raise
                answer = failure_answer(error)
        if not answer.prepared:  # a stream's headers are sent already
            for warning in asked.warnings:
                add_warning(answer, warning)
        return answer

    def _handler(self, method: str, target: Target) -> Handler:
        handlers: dict[str, Handler]
        if self._metrics is not None and target.kind in MEASURED_KINDS:
            handlers = {"GET": self._metrics.get if target.name else self._metrics.list}
            if target.subresource:
                raise PathNotFound
        elif not target.name:
            handlers = self._collection
            if target.namespace is None and method != "GET":
                handlers = {}  # only reading spans namespaces
        elif not target.subresource:
            handlers = self._object
        elif target.subresource == "status" and target.info.has_status:
            handlers = self._status
        elif target.subresource == "scale" and target.info.has_scale:
            handlers = self._scale
        elif target.subresource == "proxy" and not target.info.group:
            return self._proxy(target)
        elif is_pod(target.info) and target.subresource in self._of_pods:
            handlers = self._of_pods[target.subresource]
        elif is_service_account(target.info) and target.subresource in self._of_service_accounts:
            handlers = self._of_service_accounts[target.subresource]
        else:
            raise PathNotFound
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource"
            )
        return handler

    def _proxy(self, target: Target) -> Handler:
        """Whatever the method: it is for whoever answers to judge of it."""
        handler = self._proxied.get(target.info.plural)
        if handler is None:
            raise PathNotFound
        return handler


def _require_get(request: web.BaseRequest) -> None:
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed("the server does not allow this method on the requested resource")
