"""The README is true: its commands run, its files load, its tables are the code's own.

A block marked `console` is executed as a shell session in a folder of its own: `$ ` lines are
commands, the rest is what they print, with `…` for what varies. A block marked `yaml` whose first
line is `# file: NAME` is written into that folder first.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cutover.checks import CHECKS
from cutover.plan.reading import read_plan
from router.errors import BadConfig, CoexistError
from router.landscape import read_landscape
from router.model import diagram
from router.routing.table import read_table
from router.settings import Settings
from simulators.firm.extract_mapping import read_mapping

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
READY_S = 100.0
"""A busy machine may take this long to make certificates and start four simulators."""


@dataclass(frozen=True)
class Block:
    """A fenced block of the README."""

    language: str
    text: str
    line: int

    @property
    def id(self) -> str:
        return f"line-{self.line}"


def blocks(language: str) -> list[Block]:
    """The README's fenced blocks of a language, in order."""
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [
        Block(one[1], one[2], README.count("\n", 0, one.start()) + 1) for one in found if one[1] == language
    ]


def named(block: Block) -> tuple[str, bool] | None:
    """The file a YAML block stands for, and whether it is meant to be refused."""
    first = re.match(r"# file: (\S+)( \(refused\))?\n", block.text)
    return (first[1], first[2] is not None) if first else None


def write_files(folder: Path) -> None:
    for block in blocks("yaml"):
        name = named(block)
        assert name is not None, f"{block.id} says no file name"
        path = folder / name[0]
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, encoding="utf-8")


def session(block: Block) -> list[tuple[str, list[str]]]:
    """The commands of a block, each with the lines it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def fits(shown: list[str], printed: str) -> bool:
    """Whether an output is what is shown, `…` standing for anything (alone on a line: for any lines)."""
    if not shown:
        return True
    parts = [re.escape(line).replace("…", ".*") if line != "…" else r"(?s:.*)" for line in shown]
    text = "\n".join(line.rstrip() for line in printed.rstrip("\n").splitlines())
    return re.fullmatch("\n".join(parts).replace("\n(?s:.*)", r"(?s:.*)"), text) is not None


def free_port() -> int:
    """A port nobody else gets: below those the system hands out by itself, begun far from other processes'."""
    for at in range(1_000):
        port = 20_000 + (os.getpid() * 7_919 + at) % 10_000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


class Shell:
    """Runs a README session in a folder: commands that end with `&` go on until the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._behind: list[subprocess.Popen[bytes]] = []
        self._status = 0
        self._environment = os.environ | {
            "PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"],
            "COLUMNS": "200",
        }

    def run(self, command: str) -> str:
        """Run a command; gives what it printed, errors included, progress left out."""
        command = command.replace("8460", str(self._port))
        if command.endswith("&"):
            self._start(command.removesuffix("&").strip())
            return ""
        done = subprocess.run(
            ["bash", "-c", f"(exit {self._status}); {command}"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        self._status = done.returncode
        errors = [line for line in done.stderr.splitlines() if not re.match(r"  \w+: [ \d]+%", line)]
        return done.stdout + "".join(line + "\n" for line in errors)

    @property
    def status(self) -> int:
        return self._status

    def _start(self, command: str) -> None:
        with (self._folder / f".behind-{len(self._behind)}").open("wb") as said:
            self._behind.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {command}"],
                    cwd=self._folder,
                    env=self._environment,
                    stdout=said,
                    stderr=said,
                )
            )
        address = f"http://127.0.0.1:{self._port}/readyz"
        simulators = command.split()[1] == "simulate"  # `serve --simulated` is none
        ready = (self._folder / "ready.json").exists if simulators else lambda: answers(address)
        self._wait(ready, command)

    def _wait(self, ready: Callable[[], bool], command: str) -> None:
        for _ in range(int(READY_S / 0.1)):
            if ready():
                return
            assert self._behind[-1].poll() is None, f"{command} ended"
            time.sleep(0.1)
        pytest.fail(f"{command} was not ready within {READY_S} s")

    def behind(self) -> str:
        """How what was started behind stands, and the last it said."""
        return "".join(
            f"[{process.poll()}] " + (self._folder / f".behind-{at}").read_text(errors="replace")[-1000:]
            for at, process in enumerate(self._behind)
        )

    def stop(self) -> None:
        """End what still runs behind."""
        for process in reversed(self._behind):
            process.send_signal(signal.SIGINT)
        for process in self._behind:
            process.wait(timeout=30)


def answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder with the files that the README shows, and nothing else."""
    write_files(tmp_path)
    found = Shell(tmp_path)
    yield found
    found.stop()


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.id)
def test_commands_print_what_is_shown(block: Block, shell: Shell) -> None:
    """Each command prints what the README shows, and fails only where it says so."""
    steps = session(block)
    if any(command.startswith("curl") for command, _ in steps) and shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    for at, (command, shown) in enumerate(steps):
        printed = shell.run(command)
        assert fits(shown, printed), f"$ {command}\n{printed}{shell.behind()}"
        told = at + 1 < len(steps) and steps[at + 1][0] == "echo $?"
        assert told or shell.status == 0, f"$ {command}\n{printed}"


