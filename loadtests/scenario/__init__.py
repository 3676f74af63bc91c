"""A load scenario as data: when requests start, what they carry, what goes wrong meanwhile, what must hold.

Pure but for reading files: a scenario and a seed determine every start to the microsecond.
"""
