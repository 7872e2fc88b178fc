"""Model cards of real versions."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from gristmill.cli import main
from gristmill.errors import Forbidden
from gristmill.project import Project
from gristmill.registry import card, register

from .conftest import Models, frame, lineage, put


def test_a_card_says_what_the_model_is(two: Project, capsys: pytest.CaptureFixture[str]) -> None:
    text = card(two, "delay", 1)
    for word in (
        "About", "Data", "Features", "Metrics", "Calibration", "Slices", "Gates", "Fairness",
        "Approvals", "Limits", "Parameters", "Lineage", "History",
    ):  # fmt: skip
        assert f"\n## {word}\n" in text
    for word in ("c" * 40, "train.ipynb", "roc\\_auc", "2026-01-01 00:00", "3,000"):
        assert word in text
    assert "<script>" not in text
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    page = card(two, "delay", "champion", as_html=True)
    Tags().feed(page)
    assert "script" not in tags
    assert tags.count("h2") >= 12
    assert tags.count("svg") == 1
    at = ["-C", str(two.root), "model", "card", "delay", "2"]
    assert main([*at, "--html"]) == 0
    assert "version 2" in capsys.readouterr().out
    assert main([*at, "--output", str(two.root / "card.md")]) == 0
    assert (two.root / "card.md").read_text().startswith("# delay version 2")


def test_a_card_tells_what_the_owner_and_the_evidence_say_against_it(
    project: Project, models: Models
) -> None:
    toml = project.root / "gristmill.toml"
    settings = 'purpose = "Plan the *gates*."\nlimits = ["Not for strikes."]\npath ='
    toml.write_text(toml.read_text().replace("path =", settings, 1))
    named = Project.load(project.root)
    rows = frame(3000, seed=3)
    rows["odd"] = rows["c"].to_numpy() > 1
    rows["late"] = rows["late"] ^ rows["odd"]
    rows.to_parquet(project.root / "holdout.parquet")
    put(named, models.weak)
    register(named, "delay", lineage=lineage(dirty=True))
    text = card(named, "delay", 1)
    assert "Plan the \\*gates\\*." in text
    limits = text.split("## Limits")[1].split("##")[0]
    for sentence in ("Not for strikes", "odd is True", "uncommitted changes", "No gate has judged"):
        assert sentence in limits
    (altered,) = named.state.glob("models/delay/1-*/model/MLmodel")
    altered.write_text(altered.read_text() + "# other\n")
    with pytest.raises(Forbidden):
        card(named, "delay", 1)
