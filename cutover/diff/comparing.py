"""Runs one comparison of extracts from the files that go in to the files that come out.

Breaks stream: from the engine through cause, noise and life-cycle into `breaks.jsonl`, counted on the
way. What is held is bounded by groups, clusters and a few examples, never by the number of breaks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from cutover.diff.junit import write_junit
from cutover.diff.noise import noise_of, read_noise
from cutover.diff.page import EXAMPLES_SHOWN, render
from cutover.diff.pairview import lines_view, pair_view
from cutover.diff.reach import last_dates, scope_of
from cutover.diff.staging import staged
from cutover.diff.summary import Facts, Input, run_id_of, summarise
from cutover.diff.tally import Tally
from cutover.diff.workbook import write_workbook
from router.configfile import load
from router.dualrun.acceptances import NONE, read_acceptances
from router.dualrun.breaks import Break
from router.dualrun.carry_over import BREAKS, EARLIER, Lifecycle, lifecycle_of
from router.dualrun.causes.judge import ExtractJudge
from router.dualrun.clusters import Cluster, Clusters
from router.dualrun.engine import TableComparison
from router.dualrun.explain import explained
from router.dualrun.extracts import read_crosswalk, read_extract
from router.dualrun.noise import Noise, NoiseFloor
from router.dualrun.policy import Policy, Side, as_policy
from router.dualrun.results import DocumentView, Pair, Progress
from router.dualrun.workbench import Source, Workbench
from router.errors import BadInput, Broken

SUMMARY, PAGE, BOOK, JUNIT = "summary.json", "report.html", "report.xlsx", "junit.xml"
FILES = (SUMMARY, BREAKS, EARLIER, PAGE, BOOK, JUNIT)
TOLD_EVERY = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be compared, and where the files go."""

    legacy: Path
    cloud: Path
    policy: Path
    out: Path
    as_of: date
    crosswalk: Path | None = None
    previous: Path | None = None
    accepted: Path | None = None
    noise: Path | None = None
    run_id: str = ""
    consistency_point: str = ""
    memory: str = "2GB"
    threads: int | None = None
    command: str = ""
    xlsx: bool = True
    """Whether a workbook is written."""


def compare(request: Request, progress: Progress) -> dict[str, Any]:
    """Compare and write everything; gives `summary.json`. Raises BadInput and BadConfig for bad input."""
    policy = as_policy(load(request.policy))
    # Small files first: who mistyped one is told before the long work.
    acceptances = read_acceptances(request.accepted) if request.accepted is not None else NONE
    floor = read_noise(request.noise, policy) if request.noise is not None else None
    if request.previous is not None and not request.previous.exists():
        raise BadInput(f"{request.previous} is not there", mend="give the output folder of an earlier diff")
    with staged(request.out, FILES) as folder:
        with Workbench(memory=request.memory, threads=request.threads, spill_to=folder) as bench:
            made = _Comparison(request, policy, bench, folder, progress)
            life = lifecycle_of(request.previous, acceptances, as_of=request.as_of, scope=made.scope)
            made.run()
            noise = made.noise(floor)
            made.explain(noise, life)
            known = request.previous is not None or request.accepted is not None
            summary = summarise(made.facts(noise, life if known else None))
            examples = made.examples()
        _write(folder, summary, examples, progress, xlsx=request.xlsx)
    return summary


