"""`coexist repair`: propose corrections for breaks, try them out, and have two people apply them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console
from rich.table import Table

from cutover.cli.journal import AsJson
from router.clock import WallClock, to_text
from router.configfile import load
from router.dualrun.breaks import Break
from router.dualrun.policy import as_policy
from router.dualrun.repairs import extracts
from router.dualrun.repairs.files import fingerprint, read_breaks, read_plan, write_plan
from router.dualrun.repairs.plan import Header, Plan, as_plan_of
from router.dualrun.repairs.rules import RepairRules, as_repair_rules
from router.dualrun.workbench import Workbench
from router.errors import BadInput, VendorUnknown
from router.landscape import default_file

app = typer.Typer(
    help="Corrections for what a comparison found: a plan, its dry run, its application.",
    no_args_is_help=True,
)
PlanFile = Annotated[Path, typer.Argument(help="A plan (YAML or JSON) of coexist repair propose.")]
Gateway = Annotated[
    str | None, typer.Option(help="Address of the gateway, such as http://127.0.0.1:8460: live ERPs.")
]
RulesFile = Annotated[Path | None, typer.Option(help="Rules of repair (YAML); else the default ones.")]
TIMEOUT_S = 600.0
"""A check reads both ERPs back."""
WIDE = 160
OFF = ("moved", "blocked")
"""Verdicts that make the answer no."""


@app.command("propose")
def propose_command(
    breaks: Annotated[
        Path | None, typer.Argument(help="breaks.jsonl of coexist diff, or the folder it is in.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the plan goes: .yaml or .json.")] = Path("plan.yaml"),
    rules: RulesFile = None,
    run: Annotated[str | None, typer.Option(help="A live comparison's run; needs --gateway.")] = None,
    gateway: Gateway = None,
    cause: Annotated[list[str] | None, typer.Option(help="Only breaks of this cause.")] = None,
    entity: Annotated[list[str] | None, typer.Option(help="Only breaks of this legal entity.")] = None,
    as_json: AsJson = False,
) -> None:
    """Propose a correction for every break, by rules; nothing is posted.

    Examples: coexist repair propose out/diff --out plan.yaml;
    coexist repair propose --run R-1 --gateway http://127.0.0.1:8460
    """
    if (breaks is None) == (run is None):
        raise BadInput("give either breaks of extracts or --run", mend="coexist repair propose out/diff")
    if run is not None:
        if cause or entity:
            raise BadInput("--cause and --entity narrow breaks of extracts, not a run")
        body: dict[str, Any] = {"run_id": run}
        if rules is not None:
            body["rules"] = load(rules).text
        plan = as_plan_of(_asked(gateway, "propose", body), "the gateway's plan")
    else:
        assert breaks is not None
        plan = _from_file(breaks, _rules(rules), cause or (), entity or ())
    write_plan(out, plan)
    if as_json:
        typer.echo(orjson.dumps(plan.totals.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
        return
    _show_totals(plan)
    typer.echo(f"{len(plan.proposals)} proposals in {out}: set decision: apply or skip, then check it.")


@app.command("check")
def check_command(
    plan: PlanFile,
    gateway: Gateway = None,
    legacy: Annotated[Path | None, typer.Option(help="A newer extract of the legacy ERP.")] = None,
    cloud: Annotated[Path | None, typer.Option(help="A newer extract of the cloud ERP.")] = None,
    policy: Annotated[Path | None, typer.Option(help="The policy both are compared by.")] = None,
    crosswalk: Annotated[Path | None, typer.Option(help="As given to coexist diff.")] = None,
    as_json: AsJson = False,
) -> None:
    """Dry run: say of each proposal whether it would be applied now; exits 1 when any may not.

    Examples: coexist repair check plan.yaml --gateway http://127.0.0.1:8460;
    coexist repair check plan.yaml --legacy new/sap.csv --cloud new/netsuite.csv --policy policy.yaml
    """
    made = read_plan(plan)
    if gateway is not None:
        found = _asked(gateway, "check", {"plan": made.to_json()})["findings"]
    elif legacy is not None and cloud is not None and policy is not None:
        rules = as_policy(load(policy))
        if made.policy_hash and made.policy_hash != rules.fingerprint:
            raise BadInput(
                f"{policy}: the plan was made by another policy", mend="propose again, or give that policy"
            )
        with Workbench() as bench:
            today = WallClock().now().date()
            now = extracts.breaks_of(bench, legacy, cloud, rules, crosswalk=crosswalk, today=today)
            found = [one.to_json() for one in extracts.check(made, now)]
    else:
        raise BadInput(
            "nothing says what the rows are now", mend="give --gateway, or --legacy, --cloud and --policy"
        )
    _tell(found, as_json=as_json)


@app.command("apply")
def apply_command(
    plan: PlanFile,
    by: Annotated[str, typer.Option(help="Who applies it.")],
    approved_by: Annotated[str, typer.Option(help="Who approved it: somebody else.")],
    gateway: Gateway = None,
    as_json: AsJson = False,
) -> None:
    """Apply what is decided and still as it was; what has moved is refused, and then exits 1.

    Example: coexist repair apply plan.yaml --by ann --approved-by bob --gateway http://127.0.0.1:8460
    """
    made = read_plan(plan)
    if not made.systems:
        raise BadInput(
            f"{plan}: was made from extracts and can't be applied",
            mend="propose from a run: --run, --gateway",
        )
    body = {"plan": made.to_json(), "by": by, "approved_by": approved_by}
    _tell(_asked(gateway, "apply", body)["findings"], as_json=as_json)


def _from_file(breaks: Path, rules: RepairRules, causes: Sequence[str], entities: Sequence[str]) -> Plan:
    file = breaks / "breaks.jsonl" if breaks.is_dir() else breaks
    beside = file.parent / "summary.json"
    told: Mapping[str, Any] = {}
    if beside.is_file():
        try:
            read = orjson.loads(beside.read_bytes())
        except orjson.JSONDecodeError as error:
            raise BadInput(f"{beside}: is not JSON: {error}", mend="run coexist diff again") from error
        told = read if isinstance(read, dict) else {}
    digest = fingerprint(file)
    header = Header(
        run_id=str(told.get("run_id") or digest[:16]),
        source=file.name,
        source_hash=digest,
        policy_hash=_policy_hash(told),
        rules_hash=rules.fingerprint,
        as_of=to_text(WallClock().now()),
        rounding_account=rules.rounding_account,
    )

    def wanted() -> Iterator[Break]:
        for one in read_breaks(file):
            if (not causes or one.cause in causes) and (not entities or one.legal_entity in entities):
                yield one

    return extracts.propose(wanted(), rules, header)


def _policy_hash(told: Mapping[str, Any]) -> str:
    """The hash a summary has of its policy; empty where it has none."""
    policy = told.get("policy")
    return str(policy.get("hash") or "") if isinstance(policy, dict) else ""


def _rules(path: Path | None) -> RepairRules:
    return as_repair_rules(default_file("policies/repairs.yaml") if path is None else load(path))


def _asked(gateway: str | None, what: str, body: Mapping[str, Any]) -> Any:
    """The gateway's answer; raises BadInput for what it refuses, VendorUnknown where it can't be reached."""
    if gateway is None:
        raise BadInput("live ERPs are asked through the gateway", mend="give --gateway http://127.0.0.1:8460")
    try:
        answer = httpx.post(
            f"{gateway.rstrip('/')}/v1/repairs:{what}",
            content=orjson.dumps(body),
            headers={"content-type": "application/json"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise VendorUnknown(f"{gateway}: no usable answer: {type(error).__name__}: {error}") from error
    if answer.status_code >= 400 or not isinstance(told, dict):
        said = told.get("detail") or told.get("title") if isinstance(told, dict) else None
        raise BadInput(f"{gateway} refused it: {said or answer.status_code}")
    return told


def _tell(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps({"findings": found}, option=orjson.OPT_INDENT_2))
    else:
        counts: dict[str, int] = {}
        for one in found:
            counts[one["verdict"]] = counts.get(one["verdict"], 0) + 1
            if one["verdict"] != "no_posting":
                typer.echo(f"{one['id']}  {one['verdict'].replace('_', ' ')}  {one['why']}".rstrip())
            for line in one["moved"]:
                typer.echo(f"    {line}")
        typer.echo(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items())))
    raise typer.Exit(1 if any(one["verdict"] in OFF for one in found) else 0)


def _show_totals(plan: Plan) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    for title, rows in (("Rule", plan.totals.by_rule), ("ERP", plan.totals.by_system)):
        table = Table(title, "Proposals", "Breaks", "Adds to the ERP", "Stays different")
        for name, row in rows.items():
            table.add_row(name, f"{row.proposals:,}", f"{row.breaks:,}", _money(row.effect), _money(row.left))
        if rows:
            console.print(table)


def _money(sums: Mapping[str, str]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in sums.items())
