"""HTTP answers: JSON, plain text, and the Status that every failure is told in."""

from collections.abc import Iterable
from typing import TypeGuard

import msgspec
from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from kernel.api.errors import ApiError

CLOSE = "Connection: close\r\n"

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


def is_plain(answer: web.StreamResponse) -> TypeGuard[web.Response]:
    """Whether an answer is nothing but a status, headers and bytes: `raw_answer` can write it."""
    return (
        type(answer) is web.Response
        and (answer.body is None or isinstance(answer.body, bytes))
        and not (answer.prepared or answer.chunked or answer.compression)
        and answer.keep_alive is not False
        and answer.status >= 200
        and answer.status not in (204, 304)
    )


def raw_answer(answer: web.Response, *, keep_alive: bool = True) -> bytes:
    """An answer that is plain, as it goes over the wire."""
    body = answer.body or b""
    assert isinstance(body, bytes)
    fields = "".join([f"{name}: {value}\r\n" for name, value in answer.headers.items()])
    # No header holds another one.
    assert fields.count("\n") == len(answer.headers) == fields.count("\r")
    head = (
        f"HTTP/1.1 {answer.status} {answer.reason}\r\n{fields}Content-Length: {len(body)}\r\n"
        f"Date: {rfc822_formatted_time()}\r\n{'' if keep_alive else CLOSE}\r\n"
    )
    return head.encode() + body


# Longer headers are more than some clients take.
TEXT_CHARACTERS_MAX = 256


def _quoted(text: str) -> str:
    one_line = "".join(part if part.isprintable() else " " for part in text[:TEXT_CHARACTERS_MAX])
    escaped = one_line.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
