"""Which encoding a text file is in, told for sure or refused; and the file as UTF-8.

Context: a wrong encoding changes names silently, and every single-byte encoding accepts nearly every byte.
Decision: a byte order mark says it, else strict UTF-8, else the policy must; likely encodings are only
named in the refusal. Price: one pass over the bytes (which also takes the fingerprint).
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from router.dualrun.extracts.refusals import refused
from router.dualrun.policy import Side
from router.errors import BadConfig

CHUNK = 1 << 20
SAMPLE = 1 << 16
"""Bytes around the first odd one that likely encodings are told by."""
MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, the longer before what they begin with."""
_NOT_FOR_FILES = {"unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined", "utf-7"}
_PRINTED = frozenset("€£§°²³½–—‘’“”•…®©™«»ŒœŠšŽžŸ\u00a0")
"""What stands in Windows-1252 text beside Latin letters."""
_CONTROLS = re.compile("[\x80-\x9f]")


@dataclass(frozen=True, slots=True)
class PlainText:
    """A file of UTF-8 text."""

    path: Path
    encoding: str
    """What the file was in before."""


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a mebibyte at a time."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def fingerprint(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def line_of(path: Path, offset: int) -> int:
    """The line a byte stands in, the first being 1; CR LF, LF and CR all end a line."""
    seen, ends, last = 0, 0, b""
    for chunk in chunks(path):
        part = chunk[: offset - seen]
        ends += part.count(b"\n") + part.count(b"\r") - (last + part).count(b"\r\n")
        last = part[-1:]
        seen += len(chunk)
        if seen >= offset:
            break
    return ends + 1


def as_utf8(path: Path, name: str, side: Side, stated: str | None, folder: Path) -> PlainText:
    """The file as UTF-8, itself where it is that already; raises BadConfig where the encoding is not sure.

    The copy goes to `folder`.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    mark = next((encoding for bytes_, encoding in MARKS if head.startswith(bytes_)), None)
    encoding = _stated(name, side, stated, mark) if stated else mark or "utf-8"
    if encoding == "utf-8":
        _check_utf8(path, name, side, stated)
        return PlainText(path, "utf-8 with a byte order mark" if mark else "utf-8")
    copy = folder / f"{side}-utf8"
    _transcode(path, copy, name, side, encoding)
    return PlainText(copy, encoding)


def _stated(name: str, side: Side, stated: str, mark: str | None) -> str:
    place = f"files.{side}.encoding"
    try:
        encoding = codecs.lookup(stated).name
        b"".decode(encoding)
    except (LookupError, UnicodeError):
        encoding = ""
    if not encoding or encoding in _NOT_FOR_FILES:
        raise refused(
            name, f"{place} says {stated[:40]!r}, which is no encoding of text", mend="write utf-8 or cp1252"
        )
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    if mark and encoding.removesuffix("-le").removesuffix("-be") != mark:
        raise refused(
            name, f"begins with the mark of {mark}, but {place} says {stated}", mend=f"remove {place}"
        )
    return mark or encoding


def _check_utf8(path: Path, name: str, side: Side, stated: str | None) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    fed, waiting = 0, False
    for chunk in chunks(path):
        if b"\0" in chunk:
            raise _binary(path, name, side, fed + chunk.index(b"\0"))
        fed += len(chunk)
        # ASCII, which most chunks are, is UTF-8 and need not be decoded, unless a letter began in the last one.
        if not waiting and chunk.isascii():
            continue
        waiting = bool(_decoded(decoder, chunk, fed, path, name, side, stated or "")[1])
    _decoded(decoder, b"", fed, path, name, side, stated or "", final=True)


def _decoded(
    decoder: codecs.IncrementalDecoder, chunk: bytes, fed: int, path: Path, name: str, side: Side, stated: str,
    *, final: bool = False,
) -> tuple[str, bytes]:  # fmt: skip
    """The text of a chunk and the bytes that wait for the next one; `fed` counts the chunk."""
    try:
        text = decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        raise _odd_byte(error, fed - len(error.object) + error.start, path, name, side, stated) from error
    state = decoder.getstate()[0]
    return text, state if isinstance(state, bytes) else b""


def _odd_byte(
    error: UnicodeDecodeError, at: int, path: Path, name: str, side: Side, stated: str
) -> BadConfig:
    odd = error.object[error.start : error.start + 1]
    row = line_of(path, at)
    if any(word in error.reason for word in ("end of data", "truncated", "incomplete")):
        return refused(
            name, f"ends in the middle of a character (byte {at})", row=row, mend="export it again"
        )
    what = f"byte {at} is 0x{odd.hex()}, which is not {stated or 'UTF-8'}"
    likely = _likely(path, at)
    named = f" (likely: {', '.join(likely)})" if likely else ""
    return refused(name, what, row=row, mend=f"state the encoding as files.{side}.encoding{named}")


def _likely(path: Path, at: int) -> list[str]:
    """Encodings the bytes around an odd one may be in, the likeliest first, at most three."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - only a refusal needs it

    with path.open("rb") as file:
        file.seek(max(0, at - SAMPLE // 2))
        sample = file.read(SAMPLE)
    names = [match.encoding.replace("_", "-") for match in from_bytes(sample)]
    # West European text fits a dozen tables equally well; the one that business systems write goes first.
    try:
        others = [letter for letter in sample.decode("cp1252") if not letter.isascii()]
    except UnicodeDecodeError:
        others = []
    if others and all(letter in _PRINTED or "À" <= letter <= "ÿ" for letter in others):
        names.insert(0, "cp1252")
    return list(dict.fromkeys(names))[:3]


def _binary(path: Path, name: str, side: Side, at: int) -> BadConfig:
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    row = line_of(path, at)
    for nul, order in ((slice(1, None, 2), "le"), (slice(0, None, 2), "be")):
        part = head[nul]
        if len(head) > 3 and part.count(0) > 0.6 * len(part) and head.count(0) < 1.2 * part.count(0):
            return refused(
                name,
                "looks like UTF-16 without a byte order mark",
                mend=f"write files.{side}.encoding: utf-16-{order}",
            )
    return refused(
        name, f"byte {at} is NUL: this is not text", row=row, mend="give CSV, JSON lines or Parquet"
    )


def _transcode(path: Path, copy: Path, name: str, side: Side, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    latin = encoding.startswith("iso8859")
    fed = 0
    with copy.open("w", encoding="utf-8", newline="") as file:
        for chunk in _then_nothing(path):
            fed += len(chunk)
            text, _ = _decoded(decoder, chunk, fed, path, name, side, encoding, final=not chunk)
            if "\0" in text:
                raise refused(
                    name, "holds NUL characters: this is not text", mend="give CSV, JSON lines or Parquet"
                )
            if latin and (control := _CONTROLS.search(text)):
                raise refused(
                    name,
                    f"byte 0x{ord(control[0]):02x} is a control character in {encoding}",
                    mend=f"the file is more likely Windows-1252: write files.{side}.encoding: cp1252",
                )
            file.write(text)


def _then_nothing(path: Path) -> Iterator[bytes]:
    yield from chunks(path)
    yield b""
