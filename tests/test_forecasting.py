"""Series: a person's CSV files, simple rules to be measured against, and the network that goes on from a series."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.data import Field
from zoo.data.forecasting import forecasting_data, windows_data
from zoo.data.kinds import series
from zoo.data.tables import read_column
from zoo.datasets import csv, sunspots, temperatures
from zoo.datasets import series as generated
from zoo.endpoints import Endpoint
from zoo.errors import UsageError
from zoo.layers import Standardization
from zoo.models.time_series_rnn import adapt, forecaster


def forecasting(values, **changed):
    keywords = {"window": 12, "horizon": 3, "season": None, "source": "some series", "licence": "", **changed}
    return forecasting_data(np.asarray(values, float), **keywords)


def test_each_part_forecasts_its_own_time_and_every_target_follows_its_step():
    data = forecasting(np.arange(200))
    firsts = {name: getattr(data, name).targets[:, -1, 0] for name in ("train", "validation", "test")}
    assert (firsts["train"].min(), firsts["validation"].min(), firsts["test"].min()) == (12, 140, 170)
    lasts = [getattr(data, name).targets[:, -1, -1].max() for name in ("train", "validation", "test")]
    assert lasts == [139, 169, 199]
    for part in (data.train, data.validation, data.test):
        steps = part.inputs["series"][..., 0]
        np.testing.assert_array_equal(part.targets, steps[..., None] + [1, 2, 3])
    assert data.contract.horizon == 3 and data.contract["series"].usual == (0.0, 138.0 - 2)


def test_the_linear_rule_finds_a_recurrence_and_the_seasonal_one_a_period():
    """y[t] = 2 cos(0.3) y[t-1] - y[t-2] is a wave, which no constant and no single last value tells."""
    wave = forecasting(np.cos(0.3 * np.arange(300)))
    np.testing.assert_allclose(wave.test.baselines["linear"], wave.test.targets[:, -1], atol=1e-4)
    assert np.abs(wave.test.baselines["naive"] - wave.test.targets[:, -1]).max() > 0.2
    period = np.random.default_rng(0).random(5)
    data = forecasting(np.tile(period, 60), season=5, horizon=7)
    np.testing.assert_array_equal(data.test.baselines["seasonal_naive"], data.test.targets[:, -1])
    np.testing.assert_array_equal(data.test.baselines["naive"], np.repeat(data.test.inputs["series"][:, -1], 7, axis=1))


def test_the_order_of_the_linear_rule_is_chosen_on_the_validation_part():
    data, errors = forecasting(np.cumsum(np.random.default_rng(0).standard_normal(600))), {}
    for order in (1, 2, 3, 6, 12):
        steps = [data.train.inputs["series"][:, -1 - lag, 0] for lag in range(order)]
        solution = np.linalg.lstsq(np.stack([*steps, np.ones(len(data.train))], axis=1), data.train.targets[:, -1], rcond=None)[0]
        steps = [data.validation.inputs["series"][:, -1 - lag, 0] for lag in range(order)]
        told = np.stack([*steps, np.ones(len(data.validation))], axis=1) @ solution
        errors[order] = np.mean((told - data.validation.targets[:, -1]) ** 2), told
    best = min(errors, key=lambda order: errors[order][0])
    assert f"on the last {best} value" in data.notes[0]
    np.testing.assert_allclose(data.validation.baselines["linear"], errors[best][1], atol=1e-3)
    parts = {name: (np.ones((9, 4)), np.ones((9, 4, 2))) for name in ("train", "validation", "test")}
    np.testing.assert_allclose(windows_data(parts, {}, "", "").test.baselines["linear"], 1.0, atol=1e-6)


def test_generated_series_are_the_same_each_time_and_have_no_season():
    data = generated.load(window=20, horizon=4)
    assert data.fingerprint() == generated.load(window=20, horizon=4).fingerprint()
    assert sorted(data.test.baselines) == ["linear", "naive"]
    quiet = generated.load(window=20, horizon=4, noise=0.0).test
    np.testing.assert_array_equal(quiet.inputs["series"][:, 1:, 0], quiet.targets[:, :-1, 0])
    assert np.abs(quiet.targets).max() <= 0.7


def test_a_column_is_found_by_name_by_number_or_because_it_is_the_only_one(tmp_path):
    file = tmp_path / "sales.csv"
    file.write_text("day;sales;costs\nMonday;3,5;1\nTuesday;4;2\n", encoding="utf-16")
    for column in ("sales", "2"):
        assert read_column(file, column).values.tolist() == [3.5, 4]
    assert read_column(file, preferred="costs").values.tolist() == [1, 2]
    with pytest.raises(UsageError, match="several columns of numbers, sales, costs; choose one with column="):
        read_column(file)
    with pytest.raises(UsageError, match="no column 'profit'; its columns are day, sales, costs"):
        read_column(file, "profit")
    file.write_text("1\n2\n")
    assert read_column(file).values.tolist() == [1, 2] and read_column(file).name == "1"


def values(count, change=None):
    """A file of so many rows, a line of it changed."""
    lines = ["day,sales", *(f"day {row},{row % 7}" for row in range(count))]
    for line, text in (change or {}).items():
        lines[line - 1] = text
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        (b"", "", "is empty; expected a CSV file with a row for each step"),
        (b"\xff\xfe\xfd", "", "cannot be read"),
        (b"caf\xe9,1\n", "", "cannot be read"),
        (values(50), "window=40 horizon=9", "has 50 steps; a window of 40 steps and 9 steps ahead need at least 72"),
        (values(300, {30: "day 28,many"}), "", "line 30, has 'many' in the column sales; expected a number"),
        (values(300, {30: "day 28,", 41: "day 39,NA"}), "", "lacks a value of the column sales in line 30, 41; fill it in"),
        (values(300), "column=costs", "has no column 'costs'; its columns are day, sales"),
        (b"day,sales\n", "", "holds a heading only"),
        (b"a,b\nc,d\ne,f\n", "", "has no column of numbers"),
    ],
)
def test_a_bad_series_is_one_line_and_nothing_is_written(zoo, tmp_path, content, settings, said):
    (tmp_path / "bad.csv").write_bytes(content)
    code, out, err = zoo(f"train time_series_rnn data=csv:{tmp_path / 'bad.csv'} {settings} --folder {tmp_path / 'out'}")
    assert code == 2 and said in err and err.count("\n") == 1, err
    assert not (tmp_path / "out").exists()


def test_missing_values_are_interpolated_and_rows_make_a_step_when_asked(tmp_path):
    file = tmp_path / "sales.csv"
    file.write_bytes(values(300, {9: "day 7,", 10: "day 8,nan"}))
    data = csv.load(str(file), missing="interpolate", window=8, horizon=2)
    # Row 6 has 6 and row 9 has 2: a straight line between them.
    np.testing.assert_allclose(data.train.inputs["series"][2, :, 0], [2, 3, 4, 5, 6, 14 / 3, 10 / 3, 2], rtol=1e-6)
    assert data.notes[0].endswith("the value of the column sales in line 9, 10 was interpolated.")
    file.write_bytes(values(301))
    weeks = csv.load(str(file), step=7, window=4, horizon=2)
    assert (weeks.train.inputs["series"] == 3).all() and "the first 0" not in weeks.notes[0]
    assert weeks.contract["series"].column == "sales"
    with pytest.raises(UsageError, match="is not a file"):
        csv.load(str(tmp_path / "none.csv"))


def test_a_series_is_read_from_a_table_with_dates(tmp_path):
    field = Field("float32", (None, 1), kind="series", column="costs", usual=(0.0, 4.0))
    file = tmp_path / "table.csv"
    file.write_text('"day","sales","costs"\n"2024-01-01",3,1\n"2024-01-02",4,2\n"2024-01-03",9,9\n')
    array, notes = series.read(str(file), "series", field)
    assert array.tolist() == [[[1], [2], [9]]]
    assert "trained on 0 to 4" in notes[1]
    file.write_text("day,sales\n2024-01-01,3\n2024-01-02,\n2024-01-03,4\n")
    with pytest.raises(UsageError, match="lacks a value of the column sales in line 3"):
        series.read(str(file), "series", field)


def test_standardization_is_the_mean_and_the_deviation_and_goes_back():
    layer, numbers = Standardization(), np.array([[1.0, 2.0], [3.0, 6.0]], "float32")
    layer.adapt(numbers)
    np.testing.assert_allclose(layer(numbers), (numbers - numbers.mean()) / numbers.std(), rtol=1e-6)
    np.testing.assert_allclose(layer(layer(numbers), reverse=True), numbers, rtol=1e-6)
    layer.adapt([4.0, 4.0])
    assert (float(layer.mean), float(layer.deviation)) == (4.0, 1.0)


@pytest.mark.parametrize(("cell", "units"), [("gru", (5,)), ("lstm", (4, 3))])
def test_the_forecast_is_what_the_network_tells_of_the_series_and_its_own_forecasts(cell, units):
    """The loop of cells against the whole network on a series that grows by what was forecast."""
    keras.utils.set_random_seed(1)
    model = zoo.time_series_rnn(horizon=3, units=units, cell=cell)
    given = np.random.default_rng(0).normal(50, 9, (2, 6, 1)).astype("float32")
    adapt(model, given)
    told = Endpoint(forecaster(model)).predict({"series": given, "steps": np.int32(8)}, batch_size=1)["forecast"]
    grown = given
    for _ in range(3):
        grown = np.concatenate([grown, np.asarray(model(grown))[:, -1, :, None]], axis=1)
    np.testing.assert_allclose(told, grown[:, 6:14, 0], rtol=1e-5)


def test_no_step_sees_what_comes_after_it():
    model, given = zoo.time_series_rnn(horizon=2, units=(4,)), np.random.default_rng(0).random((1, 7, 1)).astype("float32")
    changed = given.copy()
    changed[0, 4] += 1
    before, after = np.asarray(model(given)), np.asarray(model(changed))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert (before[:, 4:] != after[:, 4:]).any(axis=2).all()


def test_a_chart_has_a_panel_for_each_series_and_no_more_than_can_be_told_apart(tmp_path):
    given, told = np.arange(80.0).reshape(2, 40, 1), np.ones((2, 5))
    series.save_chart(given[:1], told[:1], "forecast", (), tmp_path / "one.png")
    series.save_chart(given, told, "forecast", ("a", "b"), tmp_path / "two.png")
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        assert one.width == two.width and two.height > 1.5 * one.height
        colours = {colour for _, colour in one.convert("RGB").getcolors(maxcolors=2**20)}
    assert {(0x4C, 0x58, 0x66), (0xD1, 0x49, 0x5B)} <= colours
    with pytest.raises(UsageError, match="got 13 series; expected at most 12 to draw"):
        series.save_chart(None, np.ones((13, 5)), "forecast", (), tmp_path / "many.png")


@pytest.mark.slow
def test_a_series_of_ones_own_is_trained_measured_and_forecast(zoo, tmp_path):
    file, out = tmp_path / "sales.csv", tmp_path / "out"
    file.write_text("day,sales,costs\n" + "".join(f"{day},{day % 7 + 100},1\n" for day in range(200)))
    settings = f"data=csv:{file} column=sales window=14 horizon=3 season=7 'units=(4,)' epochs=1"
    code, _, err = zoo(f"train time_series_rnn {settings} --folder {out}")
    assert code == 0, err
    scores = json.loads((out / "time_series_rnn/card.json").read_text())["scores"]["test"]
    assert scores["seasonal_naive_rmse"] == 0 and scores["naive_rmse"] > 1
    assert {"linear_rmse", "next_step_naive_rmse", "rmse", "relative_rmse"} <= set(scores)
    code, text, err = zoo(f"predict time_series_rnn {file} steps=5 --folder {out} --save {tmp_path / 'f.png'}")
    assert code == 0 and "200 steps" in text and len(text.splitlines()[-1].split()) == 5, err
    assert Image.open(tmp_path / "f.png").width > 500
    code, text, _ = zoo(f"predict time_series_rnn {file} steps=5 --folder {out} --json")
    assert np.shape(json.loads(text)["answers"]["forecast"]) == (1, 5)


@pytest.mark.real
def test_sunspots_and_temperatures(data_folder, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))
    for data, horizon in ((sunspots.load(), 24), (temperatures.load(), 14)):
        assert data.contract.horizon == horizon and sorted(data.test.baselines) == ["linear", "naive", "seasonal_naive"]
        data.contract.check(data.test.inputs)
    # The last month of 1983, by hand from the file.
    assert sunspots.load().test.targets[-1, -1, -1] == np.float32(33.4)


def test_a_set_that_is_not_there_says_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    with pytest.raises(UsageError, match="monthly-sunspots.csv is missing; it comes from Time Series Data Library"):
        sunspots.load()
