"""The file port: the folder shared with senders, through fsspec (`memory://` in rehearsals, `file://` on a machine).

`<drop>/in/<name>.idoc` comes in and is deleted once read; `<drop>/status/<name>.sta` goes out, written as
`.tmp` and renamed, so that nobody reads half a file. Calls are synchronous and short; a remote file
system would stall the loop and is not meant for a simulator.
"""

from __future__ import annotations

import re

import fsspec

from simulators.erp.sap_ecc.idoc import MAX_FILE_BYTES

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.idoc\Z", re.ASCII)


class NoSuchFile(Exception):
    """There is no such inbound file, or its name is none we read."""


class FilePort:
    """Reads inbound files and writes status files."""

    def __init__(self, url: str, encoding: str) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._encoding = encoding

    def take(self, path: str) -> tuple[str, str]:
        """(name, text) of an inbound file, which is then gone; raises NoSuchFile.

        Only the last part of the path counts: the sender's mount point is not ours, and no path leads elsewhere.
        """
        name = path.replace("\\", "/").rpartition("/")[2]
        if not _NAME.match(name):
            raise NoSuchFile(name[:80])
        place = f"{self._root}/in/{name}"
        try:
            if self._files.size(place) > MAX_FILE_BYTES:
                raise NoSuchFile(f"{name}: too large")
            data: bytes = self._files.cat_file(place)
            self._files.rm_file(place)
        except OSError as error:
            raise NoSuchFile(name) from error
        return name.removesuffix(".idoc"), data.decode(self._encoding, errors="replace")

    def put_status(self, name: str, text: str) -> None:
        """Write the status file of an inbound file."""
        folder = f"{self._root}/status"
        self._files.makedirs(folder, exist_ok=True)
        temporary, final = f"{folder}/{name}.sta.tmp", f"{folder}/{name}.sta"
        self._files.pipe_file(temporary, text.encode(self._encoding, errors="replace"))
        self._files.mv(temporary, final)
