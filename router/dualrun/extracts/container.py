"""What kind of file an extract is, told by its content: Parquet, JSON lines or delimited text, packed or not.

A name may say anything; the first bytes decide, and a name that contradicts them is refused.
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from router.dualrun.extracts.encodings import CHUNK, PlainText, as_utf8, fingerprint
from router.dualrun.extracts.refusals import refused
from router.dualrun.policy import Side

Kind = Literal["delimited", "json", "parquet"]
PARQUET = b"PAR1"
OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive, perhaps an Excel workbook", "save the sheet as CSV UTF-8, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV UTF-8"),
    (b"%PDF", "a PDF document", "export the rows as CSV"),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard", "unpack it first, or pack it with gzip"),
    (b"BZh", "packed with bzip2", "unpack it first, or pack it with gzip"),
    (b"\xfd7zXZ", "packed with xz", "unpack it first, or pack it with gzip"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"Obj\x01", "an Avro file", "export it as Parquet or CSV"),
    (b"ORC", "an ORC file", "export it as Parquet or CSV"),
    (b"<?xml", "an XML document", "export the rows as CSV, JSON lines or Parquet"),
)
"""First bytes of what people take for an extract, what it is, and the mend."""
UNPACKED_TIMES = 200
"""How many times its packed size a file may have; ledgers pack to a fifth or a thirtieth, bombs to a thousandth."""
UNPACKED_FREE = 64 * 1024 * 1024
"""What any file may unpack to, in bytes: a small one of one repeated row packs very well."""
_JSON = re.compile(r'\s*(?:\{\s*["}]|\[\s*[\[{\]])')


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that can be read: its kind, its rows as a file of its own, and its fingerprint."""

    name: str
    side: Side
    kind: Kind
    path: Path
    """Unpacked, and UTF-8 where it is text; the file itself where it is that already."""
    encoding: str
    fingerprint: str


def opened(path: Path, side: Side, encoding: str | None, folder: Path) -> Opened:
    """Look into a file; raises BadConfig when it is missing, empty, damaged or of no kind that is read here.

    `encoding` is the policy's; unpacked and re-encoded copies go to `folder`.
    """
    name = str(path)
    try:
        if path.is_dir():
            raise refused(name, "is a folder", mend="name one file")
        head = _head(path)
        if not head:
            raise refused(name, "is empty: not even a header", mend="export it again")
        digest = fingerprint(path)
        plain = path
        if head.startswith(b"\x1f\x8b"):
            plain = _unpacked(path, name, folder / f"{side}-unpacked")
            head = _head(plain)
            if not head:
                raise refused(name, "is empty once unpacked", mend="export it again")
        return _told(name, side, plain, head, encoding, digest, folder)
    except FileNotFoundError as error:
        raise refused(name, "there is no such file") from error
    except OSError as error:
        raise refused(name, f"can't be read: {error.strerror or type(error).__name__}") from error


def _told(
    name: str, side: Side, plain: Path, head: bytes, encoding: str | None, digest: str, folder: Path
) -> Opened:
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    if head.startswith(PARQUET):
        with plain.open("rb") as file:
            file.seek(max(0, plain.stat().st_size - 4))
            if plain.stat().st_size < 12 or file.read(4) != PARQUET:
                raise refused(
                    name, "is Parquet without its end: it is cut off", mend="export it again in full"
                )
        return Opened(
            name=name,
            side=side,
            kind="parquet",
            path=_unglobbed(plain, folder, side),
            encoding="",
            fingerprint=digest,
        )
    for first, what, mend in OTHERS:
        if head.startswith(first):
            raise refused(name, f"is {what}, not an extract", mend=mend)
    if suffix in (".parquet", ".pq"):
        raise refused(name, "is named as Parquet but is not", mend="name it by what it is")
    text = as_utf8(plain, name, side, encoding, folder)
    kind: Kind = "json" if _JSON.match(_first_text(text)) else "delimited"
    if kind == "delimited" and suffix in (".json", ".jsonl", ".ndjson"):
        raise refused(
            name, "is named as JSON but does not begin with an object", row=1, mend="one object a line"
        )
    path = _unglobbed(text.path, folder, side)
    return Opened(name=name, side=side, kind=kind, path=path, encoding=text.encoding, fingerprint=digest)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _first_text(text: PlainText) -> str:
    with text.path.open("rb") as file:
        return file.read(4096).decode("utf-8-sig", errors="replace")


def _unpacked(path: Path, name: str, copy: Path) -> Path:
    """The file behind gzip; its checksum and length are checked on the way, and how large it may become."""
    most, written = max(UNPACKED_FREE, UNPACKED_TIMES * path.stat().st_size), 0
    try:
        with gzip.open(path) as packed, copy.open("wb") as file:
            while chunk := packed.read(CHUNK):
                written += len(chunk)
                if written > most:
                    copy.unlink()
                    raise refused(
                        name,
                        f"unpacks to more than {most:,} bytes, which is no extract's",
                        mend="unpack it yourself if it is right, and compare what is in it",
                    )
                file.write(chunk)
    except EOFError as error:
        raise refused(name, "is cut off inside its gzip packing", mend="fetch or export it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise refused(name, "is damaged inside its gzip packing", mend="fetch or export it again") from error
    return copy


def _unglobbed(path: Path, folder: Path, side: Side) -> Path:
    """The file by a name without wildcards, which the database would take for many files."""
    if not set("*?[]{}") & set(str(path)):
        return path
    link = folder / f"{side}-link"
    link.unlink(missing_ok=True)
    link.symlink_to(path.resolve())
    return link
