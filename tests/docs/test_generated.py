"""The figure and the tables of the documentation show what the code says."""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from snews_cs.cli import COMMANDS
from snews_cs.monitoring.metrics import Metrics
from snews_cs.schemas.catalogue import schema
from snews_cs.settings import Settings
from snews_cs.simulation.scenario import Scenario
from tests.docs.pages import DOCS
from tests.support.scenarios import SCENARIOS


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """docs/figures.py."""
    monkeypatch.syspath_prepend(str(DOCS))
    return import_module("figures")


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """docs/generated.py."""
    monkeypatch.syspath_prepend(str(DOCS))
    return import_module("generated")


def test_figure_shows_what_the_engine_decides(figures: ModuleType) -> None:
    """Whoever changes the engine draws it anew: ``.venv/bin/python docs/figures.py``."""
    data = figures.example_data()
    assert figures.embedded_data(figures.EXAMPLE) == data
    assert [[name for name, _ in sublist] for sublist in data["sublists"]] == [
        ["Super-K", "IceCube"],
        ["IceCube", "KM3NeT"],
        ["SNO+"],
    ]


def test_excerpt_is_cut_from_the_picture_of_make_run(figures: ModuleType, tmp_path: Path) -> None:
    """Whoever takes a new picture cuts the excerpt anew: ``.venv/bin/python docs/figures.py``."""
    figures.cut_excerpt(tmp_path / "excerpt.svg")
    assert figures.MAKE_RUN_EXCERPT.read_text() == (tmp_path / "excerpt.svg").read_text()


def test_figures_are_small(figures: ModuleType) -> None:
    sizes = {path.name: path.stat().st_size for path in figures.IMAGES.iterdir()}
    assert {figures.EXAMPLE.name, figures.MAKE_RUN.name} <= sizes.keys()
    assert max(sizes.values()) < 200_000


def test_table_of_settings_has_each_with_its_meaning(generated: ModuleType) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", generated.settings(), re.MULTILINE))
    assert rows.keys() == {field.alias for field in Settings.model_fields.values()}
    assert rows["COINCIDENCE_THRESHOLD"].endswith("Default: 10 s.")
    assert rows["HB_DELETE_AFTER"].endswith("Default: 7 days.")


@pytest.mark.parametrize(("table", "name"), [("alert_fields", "alert"), ("notice_fields", "notice")])
def test_tables_of_fields_are_the_schemas(generated: ModuleType, table: str, name: str) -> None:
    rows = re.findall(r"^\| `([\w ]+)` \| (.+?) \| (.+) \|$", getattr(generated, table)(), re.MULTILINE)
    assert [field for field, _, _ in rows] == list(schema(name)["properties"])


def test_example_notice_fits_the_schema(figures: ModuleType) -> None:
    jsonschema.validate(figures.example_notice(), schema("notice"))


def test_example_mail_is_of_the_example_alert(figures: ModuleType, generated: ModuleType) -> None:
    mail = generated.example_mail()
    assert "SUPERNOVA ALERT: Super-K and IceCube, 2026-11-21 12:30:00 UTC" in mail
    assert figures.example_alerts()[0]["alert_uuid"] in mail


def test_table_of_scenarios_has_each_with_its_title(generated: ModuleType) -> None:
    rows = dict(re.findall(r"^\| `(.+)\.json` \| (.+) \|$", generated.scenarios(), re.MULTILINE))
    assert rows == {name: Scenario.load(path).title for name, path in SCENARIOS.items()}


def test_example_of_slack_is_of_the_example_alert(figures: ModuleType, generated: ModuleType) -> None:
    shown = generated.example_slack()
    assert "\nSupernova alert: 2 detectors coincide\n\n@here False alarm rate: " in shown
    assert "\nIceCube   2026-11-21 12:30:09.000000000         +9.000 s" in shown
    assert f"Event {figures.example_alerts()[0]['event_id']}, revision 1, server my-server" in shown
    assert "<" not in shown


def test_table_of_metrics_has_each_with_its_meaning(generated: ModuleType) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", generated.metrics(), re.MULTILINE)
    assert rows == [tuple(each) for each in Metrics().describe()]


def test_every_command_is_shown(generated: ModuleType) -> None:
    assert set(re.findall(r"^\*\*`snews_cs (\S+)`\*\*$", generated.command_line(), re.MULTILINE)) == set(COMMANDS)
