"""Every system of a landscape as a hosted simulator.

Vendor packages are imported by name when a landscape needs them, so one without a vendor's folder
costs nothing to the others. Seeds: each system draws from generators of its own, so that adding a
system or a request to one never changes what another draws.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from simulators.core.clock import Clock
from simulators.core.firm_data import FirmData, firm_data
from simulators.core.host import Hosted, Simulator, host
from simulators.core.latency import Latency, Lognormal, latency_from

PACKAGES: Mapping[str, str] = {
    "salesforce": "simulators.crm.salesforce",
    "kantata": "simulators.psa.kantata",
    "netsuite": "simulators.erp.netsuite",
    "sap_ecc": "simulators.erp.sap_ecc",
    "worker_feed": "simulators.hcm.worker_feed",
}
# Guesses of the right order, not measurements of the vendors; `options.latency` of a system overrides them.
LATENCIES: Mapping[str, Latency] = {
    "salesforce": Lognormal(0.15, 0.4, load=0.02),
    "kantata": Lognormal(0.20, 0.5, load=0.03),
    "netsuite": Lognormal(0.60, 0.5, load=0.03),
    "sap_ecc": Lognormal(0.25, 0.6, load=0.10),
    "worker_feed": Lognormal(0.20, 0.5, load=0.03),
}


class Build(Protocol):
    """What each vendor package offers as `build`."""

    def __call__(
        self, name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, rng: random.Random
    ) -> Simulator:
        """A simulator of the system called `name`."""
        ...


def build_fleet(
    landscape: Mapping[str, Any],
    *,
    clock: Clock,
    seed: int,
    latency: bool = True,
    faults: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
) -> dict[str, Hosted]:
    """Hosted apps by system name, in the landscape's order; `faults` by system name.

    Raises ValueError for an unknown vendor, latency, personality or fault, or a fault of no system.
    """
    firm = firm_data(landscape)
    systems = landscape["systems"]
    wanted = dict(faults or {})
    for name in wanted:
        if name not in systems:
            msg = f"faults for {name!r}, but the systems are {', '.join(systems)}"
            raise ValueError(msg)
    return {
        name: host(
            build_simulator(name, config, firm=firm, clock=clock, seed=seed),
            clock=clock,
            rng=_generator(seed, name, "host"),
            latency=latency_of(config) if latency else None,
            faults=wanted.get(name, ()),
        )
        for name, config in systems.items()
    }


def build_simulator(
    name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, seed: int
) -> Simulator:
    """One system's simulator, from its vendor's package; raises ValueError for an unknown vendor."""
    vendor = config["vendor"]
    if vendor not in PACKAGES:
        msg = f"systems.{name}.vendor {vendor!r} is none of {', '.join(PACKAGES)}"
        raise ValueError(msg)
    build = cast("Build", import_module(PACKAGES[vendor]).build)
    return build(name, config, firm=firm, clock=clock, rng=_generator(seed, name, "system"))


def latency_of(config: Mapping[str, Any]) -> Latency | None:
    """A system's latency: `options.latency` as `latency_from` reads it, else its vendor's usual."""
    given = (config.get("options") or {}).get("latency")
    return LATENCIES.get(config["vendor"]) if given is None else latency_from(str(given))


def _generator(seed: int, name: str, use: str) -> random.Random:
    # A text seed is hashed with SHA-512, so it is the same in every process, unlike hash().
    return random.Random(f"{seed}/{name}/{use}")  # noqa: S311 - reproducible on purpose
