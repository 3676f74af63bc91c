"""A policy proposed from two files is one that reads and compares them, and says why it is what it is."""

import random
from pathlib import Path

import pytest

from router.configfile import loads
from router.dualrun.extracts import read_extract
from router.dualrun.extracts.proposing import propose_policy
from router.dualrun.policy import SIDES, Policy, as_policy
from router.dualrun.workbench import Workbench
from router.errors import BadConfig
from tests.unit.extract_samples import cells

WORDS = {"P": "posted", "O": "open", "H": "held"}


def german(minor: int) -> str:
    text = f"{abs(minor) / 100:,.2f}".translate(str.maketrans(",.", ".,"))
    return text + ("-" if minor < 0 else "")


def extracts(tmp_path: Path, rows: int = 300) -> tuple[Path, Path]:
    """One table as SAP ECC would write it and as a cloud ERP would."""
    chance = random.Random(4)
    legacy = ["BELNR;BUKRS;KUNNR;WAERS;NETWR;MWSBP;WRBTR;HOURS;STATUS;BUDAT;SGTXT;KOSTL;MANDT"]
    cloud = [
        "tranid,subsidiary,customer,currency,net_amount,tax,total,hours,status,posting_date,memo,cost_centre"
    ]
    for at in range(rows):
        net, hours, state = chance.randint(-50_000, 5_000_000), chance.randint(25, 900), chance.choice("POH")
        month, day, person = chance.randint(1, 12), chance.randint(1, 28), chance.randint(1, 60)
        money = ["GBP", "EUR"][at % 2]
        memo = f"Beratung für Müller {at}"
        amounts = (net, net // 5, net + net // 5)
        legacy.append(
            f"{at:010};UK0{at % 3};K{person:04};{money};{';'.join(map(german, amounts))};{german(hours)};"
            f"{state};2026{month:02}{day:02};{memo};CC{at % 7};100"
        )
        cloud.append(
            f"{at},UK0{at % 3},K{person:04},{money},{','.join(f'{one / 100:.2f}' for one in amounts)},"
            f"{hours / 100:.2f},{WORDS[state]},2026-{month:02}-{day:02},{memo},CC{at % 7}"
        )
    one, other = tmp_path / "legacy.txt", tmp_path / "cloud.csv"
    one.write_bytes("\r\n".join(legacy).encode("cp1252"))
    other.write_text("\n".join(cloud), encoding="utf-8")
    return one, other


def proposed(legacy: Path, cloud: Path) -> tuple[str, Policy]:
    text = propose_policy(legacy, cloud)
    return text, as_policy(loads(text))


def test_two_erps_are_understood(tmp_path: Path) -> None:
    """Key, renames, types, currency, dates, numbers, status words, groups and roles, each with its reason."""
    legacy, cloud = extracts(tmp_path)
    text, policy = proposed(legacy, cloud)
    assert policy.key == ("tranid",)
    assert policy.columns["tranid"].normalise == ("strip_leading_zeros",)
    assert policy.rename["legacy"]["BELNR"] == "tranid"
    assert policy.rename["legacy"]["WRBTR"] == "total"
    types = {name: column.type for name, column in policy.columns.items()}
    assert types == {
        "tranid": "text", "subsidiary": "dimension", "customer": "dimension", "currency": "dimension",
        "net_amount": "money", "tax": "money", "total": "money", "hours": "decimal", "status": "status",
        "posting_date": "date", "memo": "text", "cost_centre": "dimension",
    }  # fmt: skip
    assert dict(policy.columns["status"].map) == WORDS
    assert dict(policy.columns["posting_date"].formats) == {"legacy": "%Y%m%d"}
    assert policy.columns["total"].currency_column == "currency"
    assert policy.control_totals == (("subsidiary", "currency"),)
    assert (policy.role("legal_entity"), policy.role("net")) == ("subsidiary", "net_amount")
    assert policy.files["legacy"].encoding == "cp1252"
    assert "# 100.0% of rows stand on both sides exactly once by this key." in text
    assert "only in the legacy file, not compared: MANDT" in text
    assert not any(column.ignore or column.tolerance_minor for column in policy.columns.values())


def test_what_is_proposed_reads_both_files(tmp_path: Path) -> None:
    """The policy is accepted as it is, and both files give all of its columns."""
    legacy, cloud = extracts(tmp_path)
    policy = proposed(legacy, cloud)[1]
    with Workbench(threads=1) as bench:
        for side, path in zip(SIDES, (legacy, cloud), strict=True):
            source = read_extract(bench, side, path, policy)
            assert len(cells(source, bench, *policy.key, *policy.columns)) == 300


def test_the_same_files_give_the_same_proposal(tmp_path: Path) -> None:
    """To the byte."""
    legacy, cloud = extracts(tmp_path, rows=40)
    assert propose_policy(legacy, cloud) == propose_policy(legacy, cloud)


def test_lines_are_named_by_document_and_line(tmp_path: Path) -> None:
    """A key of two columns where none is unique alone."""
    head = "invoice,line,currency,amount\n"
    rows = "".join(f"INV{at // 3},{at % 3 + 1},GBP,{at}.50\n" for at in range(90))
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(head + rows, encoding="utf-8")
    policy = proposed(tmp_path / "a.csv", tmp_path / "b.csv")[1]
    assert policy.key == ("invoice", "line")
    assert policy.document == ("invoice",)
    assert policy.columns["amount"].type == "money"


def test_what_can_not_be_told_is_said(tmp_path: Path) -> None:
    """Ambiguous numbers, missing currencies and few pairs are comments a person must act on."""
    (tmp_path / "a.csv").write_text("id;amount\n1;1.234\n2;2.345\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("id;amount\n2;2345,00\n9;1,00\n8;4,00\n", encoding="utf-8")
    text, policy = proposed(tmp_path / "a.csv", tmp_path / "b.csv")
    assert "# numbers: {decimal: '.', grouping: ','}  # '1.234' may be in thousands" in text
    assert "NO column holds a currency" in text
    assert "FEW: look for a better key" in text
    assert policy.key == ("id",)


def test_hostile_headings_stay_text(tmp_path: Path) -> None:
    """Quotes, colons, comment marks, line ends and YAML's own words can't break out of their place."""
    names = ["id", "a: [b", '"quoted"', "# no comment", "x\ny: z", "null", "yes", "&a *b", "é\u2028"]
    head = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    rows = "".join(f"{at},{','.join(f'{name}{at}' for name in 'abcdefgh')}\n" for at in range(60))
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"{head}\n{rows}", encoding="utf-8")
    policy = proposed(tmp_path / "a.csv", tmp_path / "b.csv")[1]
    assert {*policy.key, *policy.columns} == {*names}


def test_nothing_in_common_and_nothing_at_all(tmp_path: Path) -> None:
    """No column to pair by and no rows are refused."""
    (tmp_path / "a.csv").write_text("id,x\n1,2\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("foo,bar\nq,w\n", encoding="utf-8")
    with pytest.raises(BadConfig, match="no column in common"):
        propose_policy(tmp_path / "a.csv", tmp_path / "b.csv")
    (tmp_path / "b.csv").write_text("id,x\n", encoding="utf-8")
    with pytest.raises(BadConfig, match="no rows to propose"):
        propose_policy(tmp_path / "a.csv", tmp_path / "b.csv")
