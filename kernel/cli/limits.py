"""`--node-limit NAME=VALUE`: the node's limits on the command line."""

import difflib
from collections.abc import Sequence
from typing import Any

import msgspec

from kernel.cli.failure import CommandFailure
from kernel.objects.quantity import QuantityError, parse_quantity
from kernel.reconcilers.node_limits import NodeLimits

OPTION = "--node-limit"


def limit_names() -> list[str]:
    """The names that a limit may have: `container-log-bytes-max` and so on."""
    return [field.replace("_", "-") for field in NodeLimits.__struct_fields__]


def parse_limits(texts: Sequence[str]) -> NodeLimits:
    """Limits from `NAME=VALUE` each; a value is a quantity, such as 64Ki or 85. Raises
    `CommandFailure`."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandFailure(f'{OPTION}: expected NAME=VALUE, got "{text}"')
        if name not in limit_names():
            near = difflib.get_close_matches(name, limit_names(), n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(limit_names())}"
            raise CommandFailure(f'{OPTION}: there is no limit "{name}"; {hint}')
        try:
            values[name.replace("-", "_")] = float(parse_quantity(value))
        except QuantityError as error:
            raise CommandFailure(f"{OPTION}: {name}: {error}") from error
    try:
        return msgspec.convert(values, NodeLimits, strict=False)
    except msgspec.ValidationError as error:
        raise CommandFailure(f"{OPTION}: {error}") from error
