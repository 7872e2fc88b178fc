"""Every page and widget with names that try to be markup, and text that is markup nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gristmill.dashboards import model_page, overview
from gristmill.dashboards._drill_page import drill_page
from gristmill.dashboards._handlers import problem_page
from gristmill.drawing import render, render_macro
from gristmill.errors import Invalid
from gristmill.monitoring import metric_samples, prometheus_text
from gristmill.monitoring._gauges import HELP
from gristmill.registry import comparison_page
from gristmill.widgets import _promotion as promotion
from gristmill.widgets import _registry as registry
from gristmill.widgets._panel import PANELS

from . import values
from .values import Name

HOSTILE = (
    "<script>{}</script>",
    "' onload='alert({})",
    '"><img src=x onerror="alert({})">',
    "{}]]>",
)


def _explored(name: Name) -> str:
    (drift, *_) = values.window(3, name).drift.features
    return render("dashboards/explore.html", name=drift.name, drift=drift, colour="#000")


def _model(name: Name) -> str:
    return model_page(name("airport"), values.state(name), "/", name("/explore"), name("token"))


def _drill(name: Name) -> str:
    window = values.window(5, name)
    return drill_page(name("airport"), name("delay"), window, values.drawn(name))


PAGES: dict[str, Callable[[Name], str]] = {
    "overview": lambda name: overview(name("airport"), [values.state(name)]),
    "overview of nothing": lambda name: overview(name("airport"), []),
    "model": _model,
    "model without a report": lambda name: model_page(
        name("airport"), replace(values.state(name), report=None)
    ),
    "drill-down": _drill,
    "drill-down under way": lambda name: drill_page(
        name("airport"), name("delay"), values.window(5, name), None
    ),
    "problem": lambda name: problem_page(404, name("nothing at /x"), name("look there"), "/"),
    "comparison": lambda name: comparison_page(values.comparison(name)),
    "comparison without scores": lambda name: comparison_page(
        values.comparison(name, problem="no hold-out")
    ),
    "card": lambda name: values.card(name).page(),
    "explorer": _explored,
    "gates": lambda name: promotion.gates_html(values.gates(name)),
    "versions": lambda name: registry._cells(values.version(2, name)),
    "notice": lambda name: render_macro(
        PANELS, "failed", Invalid("a.b", name("wrong"), hint=name("do this"))
    ),
}


class Structure(HTMLParser):
    """Elements and attributes, in order, and whether each element is closed in its turn."""

    VOID = frozenset({"meta", "link", "br", "input", "img"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("page", PAGES)
def test_no_name_becomes_markup(page: str, hostile: str) -> None:
    """A hostile name gives the elements and attributes that a harmless one as long gives."""
    harmless = re.sub(r"[^\w{}]", "x", hostile)
    attacked, plain = (Structure(PAGES[page](name.format)) for name in (hostile, harmless))
    assert attacked.tags == plain.tags


@pytest.mark.parametrize("page", [p for p in PAGES if "<html" in PAGES[p](values.plain)])
def test_a_page_asks_nobody_for_anything(page: str) -> None:
    text = PAGES[page](values.plain)
    assert text.startswith("<!doctype html>")
    assert not re.search(r"""(src|href|action)=["']?(https?:)?//""", text)
    assert "@import" not in text


def test_a_page_of_a_window_says_what_drifted_and_what_is_not_drawn() -> None:
    page = drill_page("airport", "delay", values.window(5, values.plain), values.drawn())
    sentences = " ".join(re.sub(r"<[^>]*>", "", page).split())
    assert " Drifted: temp. " in sentences and "no values: visib. " in sentences
    assert 'src="/drill/delay/v2-20130829T00/report.html"' in page and "<progress" not in page


def test_a_page_has_buttons_only_for_who_may_act() -> None:
    state = values.state()
    assert 'value="sesame"' in model_page("airport", state, xsrf="sesame")
    assert "<form" not in model_page("airport", state)
    assert "<form" not in model_page("airport", replace(state, alerts=()), xsrf="sesame")


def test_what_could_not_be_judged_is_inconclusive_everywhere() -> None:
    state = replace(values.state(), problem="")
    for page in (
        model_page("airport", state),
        overview("airport", [state]),
        promotion.gates_html(values.gates()),
    ):
        assert "inconclusive" in page and not re.search("cannot.judge", page)


def test_figures_for_prometheus_are_what_a_parser_reads() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    state = values.state('"<b>{}</b>\n\\'.format)
    assert state.report is not None
    text = prometheus_text(metric_samples(state.report, list(state.alerts), state.now)).decode()
    families = {f.name: f for f in text_string_to_metric_families(text)}
    assert set(families) == set(HELP)
    for name, family in families.items():
        assert (family.type, family.documentation) == ("gauge", HELP[name])
        assert {s.labels["model"] for s in family.samples} == {state.name}
    (drift,) = families["gristmill_drift_ratio"].samples
    assert drift.value == pytest.approx(1 / 3) and drift.labels["version"] == "2"
    moved = {
        s.labels["feature"]: s.value for s in families["gristmill_feature_moved_ratio"].samples
    }
    last = state.report.windows[-1]
    assert moved == {f.name: f.distances.moved for f in last.drift.features}


def test_templates_are_read_only_when_something_is_drawn() -> None:
    code = (
        "import sys, gristmill, gristmill.runner._run, gristmill.dashboards._page\n"
        "import gristmill.registry._card.card\n"
        "sys.exit('jinja2' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
