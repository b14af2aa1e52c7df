"""The networks, one file per network."""

# Before any module of this package, for the reason given in zoo/layers/__init__.py.
import keras  # noqa: F401
