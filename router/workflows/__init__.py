"""Process APIs: business capabilities, not object replication (D15).

opportunity → customer → contract → project → PSA project → project code in CRM, with compensation;
approved time, expenses and milestones → enriched → ERP; billing event → invoice → CRM and PSA;
payment → status in CRM and PSA. `decisions.py` says what comes next; `Workflows` looks up what it
needs to know; the journal carries it out in the commit that settles the step before, so that a crash
between two steps can't exist.
"""
