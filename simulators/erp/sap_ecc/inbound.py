"""Inbound IDocs: EDI_DATA_INCOMING reads a file and answers at once; the IDocs are processed in the background.

IDocs of a file are processed one after the other, each its own unit of work, at `idoc_ms` apiece on the clock;
at most `background_processes` files at once. What came twice is posted twice: nothing here checks for duplicates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from zoneinfo import ZoneInfo

from simulators.core.bookkeeping import BooksError
from simulators.erp.sap_ecc.drop import FilePort, NoSuchFile
from simulators.erp.sap_ecc.errors import Fault, Refusal, text_of
from simulators.erp.sap_ecc.formats import NotAValue
from simulators.erp.sap_ecc.idoc import DS40, DS40_WIDTH, ENTRY, EXPENSE, TIME, Idoc, read_file
from simulators.erp.sap_ecc.posting import post_entry, post_expense, post_time
from simulators.erp.sap_ecc.state import Ecc, refusal_of

HANDLERS: dict[str, Callable[[Ecc, Idoc], tuple[str, ...]]] = {
    TIME: post_time,
    EXPENSE: post_expense,
    ENTRY: post_entry,
}
"""What posts an IDoc of a message type: gives the message of its status record, then its variables."""
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
        try:
            _answer(idoc, POSTED, *HANDLERS.get(idoc.mestyp, _unsupported)(self._ecc, idoc))
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