class _Comparison:
    """One comparison under way."""

    def __init__(
        self, request: Request, policy: Policy, bench: Workbench, folder: Path, progress: Progress
    ) -> None:
        self._request, self._policy, self._folder, self._progress = request, policy, folder, progress
        progress("reading", 0, 3)
        legacy = read_extract(bench, "legacy", request.legacy, policy)
        progress("reading", 1, 3)
        cloud = read_extract(bench, "cloud", request.cloud, policy)
        progress("reading", 2, 3)
        crosswalk = read_crosswalk(bench, request.crosswalk, policy) if request.crosswalk else None
        progress("reading", 3, 3)
        self._sources: dict[str, Source] = {"legacy": legacy, "cloud": cloud}
        if crosswalk is not None:
            self._sources["crosswalk"] = crosswalk
        self._table = TableComparison(
            bench, policy, legacy, cloud, crosswalk=crosswalk, today=request.as_of, progress=progress
        )
        both: dict[Side, Source] = {"legacy": legacy, "cloud": cloud}
        self.scope = scope_of(bench, policy, both)
        self._until = last_dates(bench, policy, both)
        self._tally = Tally()
        self._clusters = Clusters(policy.document)
        self._ranked: list[Cluster] = []

    def noise(self, floor: NoiseFloor | None) -> Noise | None:
        """What control runs know of this comparison."""
        return noise_of(floor, self._policy, self._table) if floor is not None else None

    def run(self) -> None:
        """Compare."""
        self._table.run()

    def explain(self, noise: Noise | None, life: Lifecycle) -> None:
        """Give every break its cause and state, write it, and count it."""
        judge = ExtractJudge(self._policy, until=self._until, agreement=self._table.agreement)
        whole = max(1, self._table.counts.differing)
        self._progress("explaining", 0, whole)
        with (self._folder / BREAKS).open("wb") as file:
            for found in explained(self._table.documents, judge, self._policy):
                one = life(noise(found) if noise is not None else found)
                self._tally.add(one)
                self._clusters.add(one)
                file.write(to_line(one.to_json()))
                if self._tally.total.breaks % TOLD_EVERY == 0:
                    self._progress("explaining", min(self._tally.total.breaks, whole), whole)
        with (self._folder / EARLIER).open("wb") as file:
            for row in life.earlier():
                file.write(to_line(row))
        self._ranked = self._clusters.ranked()

    def facts(self, noise: Noise | None, life: Lifecycle | None) -> Facts:
        """What was found, for the summary."""
        request, counts = self._request, self._table.counts
        rows = {"legacy": counts.legacy_rows, "cloud": counts.cloud_rows}
        inputs = {
            name: Input(
                name=Path(source.name).name, sha256=source.fingerprint, rows=rows.get(name),
                columns=source.columns, read_as=_read_as(source),
            )
            for name, source in self._sources.items()
        }  # fmt: skip
        return Facts(
            policy=self._policy,
            policy_name=request.policy.name,
            as_of=request.as_of,
            inputs=inputs,
            counts=counts,
            totals=self._table.totals,
            hidden=self._table.hidden,
            not_compared=self._table.not_compared,
            tally=self._tally,
            clusters=self._ranked,
            consistency_point=request.consistency_point,
            run_id=request.run_id or run_id_of(self._policy, inputs.values()),
            command=request.command,
            lifecycle=(
                {"states": dict(life.counts), "acceptances": life.acceptances()} if life is not None else None
            ),
            noise=noise.to_json() if noise is not None else None,
        )

    def examples(self) -> list[dict[str, Any]]:
        """A pair for each of the first clusters, read once more from the engine."""
        wanted: dict[bytes, list[tuple[int, Break]]] = {}
        chosen = [cluster for cluster in self._ranked if cluster.examples][:EXAMPLES_SHOWN]
        for at, cluster in enumerate(chosen):
            one = cluster.examples[0]
            wanted.setdefault(_place(one.key), []).append((at, one))
        found: dict[int, dict[str, Any]] = {}
        for view, pair in _pairs(self._table.documents):
            if len(found) == len(chosen):
                break
            for at, one in wanted.get(_place(pair.key), ()):
                if at not in found and _holds(pair, one):
                    found[at] = {
                        "cluster": chosen[at].to_json(),
                        "example": one.to_json(),
                        "pair": pair_view(pair, self._policy),
                        "lines": lines_view(view, self._policy),
                    }
        return [found[at] for at in sorted(found)]


def _write(
    folder: Path, summary: dict[str, Any], examples: list[dict[str, Any]], progress: Progress, *, xlsx: bool
) -> None:
    """Write what is a function of the summary and of the lines that stand in breaks.jsonl."""
    total = int(summary["breaks"]["total"])
    whole = max(1, total) + 1
    progress("writing", 0, whole)
    if xlsx:
        in_book = write_workbook(
            folder / BOOK,
            summary,
            lines_of(folder / BREAKS),
            told=lambda done: progress("writing", done, whole),
        )
        if in_book != total:
            raise Broken(f"{total} breaks were found and {in_book} were written")
    write_junit(folder / JUNIT, summary)
    (folder / PAGE).write_text(render(summary, examples), encoding="utf-8")
    (folder / SUMMARY).write_bytes(to_bytes(summary))
    progress("writing", whole, whole)


def to_bytes(summary: dict[str, Any]) -> bytes:
    """`summary.json` as written: sorted keys."""
    return orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def to_line(row: Mapping[str, Any]) -> bytes:
    """An object as a line of JSON, whole numbers exact whatever their size."""
    try:
        return orjson.dumps(row) + b"\n"
    except TypeError:
        # orjson ends at 64 bits; an amount of twenty digits has more.
        return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines, one after the other."""
    with path.open("rb") as file:
        for line in file:
            row = orjson.loads(line)
            # Beyond 64 bits orjson reads a float.
            yield json.loads(line) if isinstance(row.get("delta_minor"), float) else row


def fingerprint_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pairs(documents: Callable[[], Iterator[DocumentView]]) -> Iterator[tuple[DocumentView, Pair]]:
    for view in documents():
        for pair in view.pairs:
            yield view, pair


def _place(key: Any) -> bytes:
    return orjson.dumps(dict(key), option=orjson.OPT_SORT_KEYS)


def _holds(pair: Pair, one: Break) -> bool:
    return any((found.what, found.column) == (one.what, one.column) for found in pair.differences)


def _read_as(source: Source) -> str:
    numbers = source.numbers
    grouping = f", thousands by {numbers.grouping!r}" if numbers.grouping else ""
    return f"decimal {numbers.decimal!r}{grouping}, first record in line {source.first_row}"
