"""Who may ask, about which folder, and what a wrong request gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from .conftest import Ask


async def test_a_folder_is_made_a_project_and_found_from_below(ask: Ask, jp_root_dir: Path) -> None:
    (jp_root_dir / "mill/steps").mkdir(parents=True)
    assert await ask("GET", "project", folder="mill") == (
        200,
        {
            "found": False,
            "folder": "mill",
            "name": "",
            "root": "",
            "served": True,
            "trusted": True,
            "models": [],
        },
    )
    status, made = await ask("POST", "project", {"folder": "mill"})
    assert (status, made["found"], made["name"]) == (201, True, "mill")
    assert await ask("GET", "project", folder="mill/steps") == (200, made)
    status, error = await ask("POST", "project", {"folder": "mill"})
    assert (status, error["code"]) == (409, "init.exists")


@pytest.mark.parametrize(
    ("folder", "status", "code"),
    [
        ("../..", 403, "path.outside"),
        ("way/out", 403, "path.outside"),
        ("absent", 404, "path.not-found"),
        ("x" * 5000, 404, "path.not-found"),
        ("a\0b", 404, "path.not-found"),
    ],
)
async def test_a_folder_elsewhere_is_refused(
    ask: Ask, jp_root_dir: Path, folder: str, status: int, code: str
) -> None:
    (jp_root_dir / "way").mkdir()
    (jp_root_dir / "way/out").symlink_to("/")
    for method, query, body in (
        ("GET", {"folder": folder}, None),
        ("POST", {}, {"folder": folder}),
    ):
        got, error = await ask(method, "project", body, **query)
        assert (got, error["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "request.malformed"),
        ("[]", 400, "request.malformed"),
        ('{"folder": ' + "[" * 100_000, 400, "request.malformed"),
        ('{"fodler": ""}', 422, "settings.unknown-key"),
        ('{"folder": 3}', 422, "settings.type"),
    ],
)
async def test_a_malformed_body_says_what_is_wrong(
    ask: Ask, body: str, status: int, code: str
) -> None:
    got, error = await ask("POST", "project", body)
    assert (got, error["code"]) == (status, code)
    assert error["message"] and error["hint"]


async def test_nobody_asks_without_the_token(jp_fetch: Callable[..., Any]) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("gristmill", "project", headers={"Authorization": "token wrong"})
    assert refused.value.code == 403
