"""HTTP answers: JSON, plain text, and the Status that every failure is told in."""

from collections.abc import Iterable

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from kernel.api.errors import ApiError

encode = msgspec.json.Encoder().encode

CONTENT_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-cache, private"}


class InternalError(ApiError):
    """Our own fault. The traceback is in the log, not in the answer."""

    def __init__(self) -> None:
        super().__init__("an internal error occurred; the server's log has details")


def json_answer(
    body: bytes,
    *,
    status: int = 200,
    content_type: str = "application/json",
    warnings: Iterable[str] = (),
) -> web.Response:
    """An answer with a body that is JSON already; each warning becomes a Warning header."""
    headers = CIMultiDict({"Content-Type": content_type, "Cache-Control": "no-cache, private"})
    answer = web.Response(body=body, status=status, headers=headers)
    for warning in warnings:
        add_warning(answer, warning)
    return answer


def add_warning(answer: web.StreamResponse, warning: str) -> None:
    """Warn whoever gets an answer that is not sent yet."""
    answer.headers.add("Warning", warning_header(warning))


def warning_header(warning: str) -> str:
    """What the header of a warning says."""
    return f"299 - {_quoted(warning)}"


def text_answer(text: str, *, status: int = 200) -> web.Response:
    """Plain text."""
    return web.Response(text=text, status=status)


def failure_answer(error: ApiError) -> web.Response:
    """A failure as its Status."""
    answer = json_answer(encode(error.status()), status=error.code)
    if error.code == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="podkernel"'
    if error.details is not None and error.details.retry_after_seconds:
        answer.headers["Retry-After"] = str(error.details.retry_after_seconds)
    return answer


def raw_answer(answer: web.Response, *, keep_alive: bool = True) -> bytes:
    """An answer whose body is bytes, as it goes over the wire."""
    body = answer.body
    assert isinstance(body, bytes)
    head = [f"HTTP/1.1 {answer.status} {answer.reason}", f"Content-Length: {len(body)}"]
    head += [
        f"{name}: {value}" for name, value in answer.headers.items() if name != "Content-Length"
    ]
    if not keep_alive:
        head.append("Connection: close")
    return "\r\n".join([*head, "\r\n"]).encode() + body


# Longer headers are more than some clients take.
TEXT_CHARACTERS_MAX = 256


def _quoted(text: str) -> str:
    one_line = "".join(part if part.isprintable() else " " for part in text[:TEXT_CHARACTERS_MAX])
    escaped = one_line.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
