"""One file per strategy, found by :mod:`podwright.strategies`."""
