"""The wheel: built and installed without the network, it works in an empty folder with its own defaults."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("router", "simulators", "cutover", "loadtests", "fixtures")


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """What a command prints; fails unless it ends with the status, or if it prints a traceback."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))
    }
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=200,
        check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built by hatchling as it is installed, in no environment of its own."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (found,) = folder.glob("erp_coexist-*-py3-none-any.whl")
    return found


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `coexist` in a new environment that has the wheel, and the locked packages beside it."""
    home = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    python = home / "bin" / "python"
    # A path line adds the folder of the locked packages, not the .pth files in it: the checkout stays unseen.
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    (site / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    run(
        uv,
        "pip",
        "install",
        "-q",
        "--python",
        python,
        "--no-deps",
        "--no-index",
        "--offline",
        wheel,
        cwd=home,
    )
    return python.parent


def test_the_wheel_holds_every_file_of_the_product(wheel: Path) -> None:
    """Code, templates, migrations and default fixtures are in it; tests and what runs leave behind are not."""
    kept = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith((".pyc", ".sqlite"))
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == kept


def test_it_works_in_an_empty_folder(scripts: Path, tmp_path: Path) -> None:
    """Every command that needs no server runs on the defaults that travel in the wheel."""
    coexist = scripts / "coexist"
    where = run(
        scripts / "python", "-c", "import cutover, fixtures, router; print(cutover.__file__)", cwd=tmp_path
    )
    assert str(scripts.parent) in where, "the checkout, not the wheel, is what runs"
    assert "rehearse" in run(coexist, "--help", cwd=tmp_path)
    invoice = run(coexist, "example", "invoice", cwd=tmp_path)
    assert orjson.loads(invoice)["data"]["kind"] == "invoice"
    (tmp_path / "routes.yaml").write_text(
        "version: 1\ndefault: {authority: sap_ecc}\nrules: []\n", encoding="utf-8"
    )
    assert "is clean" in run(coexist, "route", "check", "--routes", "routes.yaml", cwd=tmp_path)
    told = run(coexist, "rehearse", "--size", "small", "--out", ".", cwd=tmp_path)
    assert "Verdict: GO" in told
    assert {"report.html", "report.json", "journal.sqlite"} <= {path.name for path in tmp_path.iterdir()}
    report = orjson.loads((tmp_path / "report.json").read_bytes())
    assert all(row["held"] for row in report["invariants"])
    run(coexist, "verify", "--database", "sqlite:///journal.sqlite", cwd=tmp_path)
