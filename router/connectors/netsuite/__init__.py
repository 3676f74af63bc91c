"""NetSuite's system API: SuiteTalk REST and SuiteQL ⇄ canonical documents.

On the path: the last step towards the cloud ERP. It decides nothing beyond what an answer means: no
retry of a write but one after a 401, no route, no order.

Context and decisions:
- Masters are upserted by external id (`PUT …/eid:`), so a repeat is harmless. Transactions are POSTed with a
  unique externalId; a "duplicate" refusal is answered with the record found under that id.
- Time, expenses and journal entries go as asynchronous batches of ≤ 100. Their idempotency key is new for each
  call: one derived from the content would replay an old refusal after the cause was mended.
- A billing event transforms the sales order into an invoice whose externalId is the event's; the answer carries
  the invoice in canonical form, `INV-<billing event id>`. Further projects go in a multiple-select field.
- A change order is a custom record with the whole contract as its lines, which a script of the account puts on the
  sales order in the same save: one write with one external id. Changing the order itself (`?replace=item`) leaves
  nothing to look up after a lost answer but the order's version, and a second change hides the first.
- A write-off is a credit memo with the write-off item, applied to the invoice: one write. A journal entry would have to
  be applied in a second one. A revenue schedule is a custom record, since NetSuite makes its revenue plans itself.
- An intercompany charge is two entries of one subsidiary each, with the other in a field: its legs may live in
  different ERPs, so NetSuite's own two-sided intercompany entry is of no use.
- What attributes and codes are called stands in `fixtures/mappings/netsuite.yaml`, not here: a document is written by
  the version of its day, everything is read by the newest. `required` says what a version must cover.
- References go by internal id from the crosswalk; people, fed by HCM, and parents of customers by external id when
  it has none.
- Subsidiaries are found by external id = legal entity code, or given as options `subsidiary.<code>`.
Price: the account needs the custom fields and records, service items and the script named above. Guarded by
`tests/contract/test_netsuite_connector.py`, `test_netsuite_finance.py` and `test_netsuite_mapping.py`.

Credentials: `consumer_key, consumer_secret, token_id, token_secret`; or `client_id, certificate_id, private_key`
(PEM). Options: `account` (realm), `token_audience` where the token URL in `aud` differs from base_url.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import httpx

from router.clock import Clock
from router.connectors.mapping import read_mappings
from router.connectors.netsuite.auth import ClientAuthorizer, TokenAuthorizer, choose
from router.connectors.netsuite.connector import NetSuite
from router.connectors.netsuite.signing import TokenCredentials
from router.connectors.netsuite.wire import Authorizer, Wire
from router.landscape import Landscape, System
from router.model import SystemId

__all__ = ["NetSuite", "connect"]


def connect(
    system: SystemId,
    config: System,
    *,
    landscape: Landscape,
    client: httpx.AsyncClient,
    clock: Clock,
    rng: random.Random,
    secrets: Callable[[str], str],
) -> NetSuite:
    """A connector for one NetSuite account; raises BadConfig when credentials are incomplete."""
    del landscape
    mappings = read_mappings(config.vendor, config.mapping)
    known = config.credentials
    authorizer: Authorizer
    if choose(known) == "token":
        authorizer = TokenAuthorizer(
            lambda: TokenCredentials(
                consumer_key=secrets(known["consumer_key"]),
                consumer_secret=secrets(known["consumer_secret"]),
                token_id=secrets(known["token_id"]),
                token_secret=secrets(known["token_secret"]),
            ),
            realm=config.options.get("account", "").upper().replace("-", "_"),
            clock=clock,
            rng=rng,
        )
    else:
        authorizer = ClientAuthorizer(
            lambda: (
                secrets(known["client_id"]),
                secrets(known["certificate_id"]),
                secrets(known["private_key"]),
            ),
            base_url=config.base_url,
            audience=config.options.get("token_audience"),
            client=client,
            clock=clock,
            timeout_s=config.timeout_s,
        )
    prefix = "subsidiary."
    return NetSuite(
        system,
        wire=Wire(base_url=config.base_url, client=client, authorizer=authorizer, timeout_s=config.timeout_s),
        mappings=mappings,
        rng=rng,
        timeout_s=config.timeout_s,
        bulk=config.budget.bulk or 100,
        subsidiaries={
            name.removeprefix(prefix): value
            for name, value in config.options.items()
            if name.startswith(prefix)
        },
    )
