"""Named gates: questions to a running cutover that pass, fail or can't be told, each with its measurement.

A plan's steps list them by name, `coexist cutover gate NAME` measures one by itself. `port` says what they
ask the world, `decisions` turns facts into gates (pure), `named` is the registry, `measuring` answers for a
router. Gates change nothing: no document, no lane, no table. No data never passes, nor does old data.
"""
