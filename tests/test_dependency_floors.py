"""The floors under which a library has known advisories; pip-audit is silently green without data."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

FLOORS = {
    "gradio": "6.16.0",  # FileExplorer traversal GHSA-j36p-7w88-g82j and everything before it
    "starlette": "1.3.1",  # form limits CVE-2026-54283, dispatch CVE-2026-48817, Range CVE-2025-62727
    "fastapi": "0.139",
    "python-multipart": "0.0.22",  # CVE-2026-24486
    "pypdf": "6.16.1",  # some 35 denial-of-service advisories
}
PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


@pytest.mark.parametrize("name", FLOORS)
def test_installed_is_at_or_above_the_floor(name: str) -> None:
    assert Version(version(name)) >= Version(FLOORS[name])


@pytest.mark.parametrize("name", FLOORS)
def test_declared_range_excludes_what_is_below(name: str) -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    declared = {r.name: r.specifier for r in map(Requirement, project["dependencies"])}
    lower = [Version(s.version) for s in declared[name] if s.operator in (">=", "==")]
    assert lower and max(lower) >= Version(FLOORS[name])
