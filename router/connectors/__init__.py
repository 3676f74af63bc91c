"""System APIs: one folder a vendor, each the vendor's wire protocol ⇄ canonical, and nothing else.

On the path: delivery calls `post` and `look_up`, ingest calls `changes`, the dual run calls
`read_back`. A connector decides nothing: no retry, no route, no order. It translates, calls once,
and says what became of it. Upstream systems never learn which ERP answers (D15).
"""
