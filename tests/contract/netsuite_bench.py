"""The bench of the NetSuite connector: built-in credentials, and the ways to change its configuration."""

from __future__ import annotations

from functools import partial
from typing import Any

from router.connectors.netsuite import connect
from simulators.erp import netsuite as sim
from tests.contract.erp_contract import bench

run = partial(bench, system="netsuite", connect=connect, secrets=sim.credentials())
RECORD = "/services/rest/record/v1/"


def with_oauth2(config: dict[str, Any]) -> None:
    """Configure OAuth2 instead of token credentials."""
    names = ("client_id", "certificate_id", "private_key")
    config["credentials"] = {name: f"env:NS_{name}" for name in names}


class SlowAnswers:
    """A latency of a second."""

    def seconds(self, rng: object, in_flight: int) -> float:
        """Always one."""
        return 1.0
