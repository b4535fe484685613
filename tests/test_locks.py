"""The locks agree: poetry.lock with pyproject.toml, requirements.lock with poetry.lock. Needs no Poetry.

When one of these fails: ``poetry lock && poetry export --with dev,docs --output requirements.lock``.
"""

import hashlib
import itertools
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
CLIENTS = [ROOT / "tests" / "clients" / name for name in ("snews_pt", "snews_pt-1.3")]
EXPORTED_GROUPS = {"main", "dev", "docs"}

PLATFORMS = [
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
]
IMPLEMENTATIONS = [
    {"implementation_name": "cpython", "platform_python_implementation": "CPython"},
    {"implementation_name": "pypy", "platform_python_implementation": "PyPy"},
]
PYTHONS = [{"python_version": minor, "python_full_version": f"{minor}.0"} for minor in ("3.11", "3.12", "3.13")]
ENVIRONMENTS = [
    python | platform | implementation
    for python, platform, implementation in itertools.product(PYTHONS, PLATFORMS, IMPLEMENTATIONS)
]


class Pin(NamedTuple):
    """One package of a lock: the environments (of the list above) it is for, and the files it may be."""

    version: str
    environments: frozenset[int]
    hashes: frozenset[str]


def where(*markers: Marker | None) -> frozenset[int]:
    """Return the environments in which any of the markers holds; None holds everywhere."""
    return frozenset(
        index
        for index, environment in enumerate(ENVIRONMENTS)
        if any(marker is None or marker.evaluate(environment) for marker in markers)
    )


def pins_of_requirements(text: str) -> dict[str, Pin]:
    pins = {}
    for entry in text.replace("\\\n", " ").splitlines():
        if not entry.strip() or entry.startswith("#"):
            continue
        line, *hashes = entry.split(" --hash=")
        requirement = Requirement(line.strip())
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        assert requirement.name not in pins
        pins[requirement.name] = Pin(specifier.version, where(requirement.marker), frozenset(map(str.strip, hashes)))
    return pins


def pins_of_poetry_lock(lock: dict[str, Any]) -> dict[str, Pin]:
    pins = {}
    for package in lock["package"]:
        groups = EXPORTED_GROUPS & set(package["groups"])
        if not groups:
            continue
        given = package.get("markers", {})
        of_group = {group: given if isinstance(given, str) else given.get(group) for group in groups}
        markers = [Marker(text) if text else None for text in of_group.values()]
        hashes = frozenset(file["hash"] for file in package["files"])
        assert package["name"] not in pins
        pins[package["name"]] = Pin(package["version"], where(*markers), hashes)
    return pins


def content_hash(pyproject: dict[str, Any]) -> str:
    """Return what Poetry 2 writes into poetry.lock: the hash of what bears on the choice of packages."""
    project, poetry = pyproject["project"], pyproject["tool"]["poetry"]
    project_keys = ("requires-python", "dependencies", "optional-dependencies")
    poetry_keys = ("dependencies", "source", "extras", "dev-dependencies", "group")
    relevant: dict[str, Any] = {
        "project": {key: project[key] for key in project_keys if key in project},
        "tool": {"poetry": {key: poetry[key] for key in poetry_keys if key in poetry}},
    }
    if groups := pyproject.get("dependency-groups"):
        relevant["dependency-groups"] = groups
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def poetry_lock() -> dict[str, Any]:
    return tomllib.loads((ROOT / "poetry.lock").read_text())


@pytest.fixture(scope="module")
def requirements() -> str:
    return (ROOT / "requirements.lock").read_text()


def test_poetry_lock_fits_pyproject(pyproject: dict[str, Any], poetry_lock: dict[str, Any]) -> None:
    assert poetry_lock["metadata"]["content-hash"] == content_hash(pyproject)
    assert poetry_lock["metadata"]["python-versions"] == pyproject["project"]["requires-python"]


def test_requirements_lock_is_the_export_of_poetry_lock(poetry_lock: dict[str, Any], requirements: str) -> None:
    locked, exported = pins_of_poetry_lock(poetry_lock), pins_of_requirements(requirements)
    assert exported.keys() == locked.keys()
    assert {name: pin for name, pin in exported.items() if pin != locked[name]} == {}


def test_every_python_that_is_supported_was_compared(pyproject: dict[str, Any]) -> None:
    supported = SpecifierSet(pyproject["project"]["requires-python"])
    minors = {f"3.{minor}" for minor in range(8, 30) if f"3.{minor}.0" in supported}
    assert minors == {python["python_version"] for python in PYTHONS}


def drop_a_hash(text: str) -> str:
    return re.sub(r" \\\n    --hash=\S+\n(?=\S)", "\n", text, count=1)


def change_a_version(text: str) -> str:
    return re.sub(r"^click==\S+", "click==0.0.1", text, count=1, flags=re.MULTILINE)


def drop_a_package(text: str) -> str:
    return re.sub(r"^click==.*\n(    --hash.*\n)+", "", text, count=1, flags=re.MULTILINE)


def drop_a_marker(text: str) -> str:
    return re.sub(r"^(colorama==[^ ]+) ;[^\\]*", r"\1 ", text, count=1, flags=re.MULTILINE)


@pytest.mark.parametrize("tamper", [drop_a_hash, change_a_version, drop_a_package, drop_a_marker])
def test_a_drift_is_noticed(tamper: Callable[[str], str], poetry_lock: dict[str, Any], requirements: str) -> None:
    changed = tamper(requirements)
    assert changed != requirements
    assert pins_of_requirements(changed) != pins_of_poetry_lock(poetry_lock)


def test_a_changed_dependency_is_noticed(pyproject: dict[str, Any], poetry_lock: dict[str, Any]) -> None:
    project = pyproject["project"]
    changed = pyproject | {"project": project | {"dependencies": [*project["dependencies"], "requests"]}}
    assert content_hash(changed) != poetry_lock["metadata"]["content-hash"]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_s_lock_pins_every_package_and_file(client: Path) -> None:
    wanted = tomllib.loads((client / "pyproject.toml").read_text())["project"]["dependencies"]
    pins = pins_of_requirements((client / "requirements.lock").read_text())
    assert all(pin.hashes for pin in pins.values())
    for requirement in map(Requirement, wanted):
        name = requirement.name.replace("_", "-")
        assert pins[name].version in requirement.specifier


@pytest.mark.parametrize("directory", [ROOT, *CLIENTS], ids=["project", *(client.name for client in CLIENTS)])
def test_no_lock_names_a_package_index(directory: Path) -> None:
    text = (directory / "requirements.lock").read_text()
    assert "://" not in text
    assert [line for line in text.splitlines() if line.startswith("-")] == []


def test_poetry_lock_names_no_package_index(poetry_lock: dict[str, Any]) -> None:
    assert [package["name"] for package in poetry_lock["package"] if "source" in package] == []
    assert [file for package in poetry_lock["package"] for file in package["files"] if "url" in file] == []
