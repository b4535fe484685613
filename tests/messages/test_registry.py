"""The registry: the detectors of WIRE, and what an operator's file may add or break."""

import json
from pathlib import Path
from typing import Any

import pytest

from snews_cs.errors import SettingsError
from snews_cs.messages.registry import Detector, Registry

NAMES = [
    *("TEST", "Super-K", "Hyper-K", "SNO+", "KamLAND", "LVD", "IceCube", "Borexino", "HALO-1kT", "HALO", "NOvA"),
    *("KM3NeT", "Baksan", "JUNO", "LZ", "DUNE", "MicroBooNe", "SBND", "DS-20K", "XENONnT", "PandaX-4T"),
]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


@pytest.mark.parametrize(("number", "name"), list(enumerate(NAMES)))
def test_found_by_name_and_number(registry: Registry, number: int, name: str) -> None:
    detector = registry.resolve(name)
    assert detector is not None
    assert (detector.number, detector.name) == (number, name)
    assert registry.resolve(number) is registry.resolve(str(number)) is detector
    assert registry.resolve(name.upper()) is registry.resolve(f" {name.lower()} ") is detector


def test_old_names(registry: Registry) -> None:
    assert registry.resolve("ICE") is registry.resolve("IceCube")


@pytest.mark.parametrize("unknown", ["", "Kamiokande", "21", "-1", 21, -1, "Super-K2", "9" * 10_000])
def test_unknown_names(registry: Registry, unknown: str | int) -> None:
    assert registry.resolve(unknown) is None


def test_every_real_detector_has_a_site_and_a_rate(registry: Registry) -> None:
    assert registry.background_rates_per_week() == dict.fromkeys(NAMES, 1.0)
    for detector in registry.detectors:
        assert (detector.latitude_deg is None) == (detector.longitude_deg is None) == (detector.name == "TEST")


@pytest.mark.parametrize(
    ("name", "latitude", "longitude"),
    [("Super-K", 36.4, 137.3), ("IceCube", -90.0, -63.5), ("LVD", 42.5, 13.6), ("JUNO", 22.1, 112.5)],
)
def test_sites(registry: Registry, name: str, latitude: float, longitude: float) -> None:
    detector = registry.resolve(name)
    assert detector is not None
    assert detector.latitude_deg == pytest.approx(latitude, abs=0.1)
    assert detector.longitude_deg == pytest.approx(longitude, abs=0.1)


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_file_extends_and_corrects(tmp_path: Path) -> None:
    path = write(
        tmp_path / "registry.json",
        [
            {"name": "LVD", "background_rate_per_week": 0.25, "emails": ["shift@lvd.example"]},
            {"name": "Theia", "number": 21, "aliases": ["Theia-25"]},
        ],
    )
    registry = Registry.load(path)
    lvd = registry.resolve(5)
    assert lvd is not None
    assert (lvd.number, lvd.background_rate_per_week, lvd.emails) == (5, 0.25, ("shift@lvd.example",))
    assert lvd.latitude_deg is not None
    assert registry.resolve("theia-25") == Detector(name="Theia", number=21, aliases=("Theia-25",))
    assert registry.background_rates_per_week()["LVD"] == 0.25
    assert len(registry.detectors) == len(NAMES) + 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ({"name": "LVD"}, "not a list of detectors"),
        (["LVD"], "detector 0 of the list has no name"),
        ([{"number": 3}], "detector 0 of the list has no name"),
        ([{"name": "LVD", "number": "5"}], "LVD number: Input should be a valid integer"),
        ([{"name": "LVD", "background_rate_per_week": 0}], "LVD background_rate_per_week: Input should be greater"),
        ([{"name": "LVD", "background_rate_per_week": float("nan")}], "LVD background_rate_per_week"),
        ([{"name": "LVD", "latitude_deg": 91}], "LVD latitude_deg"),
        ([{"name": "LVD", "aliases": "ICE"}], "LVD aliases"),
        ([{"name": "LVD", "colour": "red"}], "LVD colour: Unexpected"),
        ([{"name": ""}], "name: String should have at least 1 character"),
        ([{"name": "LVD", "background_rate_per_week": 1e300}], "LVD background_rate_per_week: Input should be less"),
        ([{"name": "a\nb"}], "a b name: must be printable"),
        ([{"name": "LVD", "aliases": ["L\x1b[31mVD"]}], "LVD aliases 0: must be printable"),
        ([{"name": "LVD", "emails": ["a@b.org", "Shift <shift@lvd.example>"]}], "LVD emails 1: must be a mail address"),
        ([{"name": "LVD", "emails": ["a@b.org, c@d.org"]}], "LVD emails 0: must be a mail address"),
        ([{"name": " LVD"}], "name: must be printable, without blanks around it"),
        ('[{"name": "\\ud800"}]', "registry.json: a text: Invalid JSON"),
        ([{"name": "Theia", "number": 5}], "Theia and LVD are both called '5'"),
        ([{"name": "Theia", "aliases": ["ice"]}], "Theia and IceCube are both called 'ice'"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, content: Any, fault: str) -> None:
    with pytest.raises(SettingsError) as error:
        Registry.load(write(tmp_path / "registry.json", content))
    assert fault in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    registry = Registry.load(write(tmp_path / "registry.json", '\ufeff[{"name": "Theia"}]'))
    assert registry.resolve("Theia") is not None


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.json: No such file or directory$"):
        Registry.load(tmp_path / "nowhere.json")
