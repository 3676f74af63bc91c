"""The folder shared with ECC, through fsspec: `in/` takes IDoc files, `status/` holds ECC's answers.

A file is written as `.tmp` and renamed, so ECC never reads half of one; names are never reused. Calls are synchronous and
short: meant for a local or mounted folder, and `memory://` in rehearsals.
"""

from __future__ import annotations

import fsspec

MAX_STATUS = 8 * 1024 * 1024
"""Bytes of a status file: 500 records are below 400 KB."""


class Drop:
    """The two folders below `idoc_drop`."""

    def __init__(self, url: str, encoding: str) -> None:
        self._files, root = fsspec.core.url_to_fs(url)
        self._in, self._status = f"{root}/in", f"{root}/status"
        self._encoding = encoding
        self._made = False

    def path(self, name: str) -> str:
        """Where ECC finds a file."""
        return f"{self._in}/{name}.idoc"

    def put(self, name: str, text: str) -> None:
        """Write an inbound file; raises OSError, and then there is none."""
        if not self._made:
            self._files.makedirs(self._in, exist_ok=True)
            self._files.makedirs(self._status, exist_ok=True)
            self._made = True
        # A character the code page lacks becomes a question mark, as ECC's own conversion would have it.
        data = text.encode(self._encoding, errors="replace")
        self._files.pipe_file(f"{self._in}/{name}.tmp", data)
        self._files.mv(f"{self._in}/{name}.tmp", self.path(name))

    def take_back(self, name: str) -> bool:
        """Remove an inbound file ECC has not read; False when it is gone, that is, ECC has it."""
        try:
            self._files.rm_file(self.path(name))
        except FileNotFoundError:
            return False
        return True

    def status(self, name: str) -> str:
        """ECC's status file of an inbound file; empty while there is none. Raises OSError."""
        place = f"{self._status}/{name}.sta"
        try:
            if self._files.size(place) > MAX_STATUS:
                return ""
            data: bytes = self._files.cat_file(place)
        except FileNotFoundError:
            return ""
        return data.decode(self._encoding, errors="replace")

    def forget(self, name: str) -> None:
        """Remove a status file that was read to the end."""
        try:
            self._files.rm_file(f"{self._status}/{name}.sta")
        except FileNotFoundError:
            return
