"""From a table of routes to Tornado handlers: parse, call the verb in a thread, reply.

A route's function gets an `ApiRequest` and returns what `to_json` can write: a dataclass, a
mapping, a list, None. What it raises becomes `{code, message, hint}` with the status of its class.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from gristmill.errors import GristmillError, Invalid
from gristmill.project import Project
from gristmill.records import parse_table
from gristmill.server._shared import SHARED, Shared
from gristmill.server._threads import in_thread
from gristmill.workspace_trust import require_trust

T = TypeVar("T")
SEND_OBJECT = "Send a JSON object, or no body."


@dataclass(frozen=True)
class ApiRequest:
    """One request.

    Attributes
    ----------
    shared
        What all requests of the server share.
    names
        The parts of the path that stand in braces in the route's path, by name.
    query
        The last value of each query argument.
    body
        The JSON object that was sent.
    user
        Who is logged in.
    """

    shared: Shared
    names: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    user: str = ""

    @property
    def project(self) -> Project:
        """The project of the folder in the query (`folder`, default the server's root)."""
        return self.shared.project(self.query.get("folder", ""))

    def read(self, cls: type[T]) -> T:
        """The body as the frozen dataclass `cls`; Invalid for an unknown, missing or wrong key."""
        return parse_table(cls, self.body, "request")


Verb = Callable[[ApiRequest], Any]


@dataclass(frozen=True)
class Route:
    """`method` GET, POST, PUT or DELETE; `path` below `gristmill/`, with `{name}` for a word. The
    verb runs in a thread; a coroutine on the event loop, for what only that may touch. `body` is
    the dataclass that the verb reads the request as, `query` the arguments that it looks at beside
    `folder`. What is no GET acts, for projects that the user trusts only; `acts` may say that it
    does not."""

    method: str
    path: str
    verb: Verb
    status: int = 200
    body: type | None = None
    query: tuple[str, ...] = ()
    acts: bool = True


class ApiHandler(APIHandler):
    """Errors of every kind leave as `{code, message, hint}`."""

    auth_resource = "gristmill"

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Reply with the error as `{code, message, hint}`."""
        problem = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(problem, GristmillError):
            self.set_status(problem.status)
            record = problem.record()
        elif isinstance(problem, web.HTTPError):
            text = problem.log_message or problem.reason or "the request was refused."
            record = {"code": f"http.{status_code}", "message": text, "hint": ""}
        else:
            record = {
                "code": "server.unexpected",
                "message": f"{type(problem).__name__}: {problem}",
                "hint": "The server's log has the traceback.",
            }
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(record))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log a traceback only for errors that are not a GristmillError."""
        if not isinstance(value, GristmillError):
            super().log_exception(typ, value, tb)

    def api_request(self, names: Mapping[str, str]) -> ApiRequest:
        """The `ApiRequest` of the current request; `names` are the variable parts of its path."""
        query = {n: self.get_query_argument(n) for n in self.request.query_arguments}
        user = getattr(self.current_user, "username", "") or ""
        return ApiRequest(self.settings[SHARED], names, query, self._body(), user)

    def _body(self) -> Mapping[str, Any]:
        if not self.request.body:
            return {}
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise Malformed(
                "request.malformed", f"the body is not JSON: {error}.", hint=SEND_OBJECT
            ) from error
        if not isinstance(body, dict):
            raise Malformed("request.malformed", "the body is not a JSON object.", hint=SEND_OBJECT)
        return body


class Malformed(Invalid):
    """What was sent could not be parsed at all."""

    status = 400


def to_json(value: Any) -> str:
    """The value as JSON; dataclasses, paths, sets, times and NumPy numbers are converted."""
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, set | frozenset | tuple):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def handlers_of(routes: Sequence[Route]) -> list[tuple[str, type[ApiHandler]]]:
    """A handler for each path, with the methods that routes give it."""
    paths: dict[str, dict[str, Route]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method] = route
    return [(_pattern(path), _handler(path, methods)) for path, methods in paths.items()]


def _pattern(path: str) -> str:
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)


def _handler(path: str, methods: Mapping[str, Route]) -> type[ApiHandler]:
    def method(route: Route) -> Any:
        @web.authenticated
        @authorized
        async def answer(self: ApiHandler, **names: str) -> None:
            request = self.api_request({n: unquote(v) for n, v in names.items()})
            if route.acts and route.method != "GET":
                await in_thread(lambda: require_trust(request.project.root))
            if inspect.iscoroutinefunction(route.verb):
                value = await route.verb(request)
            else:
                value = await in_thread(route.verb, request)
            text = to_json(value)
            self.set_status(route.status)
            self.finish(text)

        return answer

    body = {name.lower(): method(route) for name, route in methods.items()}
    return type(f"Handler of {path}", (ApiHandler,), body)
