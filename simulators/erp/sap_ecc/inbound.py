"""Inbound IDocs: EDI_DATA_INCOMING reads a file and answers at once; the IDocs are processed in the background.

IDocs of a file are processed one after the other, each its own unit of work, at `idoc_ms` apiece on the clock;
at most `background_processes` files at once. What came twice is posted twice: nothing here checks for duplicates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from zoneinfo import ZoneInfo

from simulators.core.bookkeeping import BooksError
from simulators.core.rows import ExpenseRow, TimeRow
from simulators.erp.sap_ecc.drop import FilePort, NoSuchFile
from simulators.erp.sap_ecc.errors import Fault, Refusal, text_of
from simulators.erp.sap_ecc.extensions import DIMS
from simulators.erp.sap_ecc.formats import NotAValue, day_of, of_hours_text, of_inside_amount
from simulators.erp.sap_ecc.idoc import DS40, DS40_WIDTH, EXPENSE, TIME, Idoc, cells, read_file
from simulators.erp.sap_ecc.numbers import fi_key
from simulators.erp.sap_ecc.state import Ecc, refusal_of

READY, POSTED, FAILED, SYNTAX = "64", "53", "51", "60"
SLICE = 50
"""IDocs processed between two waits: fewer timers, and periods may close in the middle of a file."""


class Inbound:
    """The inbound side of the file port of one system."""

    def __init__(self, ecc: Ecc) -> None:
        self._ecc = ecc
        self._port = FilePort(ecc.config.idoc_drop, ecc.config.encoding)
        self._running: dict[str, int] = {}
        """Files in process, by name, with the generation of the state they belong to."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._zone = ZoneInfo(ecc.books.personality.time_zone)

    def arrived(self, path: str) -> None:
        """EDI_DATA_INCOMING: number the file's IDocs and queue them; raises Fault when there is no such file."""
        try:
            name, text = self._port.take(path)
        except NoSuchFile as error:
            raise Fault("Server", f"File {error} cannot be read", exception="FILE_OPEN_ERROR") from error
        idocs = read_file(text)
        for idoc in idocs:
            self._ecc.idocs.add(idoc)
        self._ecc.waiting.append((name, [idoc.docnum for idoc in idocs]))
        self.kick()

    def kick(self) -> None:
        """Start background processes for files that wait, as many as are free."""
        generation = self._ecc.generation
        running = {name for name, of in self._running.items() if of == generation}
        for name, docnums in self._ecc.waiting:
            if len(running) >= self._ecc.config.background_processes:
                return
            if name not in running:
                running.add(name)
                self._running[name] = generation
                task = asyncio.get_running_loop().create_task(self._process(name, docnums, generation))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _process(self, name: str, docnums: list[str], generation: int) -> None:
        idocs = [self._ecc.idocs.of(docnum) for docnum in docnums]
        for start in range(0, len(idocs), SLICE):
            part = [idoc for idoc in idocs[start : start + SLICE] if idoc.status == READY]
            await asyncio.sleep(len(part) * self._ecc.config.idoc_ms / 1000)
            if self._ecc.generation != generation:
                return  # reset or restored meanwhile: this file belongs to a past that is gone
            for idoc in part:
                self._post(idoc)
        self._port.put_status(name, "".join(map(self._status_record, idocs)))
        self._ecc.waiting.remove((name, docnums))
        del self._running[name]
        self.kick()

    def _post(self, idoc: Idoc) -> None:
        if idoc.problem:
            _answer(idoc, SYNTAX, "E0072", idoc.docnum, idoc.problem)
            return
        handlers: dict[str, Callable[[Ecc, Idoc], tuple[str, ...]]] = {TIME: post_time, EXPENSE: post_expense}
        try:
            _answer(idoc, POSTED, *handlers.get(idoc.mestyp, _unsupported)(self._ecc, idoc))
            idoc.segments = []
        except BooksError as problem:
            refusal = refusal_of(problem)
            _answer(idoc, FAILED, refusal.message, *refusal.variables)
        except Refusal as refusal:
            _answer(idoc, FAILED, refusal.message, *refusal.variables)
        except (NotAValue, KeyError) as problem:
            _answer(idoc, FAILED, "B1501", "SDATA", str(problem)[:50])

    def _status_record(self, idoc: Idoc) -> str:
        at = self._ecc.clock.now().astimezone(self._zone)
        variables = (*idoc.variables, "", "", "", "")[:4]
        values = (
            "EDI_DS40",
            self._ecc.config.client,
            idoc.docnum,
            f"{at:%Y%m%d}",
            f"{at:%H%M%S}",
            idoc.status,
            "SAP",
            idoc.message[:2],
            idoc.message[2:],
            "S" if idoc.status == POSTED else "E",
            *(variable[:50] for variable in variables),
            idoc.text[:70],
            "ALEREMOTE",
            *("",) * 7,
            idoc.arckey,
        )
        cut = "".join(value.ljust(length) for value, (_, length) in zip(values, DS40.values(), strict=True))
        assert len(cut) == DS40_WIDTH
        return cut + "\n"


