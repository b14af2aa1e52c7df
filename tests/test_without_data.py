"""Exports on a machine that has neither the data set nor a network: from the examples beside the packaged weights."""

import json

import pytest

from zoo import saved


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path / "empty"))  # nothing is downloaded where it is set
    monkeypatch.chdir(tmp_path / "work")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["softmax_regression", "stacked_lstm"])
def test_a_packaged_network_is_exported_and_proven_without_its_data(name, zoo, no_data):
    code, out, err = zoo(f"export {name} --json")
    assert code == 0 and "the metric is not measured" in err and "writing model.tflite" in err, err
    report = json.loads(out)
    assert set(report["files"]) == {"saved_model", "litert", "onnx"} and "is missing" in report["without_data"]
    for entry in report["files"].values():
        assert entry["largest_difference"] <= 1e-4 and entry["unequal"] == 0 and entry["metric_before"] is None
    assert report["weights"] == saved.read_card(saved.packaged_folder() / name)["weights"]["sha256"]
    assert zoo(f"check {name}")[0] == 0


def test_int8_asks_for_the_data_in_one_line(zoo, no_data, tmp_path):
    code, _, err = zoo("export softmax_regression --format litert --quantize int8")
    last = err.splitlines()[-1]
    assert (
        code == 2
        and last.startswith("zoo: int8 needs representative examples of the training data, and ")
        and "is missing" in last
    )
    assert not (tmp_path / "work/saved_models/softmax_regression").exists() or not any(
        (tmp_path / "work/saved_models/softmax_regression").iterdir()
    )
