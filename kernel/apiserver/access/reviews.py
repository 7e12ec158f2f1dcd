"""Tokens, identities and access: TokenRequest, and the objects that are sent to be completed."""

from typing import TypeVar

from aiohttp import web

from kernel.api.access.authorizer import Authorizer
from kernel.api.admission import AdmissionChain
from kernel.api.errors import BadRequest, MethodNotAllowed, Unauthorized
from kernel.api.service_account_tokens import ISSUER, ServiceAccountTokens
from kernel.apiserver.access.access_reviews import AccessReviews
from kernel.apiserver.access.authentication import Authenticator
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
from kernel.objects.authorization import (
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
)
from kernel.objects.kind import Kind

Asked = TypeVar("Asked", bound=Kind)


class Reviews:
    """Answers questions about identities and access. They are never stored."""

    def __init__(
        self,
        tokens: ServiceAccountTokens,
        authenticator: Authenticator,
        authorizer: Authorizer,
        admission: AdmissionChain,
    ):
        self._admission = admission
        self._tokens = tokens
        self._authenticator = authenticator
        self._access = AccessReviews(authorizer)

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
        await self._admission.admit(
            *(target.kind, "CREATE", asked),
            namespace=target.one_namespace,
            name=target.name,
            subresource="token",
        )
        answered = self._tokens.issue(target.one_namespace, target.name, asked)
        return json_answer(encode(answered), status=201, warnings=warnings)

    async def answer(
        self, request: web.BaseRequest, target: Target, parameters: Parameters, user: UserInfo
    ) -> web.StreamResponse:
        """The review of the target's kind, completed. Raises `PathNotFound`."""
        if target.name:
            raise PathNotFound
        if request.method != "POST" or target.namespace is None:
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource"
            )
        review, warnings = await _read(target.kind, request, parameters)
        match review:
            case TokenReview():
                review.status = self._reviewed(review)
            case SelfSubjectReview():
                review.status = SelfSubjectReviewStatus(user_info=user)
            case SelfSubjectRulesReview():
                self._access.answer_rules(review, user)
            case SelfSubjectAccessReview() | SubjectAccessReview() | LocalSubjectAccessReview():
                self._access.answer(review, target.namespace, user)
            case _:
                raise AssertionError(f"nothing answers a {target.info.kind}")
        return json_answer(encode(review), status=201, warnings=warnings)

    def _reviewed(self, review: TokenReview) -> TokenReviewStatus:
        audiences = review.spec.audiences or [ISSUER]
        holder = self._authenticator.holder_of(review.spec.token)
        if holder is not None and ISSUER in audiences:
            return TokenReviewStatus(authenticated=True, user=holder, audiences=[ISSUER])
        try:
            found = self._tokens.identify(review.spec.token, audiences)
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
