"""One recipe per file: how a network is trained, tuned and exported. Installed as `zoo.recipes`."""
