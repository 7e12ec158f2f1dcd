"""`/healthz`, `/livez` and `/readyz`: is the server well, and which of its parts is not."""

import logging
from collections.abc import Callable, Sequence

from aiohttp import web

from kernel.api.object_api import ObjectApi
from kernel.apiserver.answers import text_answer
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.targets import PathNotFound
from kernel.objects.namespace import Namespace

HEALTH_PATHS = ("healthz", "livez", "readyz")

logger = logging.getLogger(__name__)


class Health:
    """The checks, each also at a path of its own: `/livez/store`.

    `?verbose` lists them, and `?exclude=NAME` leaves one out, in Kubernetes' form.
    """

    def __init__(self, api: ObjectApi):
        self._checks: dict[str, Callable[[], object]] = {
            "ping": lambda: None,
            "store": lambda: api.list(Namespace, limit=1),
        }

    def answer(self, segments: Sequence[str], parameters: Parameters) -> web.Response:
        """The answer at a path. Raises `PathNotFound`."""
        path, *names = segments
        if not names:
            return self._all(path, parameters)
        (name, *rest) = names
        check = self._checks.get(name)
        if check is None or rest:
            raise PathNotFound
        if _is_well(name, check):
            return text_answer("ok")
        return text_answer(f"internal server error: {name} failed\n", status=500)

    def _all(self, path: str, parameters: Parameters) -> web.Response:
        excluded = set(parameters.texts("exclude"))
        lines = []
        is_well = True
        for name, check in self._checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok\n")
            elif _is_well(name, check):
                lines.append(f"[+]{name} ok\n")
            else:
                lines.append(f"[-]{name} failed: reason withheld\n")
                is_well = False
        unknown = ", ".join(f'"{name}"' for name in sorted(excluded - self._checks.keys()))
        if unknown:
            lines.append(f"warn: some health checks cannot be excluded: no matches for {unknown}\n")
        if not is_well:
            return text_answer(f"{''.join(lines)}{path} check failed\n", status=500)
        if parameters.texts("verbose"):
            return text_answer(f"{''.join(lines)}{path} check passed\n")
        return text_answer("ok")


def _is_well(name: str, check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:  # whatever it is, the caller is told no more than that
        logger.exception("the health check %s failed", name)
        return False
    return True
