"""The dual run: what both ERPs hold, paired, compared at four levels, every difference explained.

Count, money, status, dimensions: always all four. Pairing is by our external id, which both ERPs
carry; a key that stands twice on one side is a break of its own, never paired by position. Amounts
are integer minor units from the read-back to the report (D9, D12). Every break is stored; a sample
is only a matter of display.
"""
