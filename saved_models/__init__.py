"""The trained weights that travel with the package, a folder per network. Installed as `zoo.saved_models`."""
