"""Layers that Keras does not have, one idea per file. Pure keras: they run on every backend of Keras 3."""
