import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

DATA_FOLDER = os.environ.get("ZOO_DATA_DIR") and pathlib.Path(os.environ["ZOO_DATA_DIR"]).resolve()


@pytest.fixture(scope="session")
def data_folder():
    """The folder of the real data; the tests marked `real` need it."""
    if DATA_FOLDER is None:
        pytest.fail("tests marked `real` need ZOO_DATA_DIR to name the folder of the prepared data sets")
    return DATA_FOLDER
