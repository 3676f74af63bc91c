"""The architecture, checked: who may import whom, no wall clock, no global randomness, sizes, words.

Each rule is a function over parsed files; `test_the_rules_bite` feeds each rule a file that breaks
it, so that a rule that stopped looking is noticed.
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("router", "simulators", "cutover", "loadtests", "tests")
TOP = {
    "pyproject.toml", "router", "simulators", "cutover", "loadtests", "tests", "fixtures", "README.md",
    "Makefile", "requirements.lock",
}  # fmt: skip
FORBIDDEN = {
    "router": {"simulators", "cutover", "loadtests", "tests"},
    "simulators": {"router", "cutover", "loadtests", "tests"},
    "cutover": {"loadtests", "tests"},
    "loadtests": {"tests"},
}
PURE = {
    "httpx", "sqlalchemy", "fastapi", "starlette", "time", "random", "os", "logging", "asyncio", "structlog", "psycopg",
    "sqlite3", "socket",
}  # fmt: skip
CLOCK_CALLS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "datetime.datetime.now", "date.today", "datetime.date.today",
    "time.time", "time.monotonic", "time.perf_counter", "time.sleep", "time.time_ns",
}  # fmt: skip
RANDOM_CALLS = {
    "uuid.uuid4",
    "uuid4",
    "uuid.uuid1",
    "os.urandom",
    "secrets.token_hex",
    "secrets.token_urlsafe",
    "hash",
}
READS_THE_MACHINE = {
    "router/clock.py": "the one wall clock of the router",
    "simulators/core/serve.py": "the simulators' wall clock when they run on real sockets",
    "cutover/progress.py": "shows a person how long the machine has been at it; never reaches a report",
}
LOAD_COMMAND = "cutover/cli/load.py"
"""`coexist load` is a command like the others; the rest of the program knows nothing of load tests."""
BUILDS_GRAPHS = ("router/app.py", "cutover/")
LINES_MAX = 600
FUNCTION_MAX = 90


@dataclass(frozen=True)
class Source:
    """A parsed file and the room it stands in."""

    path: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.path.split("/")[0]


def sources() -> list[Source]:
    """Every Python file of the project."""
    found = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        Source(str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))) for path in found
    ]


def imports(source: Source) -> Iterator[tuple[str, int]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or "", node.lineno


def calls(source: Source) -> Iterator[tuple[str, int]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def layers(source: Source) -> Iterator[str]:
    """The router knows neither simulators nor cutover; the simulators know nothing of the router."""
    for name, line in imports(source):
        if name.startswith("loadtests") and source.path == LOAD_COMMAND:
            continue
        if name.split(".")[0] in FORBIDDEN.get(source.room, ()):
            yield f"{source.path}:{line}: {source.room} imports {name}"


def pure_decisions(source: Source) -> Iterator[str]:
    """decisions.py takes facts and returns decisions: no I/O, no clock, no randomness."""
    if source.path.endswith("/decisions.py"):
        for name, line in imports(source):
            if name.split(".")[0] in PURE:
                yield f"{source.path}:{line}: decisions import {name}"


def no_wall_clock(source: Source) -> Iterator[str]:
    """Now is injected (D1)."""
    if source.room in ("router", "simulators", "cutover") and source.path not in READS_THE_MACHINE:
        for name, line in calls(source):
            if name in CLOCK_CALLS:
                yield f"{source.path}:{line}: {name}() reads the machine's clock"


def no_global_randomness(source: Source) -> Iterator[str]:
    """Chance comes from an injected generator; a str's hash differs in every process."""
    if source.room in ("router", "simulators", "cutover"):
        for name, line in calls(source):
            if name in RANDOM_CALLS or re.fullmatch(r"random\.(?!Random$)\w+", name):
                yield f"{source.path}:{line}: {name}() is chance outside the seed"


def commits_at_the_edge(source: Source) -> Iterator[str]:
    """Only the journal commits (and the shared budget, which is its own tiny store)."""
    allowed = ("router/journal/", "router/delivery/shared_budget.py")
    if source.room in ("router", "cutover") and not source.path.startswith(allowed):
        for name, line in calls(source):
            if name.endswith(".commit"):
                yield f"{source.path}:{line}: {name}() outside the journal"


def locust_stays_in_the_generator(source: Source) -> Iterator[str]:
    """Importing locust patches the standard library: only the generator's own processes do."""
    if not source.path.startswith("loadtests/generator/"):
        for name, line in imports(source):
            if name.split(".")[0] in ("locust", "gevent") or name.startswith("loadtests.generator"):
                yield f"{source.path}:{line}: {name} outside the generator"


