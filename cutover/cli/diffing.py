"""`coexist diff`: compares two extracts of any origin, no router needed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cutover.collecting import collect_rarely
from cutover.diff.comparing import BOOK, JUNIT, PAGE, SUMMARY, Request, compare, to_bytes
from cutover.progress import Meter
from cutover.report.wording import amount
from router.clock import WallClock
from router.dualrun.carry_over import BREAKS
from router.errors import BadInput

EXIT = {"agree": 0, "accepted": 0, "noise": 0, "differ": 1, "does not tie": 3}
OUT = Path("out/diff")
CLUSTERS_TOLD = 6
CURRENCIES_TOLD = 8
_MEMORY = re.compile(r"\d{1,6}(\.\d{1,3})?\s?(MB|GB|TB|MiB|GiB|TiB)\Z")
PHASES: Mapping[str, tuple[int, int]] = {
    "reading": (0, 150),
    "explaining": (500, 800),
    "writing": (800, 1000),
}
ENGINE = (150, 500)
_WORDS = {"read": "reading", "pair": "pairing"}
"""Where each phase begins and ends on the bar, in thousandths of the whole; the engine names its own."""


def diff_command(
    legacy: Annotated[
        Path | None, typer.Argument(help="The legacy ERP's extract: CSV, Parquet or JSONL.")
    ] = None,
    cloud: Annotated[Path | None, typer.Argument(help="The cloud ERP's extract, in any of these.")] = None,
    policy: Annotated[Path | None, typer.Option(help="What is compared and how (YAML); see --init.")] = None,
    crosswalk: Annotated[
        Path | None,
        typer.Option(help="Which legacy row is which cloud row: columns legacy.KEY and cloud.KEY."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for what is written (out/diff); with --init the policy file.")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="An earlier diff's folder or breaks.jsonl: tells new from recurring.")
    ] = None,
    accepted: Annotated[
        Path | None, typer.Option(help="Accepted breaks (YAML): who, why, until when.")
    ] = None,
    noise: Annotated[
        Path | None,
        typer.Option(help="What `coexist noise` wrote: which fields differ in the legacy ERP itself."),
    ] = None,
    run_id: Annotated[str, typer.Option(help="Name of the run; else made from inputs and policy.")] = "",
    as_of: Annotated[
        str, typer.Option(help="The day on which ignores and acceptances expire, 2026-10-31; else today.")
    ] = "",
    consistency_point: Annotated[
        str, typer.Option(help="At which point both extracts were taken; without it they are unfenced.")
    ] = "",
    memory: Annotated[str, typer.Option(help="What the comparison may hold; the rest goes to disk.")] = "2GB",
    threads: Annotated[int | None, typer.Option(min=1, max=256, help="As many as there are cores.")] = None,
    init: Annotated[bool, typer.Option("--init", help="Propose a policy from both extracts.")] = False,
    example: Annotated[
        Path | None, typer.Option(help="Write an example pair with planted defects into this folder.")
    ] = None,
    xlsx: Annotated[
        bool, typer.Option("--xlsx/--no-xlsx", help="Write report.xlsx too; the longest part of many breaks.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print summary.json instead of the summary.")
    ] = False,
) -> None:
    """Compare two extracts, explain every difference in money first, and write all of them down.

    Exit code: 0 nothing differs (or all is accepted, or noise that bears no money), 1 there are breaks, 2 bad input, 3 the totals do not tie.

    Examples: coexist diff sap.csv netsuite.parquet --policy policy.yaml --out out/diff;
    coexist diff --init sap.csv netsuite.parquet --out policy.yaml;
    coexist diff --example example/
    """
    if example is not None:
        _example(example)
        return
    if legacy is None or cloud is None:
        raise BadInput("two extracts are needed", mend="coexist diff LEGACY CLOUD --policy POLICY.yaml")
    if init:
        _init(legacy, cloud, out)
        return
    if policy is None:
        raise BadInput(
            "--policy is missing", mend="`coexist diff --init LEGACY CLOUD --out POLICY.yaml` proposes one"
        )
    others = {"crosswalk": crosswalk, "previous": previous, "accepted": accepted, "noise": noise}
    day = day_of(as_of)
    request = Request(
        legacy=legacy, cloud=cloud, policy=policy, out=out or OUT, as_of=day, run_id=_named(run_id),
        consistency_point=consistency_point.strip()[:500], memory=memory_of(memory), threads=threads, xlsx=xlsx,
        command=_command(legacy, cloud, {"policy": policy, **others}, run_id, day, consistency_point), **others,
    )  # fmt: skip
    collect_rarely()
    with Meter(enabled=not as_json) as meter:
        bar = _Bar(meter)
        summary = compare(request, bar.show)
    if as_json:
        typer.echo(to_bytes(summary), nl=False)
    else:
        typer.echo(told(summary, request.out, meter.seconds))
    raise typer.Exit(EXIT[summary["verdict"]])


def told(summary: Mapping[str, Any], out: Path, seconds: float) -> str:
    """The verdict, the levels and the largest clusters, for a terminal."""
    clusters = summary["clusters"]
    first = _largest(clusters)
    lines = [
        f"Verdict: {summary['verdict'].upper()}  (run {summary['run_id']})",
        f"  {summary['says']}",
        *_money(summary["by_currency"]),
        "  Breaks: " + ", ".join(f"{level} {row['breaks']:,}" for level, row in summary["levels"].items()),
        *(f"  - {row['sentence']}" for row in first),
    ]
    if len(clusters) > len(first):
        lines.append(f"  - and {len(clusters) - len(first):,} more clusters")
    hidden = sum(row["pairs"] for row in summary["hidden"])
    lines.append(f"  hidden by the policy: {hidden:,}; {summary['consistency'].partition(':')[0]}")
    lines.append(
        f"Report:  {out / PAGE}  (data: {', '.join(name for name in (SUMMARY, BREAKS, BOOK, JUNIT) if (out / name).exists())}; {seconds:.1f} s)"
    )
    lines.append(f"Again:   {summary['reproduce']}")
    return "\n".join(lines)


def _largest(clusters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The largest of each currency, then the second of each: none hides behind another's."""
    seen: dict[str, int] = {}
    ranked = []
    for at, row in enumerate(clusters):
        place = seen[row["currency"]] = seen.get(row["currency"], 0) + 1
        ranked.append((place, at))
    return [clusters[at] for _, at in sorted(ranked)[:CLUSTERS_TOLD]]


