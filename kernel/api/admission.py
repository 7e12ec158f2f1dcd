"""Admission: hooks that see an object before it is stored, to change it or to refuse it.

```python
@admission(Pod)
async def add_sidecar(request: AdmissionRequest) -> None:
    request.object.spec.containers.append(...)
```

What a hook raises beside `AdmissionDenied` refuses the request too, as an error of the server. A
hook may not change an object's name, namespace or uid.

Hooks that mutate run first, in the order in which they were added; the object is then defaulted
and validated again; hooks with `validating=True` see the result and may only refuse.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal

import msgspec

from kernel.api.errors import ApiError, Forbidden
from kernel.objects.kind import Kind, KindInfo

logger = logging.getLogger("podkernel.api")

Operation = Literal["CREATE", "UPDATE", "DELETE"]


class AdmissionDenied(Exception):
    """Raised by a hook: the request is refused, and this is the reason that its maker reads."""


class AdmissionRequest(msgspec.Struct):
    """What is about to happen. `object` is what will be stored (None for DELETE), `old` what is
    stored (None for CREATE); a mutating hook changes `object` in place.

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
    companions: list[Kind] = msgspec.field(default_factory=list)


AdmissionFunction = Callable[[AdmissionRequest], Awaitable[None]]


class AdmissionHook(msgspec.Struct, frozen=True):
    """A function with the requests that it is asked about."""

    name: str
    kind: type[Kind]
    function: AdmissionFunction
    operations: Sequence[Operation] = ("CREATE",)
    validating: bool = False


def admission(
    kind: type[Kind],
    *,
    operations: Sequence[Operation] = ("CREATE",),
    validating: bool = False,
    name: str = "",
) -> Callable[[AdmissionFunction], AdmissionHook]:
    """Make an `async def` an admission hook of a kind."""

    def decorate(function: AdmissionFunction) -> AdmissionHook:
        return AdmissionHook(
            name=name or getattr(function, "__name__", "hook"),
            kind=kind,
            function=function,
            operations=tuple(operations),
            validating=validating,
        )

    return decorate


class AdmissionChain:
    """All hooks of one kernel."""

    def __init__(self, hooks: Iterable[AdmissionHook] = ()):
        self._hooks: dict[tuple[type[Kind], Operation, bool], list[AdmissionHook]] = {}
        for hook in hooks:
            self.add(hook)

    def add(self, hook: AdmissionHook) -> None:
        """Ask `hook` too, after those that are there."""
        for operation in hook.operations:
            place = (hook.kind, operation, hook.validating)
            self._hooks.setdefault(place, []).append(hook)

    async def mutate(self, kind: type[Kind], request: AdmissionRequest) -> bool:
        """Let the mutating hooks change `request.object`; answers whether there was any.
        Raises `Forbidden`."""
        return await self._ask(kind, request, validating=False)

    async def validate(self, kind: type[Kind], request: AdmissionRequest) -> None:
        """Let the validating hooks refuse. Raises `Forbidden`."""
        await self._ask(kind, request, validating=True)

    async def _ask(self, kind: type[Kind], request: AdmissionRequest, *, validating: bool) -> bool:
        hooks = self._hooks.get((kind, request.operation, validating), ())
        for hook in hooks:
            place = _place(request.object)
            try:
                await hook.function(request)
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
        return bool(hooks)


def _place(obj: Any) -> tuple[str, str, str] | None:
    if obj is None:
        return None
    return obj.metadata.namespace, obj.metadata.name, obj.metadata.uid
