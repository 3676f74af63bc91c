"""The fence (D6): a switch is linearizable; after it returned nothing is accepted by the old table.

Acceptance takes the entity's lock shared and then, in a second statement, reads the epoch; a switch
takes it exclusively. Rejected, because measured to leak: reading without a lock, FOR KEY SHARE,
SERIALIZABLE, and locking and reading in one statement. The fence orders acceptance, not delivery:
gates keep the new ERP's lanes closed until the old ones are drained. An epoch is an entity's, whatever
part of it moves: its one table says what each unit and kind does. Gates are of the scope that moves, so that
a wave of one business unit does not stop another that lives there already (`router.journal.lanes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.canonical.kinds import KINDS
from router.errors import Refused
from router.journal import lanes
from router.journal.decisions import Cell
from router.journal.engine import Transaction
from router.journal.port import Scope, Switch
from router.journal.scopes import Scoped, in_scope, scope_of
from router.journal.words import as_json, checked
from router.model import SystemId

Epochs = dict[str, tuple[int, int | None]]


class EpochsRead(dict[str, tuple[int, int]]):
    """Epoch and table version of every entity ever switched; any other is at (0, lowest version)."""

    def __init__(self, rows: Iterable[tuple[str, int, int]], lowest: int) -> None:
        super().__init__({entity: (epoch, version) for entity, epoch, version in rows})
        self._lowest = lowest

    def __missing__(self, entity: str) -> tuple[int, int]:
        return (0, self._lowest)


def enter(tx: Transaction, entities: Iterable[str]) -> Epochs:
    """Hold the fence shared for these entities to the end of the transaction; their epoch and version."""
    names = sorted(set(entities))
    if not names:
        return {}
    tx.dialect.lock(tx, [f"entity:{name}" for name in names], shared=True)
    return _epochs(tx, names)


def _epochs(tx: Transaction, names: Sequence[str]) -> Epochs:
    lowest = lowest_version(tx)
    found: Epochs = dict.fromkeys(names, (0, lowest))
    for entity, epoch, version in tx.among(
        "SELECT legal_entity, epoch, table_version FROM epochs WHERE {any}", "legal_entity", names
    ):
        found[entity] = (epoch, version)
    return found


def lowest_version(tx: Transaction) -> int | None:
    """The lowest published table version: what an entity follows before its first switch."""
    found = tx.rows("SELECT min(version) FROM route_tables")[0][0]
    return None if found is None else int(found)


def read_epochs(tx: Transaction) -> EpochsRead:
    """All epochs, for show: a decision must use `enter`."""
    rows = tx.rows("SELECT legal_entity, epoch, table_version FROM epochs ORDER BY legal_entity")
    return EpochsRead(rows, lowest_version(tx) or 0)


def switch(tx: Transaction, order: Switch, gate: Sequence[SystemId]) -> dict[str, int]:
    """Flip the entities to a table version; the new epoch of each. Raises Refused for an unknown version."""
    entities = sorted({checked(entity, "entities") for entity in order.entities})
    if not entities:
        raise Refused("a switch needs at least one legal entity")
    if not tx.rows("SELECT 1 FROM route_tables WHERE version = ?", (order.table_version,)):
        raise Refused(
            f"route table version {order.table_version} is not published", mend="publish it, then switch"
        )
    # A claim holds its target's gate shared, so it sees either no job of the new table, or the gate.
    names = [f"entity:{name}" for name in entities] + [f"gate:{name}" for name in sorted(set(gate))]
    tx.dialect.lock(tx, names, shared=False)
    epochs = {name: epoch + 1 for name, (epoch, _) in _epochs(tx, entities).items()}
    tx.insert(
        "epochs",
        "legal_entity,epoch,table_version,at",
        [(name, epochs[name], order.table_version, tx.now) for name in entities],
        "ON CONFLICT (legal_entity) DO UPDATE SET epoch = excluded.epoch,"
        " table_version = excluded.table_version, at = excluded.at",
    )
    tx.insert(
        "gates",
        "target,legal_entity,business_unit,kind,at",
        [
            (target, name, unit, kind, tx.now)
            for target in sorted(set(gate))
            for name in entities
            for unit in sorted(set(order.business_units)) or ("",)
            for kind in sorted(set(order.kinds)) or ("",)
        ],
        "ON CONFLICT (target, legal_entity, business_unit, kind) DO NOTHING",
    )
    detail: dict[str, object] = {
        "epochs": epochs,
        "table_version": order.table_version,
        "by": order.by,
        "why": order.why,
    }
    detail |= {"business_units": units} if (units := sorted(set(order.business_units))) else {}
    detail |= {"kinds": kinds} if (kinds := sorted(set(order.kinds))) else {}
    note(tx, None, "switched", detail | {"gate": sorted(set(gate))})
    return epochs


def open_lanes(tx: Transaction, asked: Scoped, targets: Sequence[SystemId]) -> None:
    """Open the gates of these targets for a scope.

    Raises Refused while another ERP still has unsettled or doubtful authority jobs of the scope: else the
    old and the new ERP would work on one project side by side, and its order would be lost. And where the
    gate was closed for more business units than are to be opened: open those that were closed.
    """
    wanted, scope = sorted(set(targets)), scope_of(asked)
    condition, values = in_scope(tx, scope)
    open_rows = tx.rows(
        "SELECT target, state, count(*) FROM jobs WHERE state IN ('queued','in_flight','in_doubt')"
        f" AND role = 'authority' AND {condition} GROUP BY target, state ORDER BY target, state",
        values,
    )
    others = [f"{count} {state} at {target}" for target, state, count in open_rows if target not in wanted]
    if others:
        raise Refused(
            "the old lanes are not drained: " + ", ".join(others), mend="wait, or settle what is in doubt"
        )
    for target in wanted:
        for entity, unit, kind in sorted(lanes.closed_cells(tx, target)):
            if entity in scope.entities:
                _open_one(tx, scope, target, (entity, unit, kind))
        tx.pokes[target] = None
    detail: dict[str, object] = {"entities": sorted(set(scope.entities)), "targets": wanted}
    detail |= {"business_units": sorted(scope.business_units)} if scope.business_units else {}
    detail |= {"kinds": sorted(scope.kinds)} if scope.kinds else {}
    note(tx, None, "opened", detail)


def _open_one(tx: Transaction, scope: Scope, target: str, gate: Cell) -> None:
    entity, unit, kind = gate
    if (unit and scope.business_units and unit not in scope.business_units) or (
        kind and scope.kinds and kind not in scope.kinds
    ):
        return
    if not unit and scope.business_units:
        raise Refused(
            f"the lanes of {entity} at {target} were closed for all its business units",
            mend="open them for all: what a unit's lanes wait for is not told apart",
        )
    tx.run(
        "DELETE FROM gates WHERE target = ? AND legal_entity = ? AND business_unit = ? AND kind = ?",
        (target, *gate),
    )
    if not kind and scope.kinds:  # the others stay closed, now by name
        left = [(target, entity, unit, one, tx.now) for one in KINDS if one not in scope.kinds]
        tx.insert("gates", "target,legal_entity,business_unit,kind,at", left)


def note(tx: Transaction, seq: int | None, what: str, detail: dict[str, object]) -> None:
    """Append one line to the history."""
    tx.insert("history", "seq,at,what,detail", [(seq, tx.now, what, as_json(detail))])