def no_threads_in_the_path(source: Source) -> Iterator[str]:
    """Threads race with virtual time; the journal's PostgreSQL side and the servers are the exceptions."""
    allowed = (
        "router/journal/",
        "router/delivery/shared_budget.py",
        "simulators/core/serve.py",
        "cutover/cli",
        "cutover/serve",
        "cutover/montecarlo/runs.py",
        "cutover/live/hooks.py",  # the loop stands still until its thread has the hook's answer
    )
    if source.room in ("router", "simulators", "cutover") and not source.path.startswith(allowed):
        for name, line in [*imports(source), *calls(source)]:
            if name in ("threading", "asyncio.to_thread", "concurrent.futures", "multiprocessing"):
                yield f"{source.path}:{line}: {name} on the path of a rehearsal"


def sizes(source: Source) -> Iterator[str]:
    """No file over 600 lines, no function over 90."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_MAX and source.room != "tests":
                yield f"{source.path}:{node.lineno}: {node.name} has {length} lines"
    last = max((getattr(node, "end_lineno", 0) or 0 for node in ast.walk(source.tree)), default=0)
    if last > LINES_MAX:
        yield f"{source.path}: {last} lines are two files"


def nothing_swallowed(source: Source) -> Iterator[str]:
    """`except …: pass` hides what went wrong."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            body = [
                part
                for part in node.body
                if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            ]
            if all(isinstance(part, ast.Pass) for part in body):
                yield f"{source.path}:{node.lineno}: an exception is swallowed"


def public_docstrings(source: Source) -> Iterator[str]:
    """Every module, public class and public function of the product says what it is for."""
    if source.room == "tests" or "/migrations/" in source.path:
        return
    if ast.get_docstring(source.tree) is None:
        yield f"{source.path}:1: the module has no docstring"
    for node in source.tree.body:
        named = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if named and not node.name.startswith("_") and ast.get_docstring(node) is None:  # type: ignore[attr-defined,arg-type]
            yield f"{source.path}:{node.lineno}: {node.name} has no docstring"  # type: ignore[attr-defined]


def no_leftovers(source: Source) -> Iterator[str]:
    """Nothing is left for later in the code, and nothing is called by a name that says nothing."""
    name = source.path.rsplit("/", 1)[-1]
    if name in ("utils.py", "helpers.py", "common.py", "manager.py", "misc.py"):
        yield f"{source.path}: a room without a name"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Raise) and node.exc is not None and "NotImplemented" in ast.unparse(node.exc):
            yield f"{source.path}:{node.lineno}: a stub"


RULES: dict[Callable[[Source], Iterator[str]], tuple[str, str]] = {
    layers: ("router/x.py", "import simulators.core"),
    pure_decisions: ("router/delivery/decisions.py", "import random"),
    no_wall_clock: ("router/x.py", "import time\nnow = time.time()"),
    no_global_randomness: ("simulators/x.py", "import random\nx = random.random()"),
    commits_at_the_edge: ("router/x.py", "session.commit()"),
    locust_stays_in_the_generator: ("loadtests/running/x.py", "import locust"),
    no_threads_in_the_path: ("simulators/x.py", "import threading"),
    sizes: ("router/x.py", "def f():\n" + "    x = 1\n" * 95),
    nothing_swallowed: ("router/x.py", "try:\n    x = 1\nexcept OSError:\n    pass"),
    public_docstrings: ("router/x.py", '"""Doc."""\ndef public():\n    return 1'),
    no_leftovers: ("router/utils.py", '"""Doc."""'),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_its_rules(rule: Callable[[Source], Iterator[str]]) -> None:
    """No file of the project breaks the rule."""
    assert [row for source in sources() for row in rule(source)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rules_bite(rule: Callable[[Source], Iterator[str]]) -> None:
    """Each rule finds the fault planted for it."""
    path, text = RULES[rule]
    assert list(rule(Source(path, ast.parse(text)))) != []


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [name for name in listed.stdout.splitlines() if name]


def test_the_top_level_is_what_was_agreed() -> None:
    """Nothing stands at the top level but the agreed entries and dot-files."""
    names = tracked()
    if not names:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    assert {name.split("/")[0] for name in names if not name.startswith(".")} <= TOP


def test_the_lock_pins_with_hashes_and_names_no_index() -> None:
    """Every requirement is pinned with a hash, and no registry's host is written down."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    requirements = [row for row in text.replace("\\\n", " ").splitlines() if re.match(r"[a-z0-9]", row)]
    assert requirements
    assert all("==" in row and "--hash=sha256:" in row for row in requirements)
    assert "://" not in text
