"""Model cards and comparisons of real versions."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from gristmill.cli import main
from gristmill.project import Project
from gristmill.registry import promotion
from gristmill.registry.card import card
from gristmill.registry.comparison import side_by_side

from .conftest import Models, lineage, put


@pytest.fixture
def two(project: Project, models: Models) -> Project:
    for source, params in ((models.weak, {"depth": 3}), (models.strong, {"depth": 5})):
        put(project, source)
        promotion.register(project, "delay", lineage=lineage(params=params))
    promotion.gate(project, "delay", 1)
    promotion.promote(project, "delay", 1, reason="<script>alert(1)</script> | first")
    promotion.gate(project, "delay", 2)
    return project


def test_versions_side_by_side(two: Project, capsys: pytest.CaptureFixture[str]) -> None:
    found = side_by_side(two, "delay", "champion", 2)
    auc = next(m for m in found.metrics if m.metric == "roc_auc")
    assert auc.lower > 0
    assert sum(found.agreement.values()) == found.rows == 3000
    assert found.params == {"depth": (3, 5)}
    assert found.lineage == {}
    back = side_by_side(two, "delay", 2, 1)
    assert back.agreement["only the first right"] == found.agreement["only the second right"]
    at = ["-C", str(two.root), "model"]
    assert main([*at, "compare", "1", "2"]) == 0
    printed = capsys.readouterr().out
    assert "DeLong" in printed
    assert "depth" in printed


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
