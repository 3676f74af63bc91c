"""A request and the documents it carries. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Document(NamedTuple):
    """A document of a request, as the journal will know it."""

    kind: str
    document_id: str
    source: str
    event_id: str
    legal_entity: str


class Request(NamedTuple):
    """What is sent."""

    path: str
    body: bytes
    content_type: str
    client: str
    documents: tuple[Document, ...]
    """The ones sent first, as many and in the order as the answer has transactions; then those a process of the
    gateway makes of them by itself (`project_start`: contract and project after the opportunity)."""
