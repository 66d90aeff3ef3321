"""Images in registries: read, copied, tagged and removed, by the distribution specification.

Nothing is built here, and no engine is needed: HTTP by the standard library.
"""
