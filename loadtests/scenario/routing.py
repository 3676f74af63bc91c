"""The route table a scenario's gateway starts with. Pure."""

from __future__ import annotations

import yaml

from loadtests.scenario.model import Scenario


def routes_of(scenario: Scenario, default: str) -> str:
    """The table (YAML): `default` as it is, or with everything on the scenario's ERP."""
    if not scenario.authority:
        return default
    table = yaml.safe_load(default)
    table["default"] = {"authority": scenario.authority}
    return yaml.safe_dump(table, sort_keys=False)
