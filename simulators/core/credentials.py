"""The credentials the simulators know, by a landscape's references: worth nothing outside this machine.

Whoever starts simulated systems (a rehearsal, `coexist serve --simulated`) hands these to the router
in place of the user's secrets, which are then never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from simulators.core.fleet import PACKAGES

_CONSTANTS: Mapping[str, Mapping[str, str]] = {
    "salesforce": {"client_id": "auth.CLIENT_ID", "client_secret": "auth.CLIENT_SECRET"},
    "kantata": {"client_id": "auth.CLIENT_ID", "client_secret": "auth.CLIENT_SECRET"},
    "worker_feed": {"client_id": "auth.CLIENT_ID", "client_secret": "auth.CLIENT_SECRET"},
    "netsuite": {
        "consumer_key": "auth.CONSUMER_KEY",
        "consumer_secret": "auth.CONSUMER_SECRET",
        "token_id": "auth.TOKEN_ID",
        "token_secret": "auth.TOKEN_SECRET",
        "client_id": "auth.CLIENT_ID",
        "certificate_id": "auth.CERTIFICATE_ID",
        "private_key": "auth.PRIVATE_KEY",
    },
}
ANY = "simulated"
"""For systems that let anybody in (the simulated SAP ECC checks that there is a user and a password)."""


def known_credentials(landscape: Mapping[str, Any]) -> dict[str, str]:
    """Reference (`env:NAME`) → the value the simulator of that system expects."""
    found: dict[str, str] = {}
    for system in landscape["systems"].values():
        for key, reference in (system.get("credentials") or {}).items():
            constant = _CONSTANTS.get(system["vendor"], {}).get(key)
            found[reference] = ANY if constant is None else _value(system["vendor"], constant)
    return found


def _value(vendor: str, constant: str) -> str:
    module, _, name = constant.partition(".")
    return str(getattr(import_module(f"{PACKAGES[vendor]}.{module}"), name))
