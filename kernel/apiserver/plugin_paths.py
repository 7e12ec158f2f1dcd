"""The paths that plugins serve: looked up, called, answered as JSON."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from aiohttp import web

from kernel.api.client import Client
from kernel.api.context import acting
from kernel.apiserver.answers import encode, json_answer
from kernel.apiserver.targets import PathNotFound
from kernel.control.plugin_http import HttpGet, HttpRequest

PLUGIN_ROOT = "plugins"


class PluginPaths:
    """Answers GETs below `/plugins/`, for which the functions are given `client`."""

    def __init__(self, gets: Iterable[HttpGet], client: Client):
        self._functions = {get.path: get.function for get in gets}
        self._client = client

    async def answer(self, path: str, query: str, user: str) -> web.Response:
        """What a plugin answers to `user`. Raises `PathNotFound`, and what the plugin raises."""
        function = self._functions.get(path)
        if function is None:
            raise PathNotFound
        values = dict(parse_qsl(query, keep_blank_values=True))
        with acting(f"{user} via {path.removeprefix('/')}"):
            found = await function(HttpRequest(path, values, user, self._client))
        return json_answer(encode(found))
