"""Model cards of real versions."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from gristmill.cli import main
from gristmill.project import Project
from gristmill.registry.card import card


def test_a_card_says_what_the_model_is(two: Project, capsys: pytest.CaptureFixture[str]) -> None:
    text = card(two, "delay", 1)
    for word in ("## Features", "## Gates", "## Lineage", "c" * 40, "train.ipynb", "roc\\_auc"):
        assert word in text
    assert "<script>" not in text
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    page = card(two, "delay", "champion", as_html=True)
    Tags().feed(page)
    assert "script" not in tags
    assert tags.count("h2") >= 6
    assert main(["-C", str(two.root), "model", "card", "delay", "2", "--html"]) == 0
    assert "version 2" in capsys.readouterr().out
