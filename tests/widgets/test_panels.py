"""The widgets without a browser: many versions, errors as notices, a kernel that stays awake."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import Invalid
from gristmill.lineage import Lineage
from gristmill.project import Project
from gristmill.registry import Registry, Version
from gristmill.registry._ledger.chain import Draft, canonical
from gristmill.widgets import CompareModels, ModelRegistry, Promotion
from gristmill.widgets._panel import Panel
from gristmill.widgets._version_picker import search_versions
from tests.waiting import PATIENCE

MANY = 2000
SETTINGS = """
[project]
name = "toy"
[models.delay]
path = "models/best"
[roles]
register = ["*"]
promote = ["ben@example.org"]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A ledger of 2,000 versions, as registrations write them."""
    from datetime import UTC, datetime

    root = tmp_path_factory.mktemp("many")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_KEYS", str(root / "keys"))
        (root / "gristmill.toml").write_text(SETTINGS)
        project = Project.load(root)
        line = Lineage(
            "toy",
            "train",
            "r",
            "c" * 40,
            False,
            "main",
            None,
            {f"d{i}": "1" * 32 for i in range(9)},
        )
        with Registry(project).ledger.writing() as writer:
            for number in range(1, MANY + 1):
                version = Version(
                    "delay", number, "run", f"{number:064x}", {"roc_auc": number / MANY, "f1": 0.5},
                    {"depth": 3}, line, datetime.now(UTC), "Ada <ada@example.org>", "train", "here",
                )  # fmt: skip
                draft = Draft(
                    action="register", model="delay", actor="ada@example.org", version=number,
                    digest=version.digest, document=canonical(version.record()),
                )  # fmt: skip
                writer.append(draft)
        yield project


def test_two_thousand_versions_are_paged_and_searched(project: Project) -> None:
    for query, order in (("", "newest first"), ("v77", "roc_auc"), ("ada train 1999", "f1")):
        assert search_versions(project, "delay", query, order=order).versions
    assert [v.version for v in search_versions(project, "delay", size=3).versions] == [
        2000,
        1999,
        1998,
    ]
    assert search_versions(project, "delay", start=MANY * 2, size=7).versions[-1].version == 1
    assert search_versions(project, "delay", "nothing such").total == 0

    panel = ModelRegistry(project=project, actor="ada@example.org")
    assert "1 to 10 of 2,000" in panel.count.value
    panel.rows[3].pick.value = True
    panel.next.click()
    assert "11 to 20" in panel.count.value
    panel.rows[0].pick.value = True
    panel.back.click()
    assert panel.rows[3].pick.value and panel.picked == (1997, 1990)
    panel.order.value = "roc_auc"
    panel.search.value = "v12"
    assert panel.rows[0].pick.description == "version 1299"
    sent = sum(len(str(w.get_state())) for w in _all(panel))
    assert sent < 250_000
    assert len(CompareModels(project=project).picker.list.options) <= 12


def _all(widget: Any) -> list[Any]:
    return [widget, *(w for child in getattr(widget, "children", ()) for w in _all(child))]


def test_errors_are_notices_and_roles_hold(project: Project) -> None:
    panel = Promotion(project=project, actor="eve@example.org", version=7)
    assert "delay version 7" in panel.facts.value
    panel.buttons["Promote"].click()
    assert "reason.missing" in panel._notice.value
    panel.reason.value = "because <b>I</b> say so"
    panel.buttons["Promote"].click()
    assert "eve@example.org" in panel._notice.value
    assert "promote" in panel._notice.value
    assert "role.missing" in panel._notice.value
    panel.buttons["Approve"].click()
    assert "[role.missing]" in panel._notice.value
    ben = Promotion(project=project, actor="ben@example.org", version=7)
    ben.reason.value = "no gate was run"
    ben.buttons["Promote"].click()
    assert "gate.missing" in ben._notice.value and "Traceback" not in ben._notice.value
    assert Registry(project).ledger.aliases("delay") == {}

    def broken(tell: Any) -> None:
        raise ZeroDivisionError("<i>")

    ben.do("Breaking", broken, print)
    assert "ZeroDivisionError: &lt;i&gt;" in ben._notice.value
    compare = CompareModels(project=project, versions=(3,))
    compare.go.click()
    assert "compare.versions" in compare._notice.value


def test_the_loop_runs_while_work_is_done(project: Project) -> None:
    async def session() -> None:
        panel = Panel("delay", project, "ada@example.org")
        panel.show(panel.model)
        finished: list[str] = []
        release = threading.Event()

        def work(tell: Any) -> str:
            tell("half <done>")
            assert release.wait(PATIENCE)
            return "first"

        def bad(tell: Any) -> None:
            raise Invalid("a.b", "wrong")

        panel.do("Working", work, finished.append)
        panel.do("Then", lambda _: "second", finished.append)
        panel.do("Last", bad, print)
        beats = 0
        while panel._pending:
            assert 'class="busy on"' in panel._busy.value
            await asyncio.sleep(0.01)  # the loop's other work
            beats += 1
            assert beats < 500
            if beats == 15:
                assert "half &lt;done&gt;" in panel._busy.value and finished == []
                release.set()
        assert beats >= 15 and finished == ["first", "second"]
        assert "a.b" in panel._notice.value and "busy on" not in panel._busy.value

    asyncio.run(session())


def test_a_panel_without_models_says_nothing_wrong(tmp_path: Path) -> None:
    (tmp_path / "gristmill.toml").write_text('[project]\nname = "empty"\n')
    empty = Project.load(tmp_path)
    for kind in (ModelRegistry, CompareModels, Promotion):
        assert kind(project=empty).model.value is None