def test_fits_is_strict() -> None:
    """The comparison of outputs notices a missing line, another word and an additional line."""
    assert fits(["a … c", "…"], "a b c\nd\ne\n")
    assert fits(["a"], "a \n\n")
    assert not fits(["a … c"], "a b d\n")
    assert not fits(["a"], "a\nb\n")
    assert not fits(["a", "b"], "a\n")


def test_files_load(tmp_path: Path) -> None:
    """Every YAML block is accepted by the product's own reader, or refused where it says so."""
    write_files(tmp_path)
    landscape = read_landscape(None)
    for block in blocks("yaml"):
        name, refused = named(block) or ("", False)
        path = tmp_path / name
        kind = next(word for word in ("routes", "landscape", "plan", "mapping") if word in name)
        try:
            if kind == "routes":
                read_table(path, landscape)
            elif kind == "landscape":
                read_landscape(path)
            elif kind == "plan":
                read_plan(path, landscape)
            else:
                read_mapping(path.parent)
        except BadConfig:
            assert refused, block.id
        else:
            assert not refused, block.id


def test_the_diagram_is_the_table() -> None:
    """The state diagram is the one drawn from the transition table."""
    assert f"```mermaid\n{diagram()}\n```" in README


def test_the_one_command_prints_what_a_small_one_does() -> None:
    """The output of `make rehearse` is that of the small rehearsal executed above, figures apart."""
    shown = next(block for block in blocks("text") if block.text.startswith("$ make rehearse"))
    small = next(lines for command, lines in session(blocks("console")[0]) if "--size small" in command)
    figures = r"\([^)]* posted[^)]*\)|\(…\)|…|\d[\d,.]*"

    def shape(line: str) -> str:
        return re.sub(figures, "#", line.replace(" --size small", "").replace("size small", "size default"))

    real = [shape(line) for line in small if line != "…"]
    lines = [shape(line) for line in shown.text.splitlines()[1:]]
    assert [line for line in lines if not re.match(r"  (#$|- )", line)] == real


def errors_under(cls: type[CoexistError]) -> Iterator[type[CoexistError]]:
    for one in cls.__subclasses__():
        yield one
        yield from errors_under(one)


def rows(head: str) -> list[list[str]]:
    """The cells of the README's table whose heading begins so."""
    lines = README.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(head))
    found = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_errors_are_all_listed() -> None:
    """Every problem that can leave over HTTP is in the table, with its status and its meaning."""
    known = [
        [f"`urn:coexist:problem:{one.code}`", str(one.status), (one.__doc__ or "").strip().splitlines()[0]]
        for one in errors_under(CoexistError)
        if one.__module__ == "router.errors"
    ]
    assert rows("| problem `type`") == known


def test_invariants_are_all_listed() -> None:
    """The claims and what they leave unchecked are the checkers' own words."""
    known = [
        [one.name, one.claim, f"`{one.check.__module__.rpartition('.')[2]}.py`", one.not_checked]
        for one in CHECKS
    ]
    assert rows("| | claim") == known


def test_settings_are_all_listed() -> None:
    """Every setting is in the table with its default."""
    known = [[f"`{name}`", f"{field.default:,}"] for name, field in Settings.model_fields.items()]
    assert [row[:2] for row in rows("| setting")] == known


def test_make_targets_are_all_listed() -> None:
    """Every target of the Makefile is in the table, in its own words."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = [[f"`{name}`", does] for name, does in re.findall(r"^([a-z-]+):.*?## (.*)$", text, re.MULTILINE)]
    assert rows("| `make`") == known


def test_what_it_points_at_exists() -> None:
    """Every file and folder named in the text is there."""
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    roots = "router|simulators|cutover|loadtests|fixtures|tests"
    named_paths = set(re.findall(rf"`((?:{roots})/[\w./-]*)`", prose))
    assert len(named_paths) > 20
    assert sorted(name for name in named_paths if not (ROOT / name).exists()) == []