def _answer(idoc: Idoc, status: str, message: str, *variables: str) -> None:
    idoc.status, idoc.message, idoc.variables = status, message, variables
    idoc.text = text_of(message, *variables)


def _unsupported(ecc: Ecc, idoc: Idoc) -> tuple[str, ...]:
    del ecc
    raise Refusal("E0332", idoc.mestyp)


def post_time(ecc: Ecc, idoc: Idoc) -> tuple[str, str]:
    """Post the time segment of an IDoc; (message, CATSDB counter). Raises BooksError, NotAValue."""
    name, sdata = idoc.segments[0]
    if name != "E1BPCATS1":
        raise Refusal("E0072", idoc.docnum, f"segment {name}")
    data = cells(name, sdata)
    worked = day_of(data["WORKDATE"])
    if worked is None or not data["CATSHOURS"]:
        raise Refusal("B1501", "WORKDATE", data["WORKDATE"])
    hundredths = of_hours_text(data["CATSHOURS"])
    extra = {"pernr": data["EMPLOYEENUMBER"]} if data["EMPLOYEENUMBER"].strip("0") else {}
    row = ecc.books.add_time(
        TimeRow(
            external_id=data["ZZEXTID"],
            project=data["WBS_ELEMENT"],
            employee=data["ZZRESID"] or data["EMPLOYEENUMBER"],
            work_date=worked,
            posting_date=day_of(data["BUDAT"]) or worked,
            minutes=_minutes(hundredths),
            hundredths=hundredths,
            role=data["ZZROLE"] or data["ACTTYPE"],
            billable=bool(data["BILLABLE"]),
            rate_minor=of_inside_amount(data["PRICE"]),
            currency=data["CURRENCY"],
            dims={word: data[field] for word, field in DIMS.items() if data[field]},
            notes=data["ZZNOTES"] or data["SHORTTEXT"],
            adjusts=data["ZZADJ"],
            extra=extra,
        ),
        allow_duplicate=True,
    )
    return "LR005", row.vendor_id


def _minutes(hundredths: int) -> int:
    # A hundredth of an hour is 0.6 minutes, so the nearest whole minute is the one that was meant.
    whole = (abs(hundredths) * 6 + 5) // 10
    return whole if hundredths >= 0 else -whole


def post_expense(ecc: Ecc, idoc: Idoc) -> tuple[str, str, str]:
    """Post the header and item segments of an IDoc; (message, BKPFF, document key). Raises as `post_time`."""
    parts = {name: cells(name, sdata) for name, sdata in idoc.segments}
    if "E1BPACHE09" not in parts or "E1BPACGL09" not in parts:
        raise Refusal("E0072", idoc.docnum, "segment missing")
    head, item = parts["E1BPACHE09"], parts["E1BPACGL09"]
    spent, posted = day_of(head["DOC_DATE"]), day_of(head["PSTNG_DATE"])
    if spent is None or posted is None:
        raise Refusal("B1501", "DOC_DATE", head["DOC_DATE"])
    entity = ecc.entity(head["COMP_CODE"])
    project = ecc.books.active_project(item["WBS_ELEMENT"])
    if project.entity != entity:
        raise Refusal("CJ021", item["WBS_ELEMENT"])
    ecc.books.check_period(entity, posted)
    number = ecc.numbering.draw("KR", head["COMP_CODE"])
    key = fi_key(number, head["COMP_CODE"], posted)
    with ecc.numbering.given(key, number):
        ecc.books.add_expense(
            ExpenseRow(
                external_id=item["ZZEXTID"],
                project=project.vendor_id,
                employee=item["ZZRESID"] or item["EMPLOYEE"],
                expense_date=spent,
                posting_date=posted,
                category=item["ZZCATEG"],
                amount_minor=of_inside_amount(item["AMT_DOCCUR"]),
                currency=item["CURRENCY"],
                billable=bool(item["BILLABLE"]),
                dims={word: item[field] for word, field in DIMS.items() if item[field]},
                notes=item["ZZNOTES"] or item["ITEM_TEXT"],
                extra={"xblnr": head["REF_DOC_NO"]},
            ),
            allow_duplicate=True,
        )
    return "RW605", "BKPFF", key
