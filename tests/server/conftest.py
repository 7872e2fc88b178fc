"""A real Jupyter server with the extension. pytest-jupyter's fixtures are imported here and not
named as a plugin, because its event loop must not reach the browser tests."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403
from tornado.httpclient import HTTPClientError

REQUEST_S = 120.0
Ask = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"gristmill.server": True}}}


@pytest.fixture
def jp_environ(
    monkeypatch: pytest.MonkeyPatch,
    jp_data_dir: Path,
    jp_config_dir: Path,
    jp_runtime_dir: Path,
) -> None:
    """Jupyter's own files only: another HOME would be another world for fork servers."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(jp_data_dir))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(jp_config_dir))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(jp_runtime_dir))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")


@pytest.fixture
def jp_root_dir(tmp_path: Path) -> Path:
    root = tmp_path / "served"
    root.mkdir()
    return root


@pytest.fixture
def ask(jp_fetch: Callable[..., Awaitable[Any]]) -> Ask:
    """`await ask(METHOD, path, body, **query)` is the status and the JSON of the reply."""

    async def ask(
        method: str, path: str, body: Mapping[str, Any] | str | None = None, **query: str
    ) -> tuple[int, Any]:
        text = body if isinstance(body, str | None) else json.dumps(body)
        if method in {"POST", "PUT"} and text is None:
            text = "{}"
        try:
            reply = await jp_fetch(
                "gristmill",
                *path.split("/"),
                method=method,
                body=text,
                params=query,
                request_timeout=REQUEST_S,
            )
        except HTTPClientError as error:
            assert error.response is not None
            return error.code, json.loads(error.response.body)
        return reply.code, json.loads(reply.body)

    return ask