def _money(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What finance asks first: both totals in each currency, how far they are apart, and whether causes say why."""
    if not rows:
        return []
    names = ("legacy", "cloud", "difference", "explained", "unexplained")
    head = ["", *("cloud - legacy" if name == "difference" else name for name in names), "ties"]
    table = [head] + [
        [
            f"{row['column']} {row['currency']}",
            *(amount(row[name]) for name in names),
            "yes" if row["ties"] else "NO",
        ]
        for row in rows[:CURRENCIES_TOLD]
    ]
    wide = [max(len(line[at]) for line in table) for at in range(len(head))]
    told = [
        "  "
        + "  ".join(
            [
                line[0].ljust(wide[0]),
                *(cell.rjust(most) for cell, most in zip(line[1:], wide[1:], strict=True)),
            ]
        )
        for line in table
    ]
    told.append("  (explained and unexplained add up the amounts of breaks without their signs)")
    if len(rows) > CURRENCIES_TOLD:
        told.append(f"  and {len(rows) - CURRENCIES_TOLD:,} more currencies in {SUMMARY}")
    return told


class _Bar:
    """Puts the phases of a comparison on one bar."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def show(self, phase: str, done: int, whole: int) -> None:
        """Say how much of a phase is done."""
        start, end = PHASES.get(phase, ENGINE)
        word = phase if phase in PHASES else _WORDS.get(phase.partition(" ")[0], "comparing")
        self._meter.show(word, start + (end - start) * min(done, whole) // max(1, whole), 1000)


def _init(legacy: Path, cloud: Path, out: Path | None) -> None:
    from router.dualrun.extracts.proposing import proposal  # noqa: PLC0415 - needed by nothing else here

    found = proposal(legacy, cloud)
    if found.choices:
        typer.echo(f"To be decided (CHOOSE in the policy): {'; '.join(found.choices)}", err=True)
    if out is None:
        typer.echo(found.text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(found.text)
    except FileExistsError as error:
        raise BadInput(
            f"{out} exists already", mend="give another file with --out, or move it away"
        ) from error
    except OSError as error:
        raise BadInput(
            f"{out} can't be written: {error.strerror}", mend="give another file with --out"
        ) from error
    typer.echo(f"{out}: read it, mend it, then coexist diff {legacy} {cloud} --policy {out}")


def _example(folder: Path) -> None:
    from cutover.diff.example import write_example  # noqa: PLC0415 - brings a generator nothing else here needs

    names = write_example(folder)
    typer.echo("\n".join(str(folder / name) for name in names))


def day_of(text: str) -> date:
    """The day an option names, else today; raises BadInput."""
    if not text:
        return WallClock().now().date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--as-of {text[:40]!r} is no day", mend="write 2026-10-31") from error


def memory_of(text: str) -> str:
    """An amount of memory as DuckDB takes it; raises BadInput."""
    if not _MEMORY.match(text):
        raise BadInput(f"--memory {text[:40]!r} is no amount of memory", mend="write 500MB or 2GB")
    return text


def _named(run_id: str) -> str:
    if run_id and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}", run_id):
        raise BadInput(
            f"--run-id {run_id[:40]!r} can't be a name",
            mend="use letters, digits, points and hyphens, at most 80",
        )
    return run_id


def _command(
    legacy: Path, cloud: Path, given: Mapping[str, Path | None], run_id: str, day: date, point: str
) -> str:
    """The command that gives the same bytes again; where they go, and how fast, is not part of them."""
    words = ["coexist", "diff", str(legacy), str(cloud)]
    for name, path in given.items():
        if path is not None:
            words += [f"--{name}", str(path)]
    words += ["--as-of", day.isoformat()]
    if run_id:
        words += ["--run-id", run_id]
    if point:
        words += ["--consistency-point", point]
    return shlex.join(words)
