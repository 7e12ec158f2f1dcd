"""Tokens and identities: TokenRequest, TokenReview and SelfSubjectReview."""

from collections.abc import Sequence
from typing import TypeVar

from aiohttp import web

from kernel.api.errors import BadRequest, MethodNotAllowed, Unauthorized
from kernel.api.service_account_tokens import ISSUER, ServiceAccountTokens
from kernel.apiserver.answers import encode, json_answer
from kernel.apiserver.bodies import decode_object, read_body
from kernel.apiserver.negotiation import negotiate
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.targets import PathNotFound, Target
from kernel.objects.authentication import (
    SelfSubjectReview,
    SelfSubjectReviewStatus,
    TokenRequest,
    TokenReview,
    TokenReviewStatus,
    UserInfo,
)
from kernel.objects.kind import Kind

REVIEWS_ROOT = ["apis", "authentication.k8s.io", "v1"]

Asked = TypeVar("Asked", bound=Kind)


class Reviews:
    """Answers questions about identities. They are never stored."""

    def __init__(self, tokens: ServiceAccountTokens):
        self._tokens = tokens

    async def create_token(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """A token of the ServiceAccount at the path."""
        asked, warnings = await _read(TokenRequest, request, parameters)
        for field, value, wanted in (
            ("name", asked.metadata.name, target.name),
            ("namespace", asked.metadata.namespace, target.one_namespace),
        ):
            if value not in ("", wanted):
                raise BadRequest(
                    f"the {field} of the provided object does not match the {field} sent on the "
                    "request"
                )
        answered = self._tokens.issue(target.one_namespace, target.name, asked)
        return json_answer(encode(answered), status=201, warnings=warnings)

    async def answer(
        self,
        request: web.BaseRequest,
        segments: Sequence[str],
        parameters: Parameters,
        user: UserInfo,
    ) -> web.StreamResponse:
        """The review at a path below the group's. Raises `PathNotFound`."""
        path = "/".join(segments)
        if path not in ("tokenreviews", "selfsubjectreviews"):
            raise PathNotFound
        if request.method != "POST":
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource"
            )
        if path == "tokenreviews":
            review, warnings = await _read(TokenReview, request, parameters)
            review.status = self._reviewed(review)
            return json_answer(encode(review), status=201, warnings=warnings)
        mine, warnings = await _read(SelfSubjectReview, request, parameters)
        mine.status = SelfSubjectReviewStatus(user_info=user)
        return json_answer(encode(mine), status=201, warnings=warnings)

    def _reviewed(self, review: TokenReview) -> TokenReviewStatus:
        try:
            found = self._tokens.identify(review.spec.token, review.spec.audiences or [ISSUER])
        except Unauthorized as refusal:
            return TokenReviewStatus(error=refusal.message)
        return TokenReviewStatus(
            authenticated=True, user=found.user, audiences=list(found.audiences)
        )


async def _read(
    kind: type[Asked], request: web.BaseRequest, parameters: Parameters
) -> tuple[Asked, list[str]]:
    negotiate(request.headers.get("Accept", ""))
    body = await read_body(request)
    return decode_object(
        kind,
        body,
        request.headers.get("Content-Type", ""),
        validation=parameters.field_validation,
    )
