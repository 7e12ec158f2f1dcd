"""Admission: hooks that see an object before it is stored, to change it or to refuse it.

```python
@admission(Pod)
def add_sidecar(request: AdmissionRequest) -> None:
    request.object.spec.containers.append(...)
```

What a hook raises beside `AdmissionDenied` refuses the request too, as an error of the server. A
hook may not change an object's name, namespace or uid.

The order, which is Kubernetes':
    mutate:    built-in hooks → plugins' hooks → webhooks
    (the object is defaulted and validated)
    validate:  built-in hooks → plugins' hooks → policies → webhooks
Where plugins or webhooks were asked to change an object, the built-in hooks are asked again.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from kernel.api.context import current_actor, current_user, warn
from kernel.api.errors import ApiError, Forbidden
from kernel.api.webhooks.matching import namespace_labels, selects_namespace, selects_objects
from kernel.objects.authentication import UserInfo
from kernel.objects.kind import Kind, KindInfo
from kernel.objects.meta import DeleteOptions
from kernel.objects.selectors import LabelMatcher, parse_label_selector

logger = logging.getLogger("podkernel.api")

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


class AdmissionDenied(Exception):
    """Raised by a hook: the request is refused, and this is the reason that its maker reads."""


class AdmissionRequest(msgspec.Struct):
    """What is about to happen. `object` is what will be stored (None for DELETE), `old` what is
    stored (None for CREATE); a mutating hook changes `object` in place.

    `info` is of the kind that the request's path names, `subresource` what follows the name there;
    what is sent to a subresource may be of another kind (a Scale), and is not stored. `options` are
    those of a DELETE.

    `companions` is for what has to be there as soon as a new object is: a mutating hook adds
    objects, and those that do not exist yet are created in the same atomic write.
    """

    operation: Operation
    info: KindInfo
    namespace: str
    name: str
    object: Any
    old: Any
    actor: str
    dry_run: bool = False
    subresource: str = ""
    options: DeleteOptions | None = None
    companions: list[Kind] = msgspec.field(default_factory=list)
    user: UserInfo = msgspec.field(default_factory=current_user)

    def warn(self, text: str) -> None:
        """Warn whoever asks: a client in its answer (`Warning: …`), a program in the log."""
        warn(text)


AdmissionFunction = Callable[[AdmissionRequest], Awaitable[None] | None]


class AdmissionHook(msgspec.Struct, frozen=True):
    """A function with the requests that it is asked about. Without kinds, that is all kinds."""

    name: str
    kinds: tuple[type[Kind], ...]
    function: AdmissionFunction
    operations: Sequence[Operation] = ("CREATE",)
    subresources: Sequence[str] = ("",)
    validating: bool = False
    objects: LabelMatcher = LabelMatcher()
    namespaces: LabelMatcher = LabelMatcher()

    def wants(self, kind: type[Kind], operation: Operation, subresource: str) -> bool:
        """Whether the hook is to be asked about such requests."""
        return (
            operation in self.operations
            and subresource in self.subresources
            and (not self.kinds or kind in self.kinds)
        )


def admission(
    *kinds: type[Kind],
    operations: Sequence[Operation] = ("CREATE",),
    subresources: Sequence[str] = ("",),
    label_selector: str = "",
    namespace_selector: str = "",
    validating: bool = False,
    name: str = "",
) -> Callable[[AdmissionFunction], AdmissionHook]:
    """Make a `def` or an `async def` an admission hook of some kinds; without any, of all kinds.

    `subresources` are those that the hook is asked about: `""` is the object itself, `"status"`
    its status. `label_selector` chooses by the labels that the object has or had, and
    `namespace_selector` by those of its namespace (what is in none is always chosen).

    Raises `SelectorError`.
    """
    objects = parse_label_selector(label_selector)
    namespaces = parse_label_selector(namespace_selector)

    def decorate(function: AdmissionFunction) -> AdmissionHook:
        return AdmissionHook(
            name=name or getattr(function, "__name__", "hook"),
            kinds=kinds,
            function=function,
            operations=tuple(operations),
            subresources=tuple(subresources),
            validating=validating,
            objects=objects,
            namespaces=namespaces,
        )

    return decorate


class StoredAdmission(Protocol):
    """Who is asked because the store says so: policies, webhooks."""

    def wants(self, info: KindInfo, operation: str, subresource: str) -> bool:
        """Whether anybody is to be asked about such requests."""

    async def mutate(self, request: AdmissionRequest) -> bool:
        """Let them change `request.object`; answers whether one did. Raises `ApiError`."""

    async def validate(self, request: AdmissionRequest) -> None:
        """Let them refuse. Raises `ApiError`."""


class _Asked(msgspec.Struct, frozen=True):
    """The hooks for one sort of request, in the order in which they are asked."""

    builtin: tuple[AdmissionHook, ...]
    plugins: tuple[AdmissionHook, ...]
    validating: tuple[AdmissionHook, ...]

    def __bool__(self) -> bool:
        return bool(self.builtin or self.plugins or self.validating)


class AdmissionChain:
    """All hooks of one kernel, its policies and its webhooks."""

    def __init__(self, hooks: Iterable[AdmissionHook] = ()):
        self._builtin: list[AdmissionHook] = []
        self._plugins: list[AdmissionHook] = list(hooks)
        self._asked: dict[tuple[type[Kind], Operation, str], _Asked] = {}
        self._wanted: dict[tuple[type[Kind], Operation, str], bool] = {}
        self._stored: tuple[StoredAdmission, ...] = ()
        self.labels_of_namespace: Callable[[str], Mapping[str, str]] = _no_labels

    def add(self, hook: AdmissionHook) -> None:
        """Ask `hook` too, after those that are there."""
        self._plugins.append(hook)
        self.look_again()

    def add_builtin(self, hook: AdmissionHook) -> None:
        """Ask `hook` too, after the built-in ones that are there."""
        self._builtin.append(hook)
        self.look_again()

    def follow(self, *stored: StoredAdmission) -> None:
        """Ask these too, in their order; `look_again` has to be called when they change."""
        self._stored = stored
        self.look_again()

    def look_again(self) -> None:
        """Forget who wants to be asked about what."""
        self._asked.clear()
        self._wanted.clear()

    def wants(self, kind: type[Kind], operation: Operation, subresource: str = "") -> bool:
        """Whether anybody is to be asked about such requests. Every write asks this: where nobody
        is, it is one look-up."""
        place = (kind, operation, subresource)
        wanted = self._wanted.get(place)
        if wanted is None:
            wanted = self._wanted[place] = bool(self._find(*place)) or any(
                stored.wants(kind.info, operation, subresource) for stored in self._stored
            )
        return wanted

    async def mutate(self, kind: type[Kind], request: AdmissionRequest) -> bool:
        """Let the mutating hooks change `request.object`; answers whether there was any.
        Raises `ApiError`, `Forbidden` where one refuses."""
        asked = self._find(kind, request.operation, request.subresource)
        await self._ask(asked.builtin, request)
        companions_of_builtin = len(request.companions)
        await self._ask(asked.plugins, request)
        changed = bool(asked.plugins)
        for stored in self._stored:
            changed |= await stored.mutate(request)
        if changed:
            del request.companions[:companions_of_builtin]  # they are asked for again
            await self._ask(asked.builtin, request)
        return changed or bool(asked.builtin)

    async def validate(self, kind: type[Kind], request: AdmissionRequest) -> None:
        """Let the validating hooks refuse. Raises as `mutate` does."""
        asked = self._find(kind, request.operation, request.subresource)
        await self._ask(asked.validating, request)
        for stored in self._stored:
            await stored.validate(request)

    async def admit(
        self,
        kind: type[Kind],
        operation: Operation,
        sent: Any,
        *,
        namespace: str,
        name: str,
        subresource: str,
        old: Any = None,
        dry_run: bool = False,
    ) -> None:
        """Ask about what is sent to a subresource of an object and is not stored itself (a Binding,
        a Scale, the options of an exec); hooks change it in place. Raises as `mutate` does."""
        if not self.wants(kind, operation, subresource):
            return
        request = AdmissionRequest(
            operation=operation,
            info=kind.info,
            namespace=namespace,
            name=name,
            object=sent,
            old=old,
            actor=current_actor(),
            dry_run=dry_run,
            subresource=subresource,
        )
        await self.mutate(kind, request)
        await self.validate(kind, request)

    def _find(self, kind: type[Kind], operation: Operation, subresource: str) -> _Asked:
        place = (kind, operation, subresource)
        asked = self._asked.get(place)
        if asked is None:
            builtin = [hook for hook in self._builtin if hook.wants(*place)]
            plugins = [hook for hook in self._plugins if hook.wants(*place)]
            asked = self._asked[place] = _Asked(
                builtin=tuple(hook for hook in builtin if not hook.validating),
                plugins=tuple(hook for hook in plugins if not hook.validating),
                validating=tuple(hook for hook in (*builtin, *plugins) if hook.validating),
            )
        return asked

    async def _ask(self, hooks: Iterable[AdmissionHook], request: AdmissionRequest) -> None:
        for hook in hooks:
            if self._selects(hook, request):
                await _ask_one(hook, request)

    def _selects(self, hook: AdmissionHook, request: AdmissionRequest) -> bool:
        if not selects_objects(hook.objects, request.object, request.old):
            return False
        return not hook.namespaces or selects_namespace(
            hook.namespaces, namespace_labels(request, self.labels_of_namespace)
        )


async def _ask_one(hook: AdmissionHook, request: AdmissionRequest) -> None:
    place = _place(request.object)
    try:
        answer = hook.function(request)
        if inspect.isawaitable(answer):
            await answer
    except ApiError:
        raise
    except AdmissionDenied as denied:
        raise Forbidden(
            f'{request.info.qualified_plural} "{request.name}" is forbidden: '
            f'admission hook "{hook.name}" denied the request: {denied}'
        ) from denied
    except Exception as error:
        logger.exception("admission hook %s failed", hook.name)
        raise ApiError(
            f'admission hook "{hook.name}" failed: {type(error).__name__}: {error}'
        ) from error
    if _place(request.object) != place:
        raise ApiError(f'admission hook "{hook.name}" changed the object\'s place')


def _place(obj: Any) -> tuple[str, str, str] | None:
    if not hasattr(obj, "metadata"):
        return None
    return obj.metadata.namespace, obj.metadata.name, obj.metadata.uid


def _no_labels(namespace: str) -> Mapping[str, str]:
    return {}
