"""The numbers of delivery, each with its reason; one object, passed down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """How patient delivery is. Times are seconds on the injected clock."""

    attempts_max: int = 8
    """With doubling from 2 s that is about eight minutes of trying one document; longer is an outage,
    and an outage opens the circuit, which does not count against documents."""
    first_delay_s: float = 2.0
    """Record locks and restarts of one application server are gone after seconds."""
    delay_max_s: float = 300.0
    """After five minutes, waiting longer no longer relieves the system; it only delays its recovery."""
    jitter: float = 0.2
    """±20 %: enough that lanes which failed together do not come back together."""
    retry_after_max_s: float = 3600.0
    """A Retry-After is the other side's word; beyond an hour we ask again anyway."""
    look_up_delay_s: float = 5.0
    """A request that timed out may still be running, and search indexes lag behind writes."""
    look_up_bulk: int = 50
    """Documents in one look-up: an `IN` list that fits any vendor's URL or query limit."""
    call_limit_s: float = 900.0
    """The longest any vendor lets a request run (NetSuite: 15 minutes); a connector that hangs
    longer than its own time-out is cut off here, in doubt."""
    lease_s: int = 120
    """A crashed worker's lanes stand still this long; extended at half time while work goes on."""
    prerequisite_wait_s: float = 86_400.0
    """A day: masters are mended within a working day; after that it is a refusal somebody must see."""
    prerequisite_first_s: float = 5.0
    prerequisite_max_s: float = 300.0
    """Prerequisites usually arrive within a call or two, so the first looks come soon."""
    credentials_delay_s: float = 300.0
    """Rejected credentials need a person; trying faster locks the account at most vendors."""
    give_up_s: float = 259_200.0
    """Tries that do not count (throttled, circuit open) end after three days: longer than any
    maintenance window, so it is a dead letter rather than a silent wait."""
    lanes: int = 64
    """Lanes in hand at once: enough documents side by side to fill bulk calls of 100 to 500."""
    jobs_per_lane: int = 100
    """Documents of one lane in hand: what a crash may leave to look up."""
    sweep_s: float = 120.0
    """Pokes may be lost (D5); the journal is asked this often anyway."""
    gather_s: float = 1.0
    """Between two claims, so that a stream of pokes makes batches instead of single calls."""
    again_s: float = 0.25
    """The same after a lane with more behind was given back: its work has gathered already. A lane in which kinds
    take turns goes a run at a time, and would otherwise stand still a second after each."""
    settle_gather_s: float = 0.25
    """While other calls are under way, outcomes wait this long for company: a commit costs a disk
    flush (5 ms is common), and fifteen calls at once would mean fifteen of them."""
    breaker_threshold: int = 5
    """Calls in a row that found the system unavailable; four can be bad luck under a 429 storm."""
    breaker_first_s: float = 30.0
    breaker_max_s: float = 300.0
    """Probes: after 30 s, doubling to five minutes; recovery is noticed within that."""
    throttle_first_s: float = 1.0
    throttle_max_s: float = 60.0
    """The pause after a 429 without Retry-After (NetSuite sends none): doubling from 1 s."""
    refs_known_max: int = 50_000
    """Vendor ids kept in memory a target: about 10 MB, more than the open projects of a large firm."""
    refs_fresh_s: float = 60.0
    """A vendor's id that a person changed (a merge) is used everywhere within a minute."""
    restart_s: float = 5.0
    """A worker whose journal failed (a database fail-over) starts again after this."""
