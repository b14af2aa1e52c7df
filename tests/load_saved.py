"""Run by test_models.py: loads saved models in a process that has imported nothing of the zoo but `zoo`."""

import pathlib
import sys

import keras
import numpy as np

import zoo  # noqa: F401


def main(folder):
    for path in sorted(folder.glob("*.keras")):
        saved = np.load(path.with_suffix(".npz"))
        model = keras.saving.load_model(path)
        outputs = keras.tree.flatten(model({tensor.name: saved[tensor.name] for tensor in model.inputs}, training=False))
        for number, output in enumerate(outputs):
            np.testing.assert_array_equal(output, saved[f"output{number}"], err_msg=path.name)
        assert model.compiled
        print(path.name)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
