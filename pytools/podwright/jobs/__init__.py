"""Jobs as code: YAML in, Jenkins jobs out, with a plan in between.

Pure are: ``description`` (YAML with positions), ``expand`` (defaults, templates,
matrix), ``kinds`` and ``parts`` (the schema and its XML), ``render``, ``normal``, ``planning``.
``client`` alone talks to a controller; ``applying`` orders what it is told.
"""
