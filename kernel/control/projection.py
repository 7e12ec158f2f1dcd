"""The projection contract: what a fold makes of the log, kept up to date and kept on disk.

```python
@projection(Pod, name="pods-created-per-day", initial=dict)
def pods_created_per_day(
    state: dict[str, int], entry: ProjectedEntry[Pod]
) -> dict[str, int]:
    if entry.verb == "create":
        day = f"{entry.time:%Y-%m-%d}"
        state[day] = state.get(day, 0) + 1
    return state
```

The fold is called once with each entry of its kinds, in the order of the log: first with what was
written before it was there, then with each new entry, before the write that made it returns. It
may change the state that it is given and answer it. It must depend on its arguments alone, and
not block.

State and position are saved in one write, so after a crash the fold goes on from exactly where
its saved state ends: no entry counts twice, none is left out. Change `version` when the fold
changes, and its state is built anew from the log.

Where the log has been compacted behind its position (or it is new, and the log not complete), it
starts from what existed at the oldest revision there is: each of these objects comes as a
`create`, in the order of their keys. `since_revision` of its view says so.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

import msgspec

from kernel.api.changes import ProjectedEntry
from kernel.objects.kind import Kind

StateType = TypeVar("StateType")
Fold = Callable[[StateType, ProjectedEntry[Any]], StateType]

VERSION_MAX = 2**32 - 1
NAME_BYTES_MAX = 511  # what the store takes for a name


class Projection(msgspec.Struct, Generic[StateType], frozen=True):
    """A fold with its name, and how its state is kept.

    `state_type` is what saved state is decoded as. It is saved after `checkpoint_entries` entries
    or `checkpoint_seconds`, whichever comes first, and at the stop; it is written whole each time.
    """

    name: str
    kinds: tuple[type[Kind], ...]
    initial: Callable[[], StateType]
    fold: Fold[StateType]
    state_type: Any
    version: int = 1
    checkpoint_entries: int = 1000
    checkpoint_seconds: float = 10.0

    def __call__(self, state: StateType, entry: ProjectedEntry[Any]) -> StateType:
        """Fold one entry directly, as a unit test does."""
        return self.fold(state, entry)


class MakeProjection(Protocol):
    """Makes a fold a projection."""

    def __call__(self, fold: Fold[StateType], /) -> Projection[StateType]: ...


def projection(
    *kinds: type[Kind],
    name: str,
    initial: Callable[[], Any],
    version: int = 1,
    checkpoint_entries: int = 1000,
    checkpoint_seconds: float = 10.0,
) -> MakeProjection:
    """Make a function the fold of a projection over the entries of `kinds`.

    `initial()` is the state before the first entry; the state's type is what the function says
    that it returns (else that of `initial()`), and must be one that msgspec can write as JSON and
    read back. Raises TypeError or ValueError for what can't work.
    """
    if not kinds:
        raise TypeError(f"projection {name}: of which kinds?")
    if not 0 < len(name.encode()) <= NAME_BYTES_MAX:
        raise ValueError(f"projection {name!r}: the name does not have 1 to {NAME_BYTES_MAX} bytes")
    if not 0 <= version <= VERSION_MAX:
        raise ValueError(f"projection {name}: the version {version} is not in 0 to {VERSION_MAX}")

    def decorate(fold: Fold[StateType]) -> Projection[StateType]:
        state_type = get_type_hints(fold).get("return", type(initial()))
        try:
            msgspec.json.decode(msgspec.json.encode(initial()), type=state_type)
        except (TypeError, msgspec.MsgspecError) as error:
            raise TypeError(f"projection {name}: its state can't be kept: {error}") from error
        return Projection(
            name=name,
            kinds=kinds,
            initial=initial,
            fold=fold,
            state_type=state_type,
            version=version,
            checkpoint_entries=checkpoint_entries,
            checkpoint_seconds=checkpoint_seconds,
        )

    return decorate
