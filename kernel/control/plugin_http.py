"""HTTP paths that a plugin serves beside the API.

```python
@http_get("/plugins/pods-created-per-day")
async def show(request: HttpRequest) -> dict[str, int]:
    return request.client.projection("pods-created-per-day").state
```

What the function answers is sent as JSON; an `ApiError` that it raises becomes its Status. The path
is served to those who may use the API, to nobody else.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from kernel.api.client import Client

PATH_PREFIX = "/plugins/"


class HttpRequest(msgspec.Struct, frozen=True):
    """What was asked. Of a query parameter that is given several times, `query` has the last."""

    path: str
    query: Mapping[str, str]
    user: str
    client: Client


HttpFunction = Callable[[HttpRequest], Awaitable[Any]]


class HttpGet(msgspec.Struct, frozen=True):
    """A path, and the function that answers a GET of it."""

    path: str
    function: HttpFunction

    def __call__(self, request: HttpRequest) -> Awaitable[Any]:
        """Answer one request directly, as a unit test does."""
        return self.function(request)


def http_get(path: str) -> Callable[[HttpFunction], HttpGet]:
    """Serve a path below `/plugins/`. Raises ValueError for another one."""
    if not path.startswith(PATH_PREFIX) or path.endswith("/") or "?" in path or "%" in path:
        raise ValueError(f"{path!r} is no path below {PATH_PREFIX}")

    def decorate(function: HttpFunction) -> HttpGet:
        return HttpGet(path, function)

    return decorate
