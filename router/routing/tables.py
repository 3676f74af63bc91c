"""Compiled tables by version: what the journal asks for decisions (`router.journal.port.Decide`)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from router.canonical.documents import Document
from router.configfile import loads
from router.errors import BadConfig, NotFound, Refused
from router.journal.port import Pin
from router.landscape import Landscape
from router.model import Decision, SystemId
from router.routing.compiled import Compiled, compile_table
from router.routing.decisions import decide
from router.routing.table import RouteTable, table_from

MAX_COMPILED = 16
"""Compiled tables kept at once; others are compiled again from their text when asked for."""
MAX_VERSIONS = 1000
"""Texts kept at once; a firm publishes a handful a cutover."""


class Tables:
    """Route tables by version. A published version never changes: a change is a new version (D7).

    `source` gives the text of a version published elsewhere (the journal's copy), or None.
    """

    def __init__(
        self, *, landscape: Landscape | None = None, source: Callable[[int], str | None] | None = None
    ) -> None:
        self._landscape = landscape
        self._source = source
        self._texts: dict[int, str] = {}
        self._compiled: OrderedDict[int, Compiled] = OrderedDict()

    def __call__(
        self, document: Document, *, table_version: int, lineage: SystemId | None, pin: Pin | None
    ) -> Decision:
        """The decision by one table version; raises NotFound for a version nobody published."""
        return decide(self.compiled(table_version), document, lineage=lineage, pin=pin)

    def publish(self, text: str | bytes, *, name: str = "<routes>") -> RouteTable:
        """Check, compile and keep a table; publishing the same text again changes nothing.

        Raises BadConfig for a mistake, and for another text under a version already published.
        """
        file = loads(text, name=name)
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        table = table_from(file, self._landscape)
        before = self._text(table.version)
        if before is not None and before != plain:
            raise file.error(
                f"version {table.version} was published before with other rules",
                ("version",),
                mend="give the changed table a new version",
            )
        if before is not None and table.version in self._compiled:
            return self._compiled[table.version].table
        if len(self._texts) >= MAX_VERSIONS and table.version not in self._texts:
            raise Refused(f"{MAX_VERSIONS} route tables are published already")
        self._keep(compile_table(table), plain)
        return table

    def compiled(self, version: int) -> Compiled:
        """The compiled table of a version; raises NotFound when nobody published it."""
        found = self._compiled.get(version)
        if found is not None:
            return found
        text = self._text(version)
        if text is None:
            raise NotFound(f"there is no route table version {version}")
        return self._keep(self._read(text, version), text)

    def knows(self, version: int) -> bool:
        """Whether a decision by this version needs nothing from elsewhere."""
        return version in self._compiled or self._text(version) is not None

    def learn(self, text: str, *, version: int) -> None:
        """Keep a table that was published elsewhere, as the journal has it; raises BadConfig for a mistake.

        Unlike `publish` it never refuses for their number: an epoch already follows this table, so the oldest
        text goes instead, which the journal gives again when it is asked for.
        """
        compiled = self._read(text, version)
        while len(self._texts) >= MAX_VERSIONS and version not in self._texts:
            oldest = next(iter(self._texts))
            self._texts.pop(oldest, None)
            self._compiled.pop(oldest, None)
        self._keep(compiled, text)

    def text(self, version: int) -> str:
        """A table as published; raises NotFound when nobody published it."""
        found = self._text(version)
        if found is None:
            raise NotFound(f"there is no route table version {version}")
        return found

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions published here, ascending."""
        return tuple(sorted(self._texts))

    def _read(self, text: str, version: int) -> Compiled:
        table = table_from(text, self._landscape, name=f"<routes {version}>")
        if table.version != version:
            raise BadConfig(f"says version {table.version}", file=f"<routes {version}>")
        return compile_table(table)

    def _text(self, version: int) -> str | None:
        found = self._texts.get(version)
        if found is None and self._source is not None:
            found = self._source(version)
        return found

    def _keep(self, compiled: Compiled, text: str) -> Compiled:
        version = compiled.table.version
        self._texts[version] = text
        self._compiled[version] = compiled
        while len(self._compiled) > MAX_COMPILED:
            # Insertion order, not last use: moving an entry on every decision would cost more than
            # the rare recompilation of a seventeenth table.
            self._compiled.popitem(last=False)
        return compiled
