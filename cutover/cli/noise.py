"""`coexist noise`: learns from extracts of the legacy ERP which fields differ in itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cutover.cli.diffing import day_of, memory_of
from cutover.collecting import collect_rarely
from cutover.diff.noise import control_runs, to_bytes
from cutover.progress import Meter
from router.dualrun.noise import NoiseFloor
from router.errors import BadInput

SHOWN = 20


def noise_command(
    extracts: Annotated[
        list[Path],
        typer.Argument(
            help="Two extracts of the legacy ERP, taken one after the other; more such pairs may follow."
        ),
    ],
    policy: Annotated[Path, typer.Option(help="The policy of the comparison it is for (YAML).")],
    out: Annotated[Path, typer.Option(help="The file that is written.")] = Path("noise.json"),
    as_of: Annotated[str, typer.Option(help="The day on which ignores expire, 2026-10-31; else today.")] = "",
    memory: Annotated[str, typer.Option(help="What a comparison may hold; the rest goes to disk.")] = "2GB",
    threads: Annotated[int | None, typer.Option(min=1, max=256, help="As many as there are cores.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the noise floor instead of the summary.")
    ] = False,
) -> None:
    """Compare the legacy ERP with itself and write down which fields differ: the noise floor.

    It can explain a difference that `coexist diff --noise FILE` finds; an amount is never explained away.
    Same extracts and policy, same file, byte for byte. Exit code: 0 learned, 2 bad input.

    Example: coexist noise sap-1.csv sap-2.csv --policy policy.yaml --out noise.json
    """
    if len(extracts) % 2:
        raise BadInput(
            f"{len(extracts)} extracts make no pairs",
            mend="coexist noise LEGACY LEGACY_AGAIN [LEGACY LEGACY_AGAIN …] --policy POLICY",
        )
    pairs = list(zip(extracts[::2], extracts[1::2], strict=True))
    day, limit = day_of(as_of), memory_of(memory)
    collect_rarely()
    with Meter(enabled=not as_json) as meter:
        floor = control_runs(pairs, policy, as_of=day, progress=meter.show, memory=limit, threads=threads)
    _write(out, to_bytes(floor))
    typer.echo(to_bytes(floor) if as_json else told(floor, out), nl=not as_json)


def told(floor: NoiseFloor, out: Path) -> str:
    """What was learned, for a terminal: amounts first."""
    rows = floor.to_json()["fields"]
    rows.sort(key=lambda row: (not row["currency"], -row["differing"]))
    lines = [floor.says()]
    lines += [
        f"  {row['column']} ({row['class']}{' in ' + row['currency'] if row['currency'] else ''}): "
        f"{row['differing']:,} of {row['pairs']:,} pairs{', at most ' + row['most'] if row['most'] else ''}"
        for row in rows[:SHOWN]
    ]
    if len(rows) > SHOWN:
        lines.append(f"  and {len(rows) - SHOWN:,} more fields, in the file")
    if floor.seen.apart:
        lines.append(f"  {floor.seen.apart:,} rows stand in one extract only or twice; that is never noise")
    if floor.money:
        lines.append("  Amounts differ in the legacy ERP itself: find out why before anything is signed.")
    lines.append(f"Written: {out}")
    return "\n".join(lines)


def _write(out: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = out.with_name(f".{out.name}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(out)
    except OSError as error:
        raise BadInput(
            f"{out} can't be written: {error.strerror}", mend="give another file with --out"
        ) from error
