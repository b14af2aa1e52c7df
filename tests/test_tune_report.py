"""What a search shows: report.html is read as a browser reads it, TensorBoard's files by TensorBoard's own backend."""

import html.parser
import math
import pathlib
import random
import subprocess
import sys

import pytest

from zoo.errors import RunError
from zoo.tune.boards import write_board
from zoo.tune.report import importance, write_report

SPACE = [
    {"name": "learning_rate", "kind": "float", "low": 1e-4, "high": 1e-1, "log": True},
    {"name": "units/width", "kind": "int", "low": 1, "high": 4, "log": False},
    {"name": "rule", "kind": "choice", "choices": ["adam", "sgd", "rmsprop"]},
    {"name": "augment", "kind": "boolean", "choices": [False, True]},
]
STUDY = {"name": "net", "study": "1", "objective": "val_accuracy", "direction": "max", "tuner": "random", "seconds": 90.0}
STUDY["command"] = "zoo train net learning_rate=0.01"
EFFECT = {"adam": 0.9, "sgd": 0.5, "rmsprop": 0.7}


def values(draw):
    return {
        "learning_rate": 10 ** draw.uniform(-4, -1),
        "units/width": draw.randint(1, 4),
        "rule": draw.choice(SPACE[2]["choices"]),
        "augment": draw.random() < 0.5,
    }


def study_of(score, count=30):
    """Completed trials whose score is a function of the values."""
    draw = random.Random(0)
    return [trial(i, score(drawn), drawn) for i, drawn in enumerate(values(draw) for _ in range(count))]


def trial(i, score, drawn, **changes):
    status = "completed" if score is not None else "failed"
    made = {"trial": f"{i:04d}", "status": status, "score": score, "epochs": 3, "seconds": 2.0, "ended": 3.0 * (i + 1)}
    return {**made, "reason": None, "values": drawn, **changes}


class Page(html.parser.HTMLParser):
    """Every element as (tag, attributes, text), with the text of what lies in it."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])
        if tag not in ("meta", "line"):
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        if tag != "line":
            assert self.open.pop()[0] == tag

    def handle_startendtag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])

    def handle_data(self, data):
        for element in self.open:
            element[2] += data

    def all(self, tag, kind=None):
        return [one for one in self.elements if one[0] == tag and (kind is None or kind in one[1].get("class", "").split())]


def report(folder, trials, space=SPACE, **changes):
    write_report(folder / "report.html", {**STUDY, **changes}, space, trials)
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def points(line):
    return [tuple(map(float, point.split(","))) for point in line[1]["points"].split()]


def rows(page):
    """The cells of the table of all trials, the trials only."""
    cells = [text for tag, _, text in page.elements if tag == "td"]
    columns = len(SPACE) + 6
    return [cells[i : i + columns] for i in range(len(cells) % columns, len(cells), columns)]


@pytest.mark.parametrize("sign", [1, -1])
def test_importance_finds_the_choice_that_matters(sign):
    trials = study_of(lambda drawn: sign * EFFECT[drawn["rule"]] + 0.001 * drawn["augment"])
    shares, explained = importance(SPACE, trials)
    assert list(shares) == [one["name"] for one in SPACE]
    assert shares["rule"] > 0.95 and explained > 0.9
    assert sum(shares.values()) == pytest.approx(1) and min(shares.values()) >= 0
    assert (shares, explained) == importance(SPACE, trials)


def test_importance_sees_a_logarithmic_scale_and_the_smaller_share():
    """Variances of 9/12 for the logarithm, drawn from 3 decades, and 1/16 for the flag of half its weight."""
    trials = study_of(lambda drawn: math.log10(drawn["learning_rate"]) + 0.5 * drawn["augment"], count=60)
    shares, explained = importance(SPACE, trials)
    assert shares["learning_rate"] == pytest.approx(0.75 / (0.75 + 0.0625), abs=0.06)
    assert shares["augment"] > 3 * max(shares["rule"], shares["units/width"]) and explained > 0.8


def test_a_logarithmic_scale_is_the_scale_of_the_logarithm():
    trials = study_of(lambda drawn: drawn["learning_rate"] ** 2 * EFFECT[drawn["rule"]])
    logged = [{**one, "values": {**one["values"], "learning_rate": math.log(one["values"]["learning_rate"])}} for one in trials]
    linear = [{**SPACE[0], "low": math.log(1e-4), "high": math.log(1e-1), "log": False}, *SPACE[1:]]
    assert importance(SPACE, trials) == importance(linear, logged)
    assert importance([{**SPACE[0], "log": False}, *SPACE[1:]], trials) != importance(SPACE, trials)


@pytest.mark.parametrize("name", ["layers", "rule"])
def test_importance_knows_that_a_hyperparameter_is_absent(name):
    """Absent is not 0, and none of the choices."""
    space = [{"name": "layers", "kind": "int", "low": 0, "high": 1, "log": False}, SPACE[2], SPACE[3]]
    trials = study_of(lambda drawn: 0.0)
    for i, one in enumerate(trials):
        one["values"]["layers"] = i // 2 % 2
        if i % 2:
            del one["values"][name]
            one["score"] = 1.0
    shares, explained = importance(space, trials)
    assert shares[name] > 0.95 and explained > 0.95


def test_a_forest_that_explains_nothing_says_so(tmp_path):
    draw = random.Random(1)
    trials = study_of(lambda drawn: draw.gauss(0, 1))
    shares, explained = importance(SPACE, trials)
    assert explained < 0.05 and min(shares.values()) == 0  # what only helped by chance is cut off
    (warning,) = report(tmp_path, trials).all("strong")
    assert "do not trust these bars" in warning[2] and f"{explained:.2f}" in warning[2]


def test_too_few_trials_tell_no_importance(tmp_path):
    trials = [*study_of(lambda drawn: EFFECT[drawn["rule"]], count=7), trial(7, None, {}, reason="failed")]
    assert importance(SPACE, trials) is None
    page = report(tmp_path, trials)
    assert any("too few to tell" in text for _, _, text in page.all("p")) and not page.all("div", "bar")
    assert importance(SPACE, study_of(lambda drawn: EFFECT[drawn["rule"]], count=8)) is not None


def test_constant_scores_have_no_importance(tmp_path):
    trials = study_of(lambda drawn: 0.25)
    assert importance(SPACE, trials) == ({one["name"]: 0.0 for one in SPACE}, 0.0)
    page = report(tmp_path, trials)
    assert "do not trust" in page.all("strong")[0][2]
    assert {points(line)[-1][1] for line in page.all("polyline")} == {180.0}  # the middle of the axis


@pytest.mark.parametrize("direction", ["max", "min"])
def test_lines_run_through_the_values(tmp_path, direction):
    good = {"learning_rate": 1e-2, "units/width": 1, "rule": "adam", "augment": True}
    poor = {"learning_rate": 1e-4, "units/width": 4, "rule": "rmsprop", "augment": False}
    trials = [trial(0, 0.5, poor), trial(1, 0.9, good), trial(2, None, good, reason="no"), trial(3, 0.6, {**poor, "rule": "sgd"})]
    page = report(tmp_path, trials, direction=direction)
    lines = page.all("polyline")
    assert len(lines) == 3
    best = lines[-1]  # on top of the others
    assert [one is best for one in lines] == [one in page.all("polyline", "best") for one in lines] == [False, False, True]
    assert f"trial {'0001' if direction == 'max' else '0000'}, val_accuracy" in best[2]
    heights = {line[2][:10]: [(320 - y) / 280 for _, y in points(line)] for line in lines}
    expected = [2 / 3, 0, 1 / 6, 3 / 4, 1]  # learning_rate 0.01 lies two of three decades up
    assert heights["trial 0001"] == pytest.approx(expected, abs=1e-3)
    assert heights["trial 0000"] == pytest.approx([0, 1, 5 / 6, 1 / 4, 0], abs=1e-3)
    ranks = [float(line[1]["style"].removeprefix("--rank: ").removesuffix("%")) for line in lines]
    assert ranks == [0, 50, 100]
    axes = [float(one[1]["x1"]) for one in page.all("line", "axis") if one[1]["x1"] == one[1]["x2"]]
    assert axes == [x for x, _ in points(best)]


def test_axes_have_the_names_and_ticks_of_the_space(tmp_path):
    page = report(tmp_path, study_of(lambda drawn: EFFECT[drawn["rule"]], count=5))
    texts = [text for _, _, text in page.all("text")]
    for name in ("learning_rate", "units/width", "rule", "augment", "val_accuracy"):
        assert texts.count(name) == 1
    marks = iter(texts)
    assert next(one for one in marks if one == "learning_rate") and [next(marks) for _ in range(4)] == [
        "0.0001",
        "0.001",
        "0.01",
        "0.1",
    ]
    assert next(marks) == "units/width" and [next(marks) for _ in range(4)] == ["1", "2", "3", "4"]
    assert next(marks) == "rule" and [next(marks) for _ in range(3)] == ["adam", "sgd", "rmsprop"]
    assert next(marks) == "augment" and [next(marks) for _ in range(2)] == ["False", "True"]


def test_scores_that_hardly_differ_have_ticks_that_do(tmp_path):
    page = report(tmp_path, study_of(lambda drawn: 0.99451 + 0.00002 * drawn["augment"], count=5))
    texts = [text for _, _, text in page.all("text")]
    marks = texts[texts.index("val_accuracy") + 1 : texts.index("0.99453") + 1]
    assert len(marks) == len(set(marks)) > 3


def test_an_absent_hyperparameter_has_its_own_place(tmp_path):
    full, partly = {"learning_rate": 1e-4, "rule": "adam"}, {"rule": "adam"}
    page = report(tmp_path, [trial(0, 0.5, full), trial(1, 0.9, partly)], space=[SPACE[0], SPACE[2]])
    poor, best = page.all("polyline")
    assert points(best)[0][1] == 320 and points(poor)[0][1] == 278
    assert [text for _, _, text in page.all("text")].count("absent") == 1


@pytest.mark.parametrize("direction", ["max", "min"])
def test_progress_is_the_best_so_far(tmp_path, direction):
    scores = {4: 0.7, 1: 0.6, 2: 0.5, 3: 0.7}  # by when they ended; the tie is won by the one that is listed first
    trials = [trial(i, score, {"rule": "sgd"}, ended=float(ended)) for i, (ended, score) in enumerate(scores.items())]
    trials.append(trial(9, None, {"rule": "sgd"}, ended=5.0, reason="failed"))
    page = report(tmp_path, trials, space=[SPACE[2]], direction=direction)
    dots = [(float(dot[1]["cx"]), float(dot[1]["cy"])) for dot in page.all("circle")]
    assert len(dots) == 4 and len(page.all("circle", "best")) == 1
    assert [x for x, _ in dots] == pytest.approx([62 + 398 * ended / 4 for ended in (1, 2, 3, 4)], abs=0.06)
    assert [(320 - y) / 280 for _, y in dots] == pytest.approx([0.5, 0, 1, 1], abs=1e-3)
    ((_, path, _),) = page.all("path", "step")
    xs, ys = zip(*dots)
    found = {"max": f"M{xs[0]},{ys[0]}H{xs[2]}V{ys[2]}H{xs[3]}V{ys[3]}H460", "min": f"M{xs[0]},{ys[0]}H{xs[1]}V{ys[1]}H460"}
    assert path["d"] == found[direction]


def test_the_table_ranks_and_ends_with_failures(tmp_path):
    drawn = {"learning_rate": 0.0123456, "units/width": 3, "rule": "sgd"}
    trials = [
        trial(0, None, drawn, reason="the loss is no longer finite"),
        trial(1, 0.5, drawn),
        trial(2, 0.125, drawn, status="running", ended=None),  # which may still become better or worse
        trial(3, 0.25, drawn),
        trial(4, math.nan, drawn, status="completed"),
    ]
    page = report(tmp_path, trials, direction="min")
    table = rows(page)
    assert [row[0] for row in table] == ["0003", "0001", "0002", "0004", "0000"]
    assert table[0] == ["0003", "0.25", "0.01235", "3", "sgd", "–", "3", "2 s", "completed", ""]
    assert table[-1][-2:] == ["failed", "the loss is no longer finite"] and table[-1][1] == "–"
    assert len(page.all("polyline")) == 2 and len(page.all("tr", "best")) == 1
    facts = " ".join(text for _, _, text in page.all("dd"))
    assert "3 completed, 1 failed, 1 running" in facts and "0.25 in trial 0003" in facts and "smallest" in facts


def test_the_winner_has_a_line_to_copy(tmp_path):
    trials = [trial(0, 0.5, {"rule": "sgd"})]
    ((_, _, line),) = report(tmp_path, trials).all("code")
    assert line == STUDY["command"]
    assert not report(tmp_path, trials, command=None).all("code")


def test_texts_are_escaped(tmp_path):
    evil = '<script>alert("&")</script>\''
    space = [{"name": evil, "kind": "choice", "choices": [evil, "b"]}]
    trials = [trial(i, 0.1 * i, {evil: (evil, "b")[i % 2]}) for i in range(9)]
    trials += [trial(9, None, {evil: evil}, reason=evil), trial(10, 0.05, {}, trial=evil)]
    changes = dict.fromkeys(("name", "study", "objective", "tuner", "command"), evil)
    page = report(tmp_path, trials, space=space, **changes)
    assert {tag for tag, _, _ in page.elements}.isdisjoint({"script", "img", "link", "iframe"})
    assert page.all("code")[0][2] == evil
    assert [text for tag, attributes, text in page.elements if attributes.get("scope") == "col"][1:3] == [evil, evil]
    assert page.all("td", "text")[-1][2] == evil
    assert evil in page.all("svg")[0][1]["aria-label"] and page.all("h1")[0][2] == f"{evil}, study {evil}"


def test_a_study_without_a_completed_trial_has_a_report(tmp_path):
    page = report(tmp_path, [trial(i, None, {"rule": "sgd"}, reason="too big") for i in range(3)], command=None)
    assert not page.all("svg") and len(rows(page)) == 3 and "no trial completed" in page.all("dd")[1][2]
    page = report(tmp_path, [], command=None)
    assert not page.all("svg") and rows(page) == [] and page.all("dd")[2][2] == "none"
    page = report(tmp_path, [trial(0, 0.5, {})], space=[])
    assert len(points(page.all("polyline")[0])) == 1


def test_the_report_needs_nothing_from_elsewhere_and_is_the_same_each_time(tmp_path):
    trials = study_of(lambda drawn: EFFECT[drawn["rule"]])
    page = report(tmp_path, trials)
    first = (tmp_path / "report.html").read_bytes()
    assert not any({"src", "href", "onclick"} & set(attributes) for _, attributes, _ in page.elements)
    assert b"http" not in first.replace(b"http-equiv", b"") and b"url(" not in first and b"@import" not in first
    policy = next(one for _, one, _ in page.all("meta") if "http-equiv" in one)
    assert policy["content"].startswith("default-src 'none'")
    assert all(one[1]["role"] == "img" and one[1]["aria-label"] for one in page.all("svg"))
    assert b"prefers-color-scheme: dark" in first
    report(tmp_path, trials)
    assert (tmp_path / "report.html").read_bytes() == first


HISTORY = [{"epoch": 1, "loss": 2.5, "val_accuracy": 0.5}, {"epoch": 2, "loss": 1.25, "val_accuracy": 0.75}]
HISTORY.append({"epoch": 3, "loss": math.nan, "val_accuracy": 0.625})
DRAWN = {"learning_rate": 0.01, "units/width": 3, "rule": "sgd", "augment": False}


def read_board(folder):
    """What TensorBoard reads: {run: {tag: [(step, value)]}}, the columns of the HParams tab, and its rows by trial."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
    from tensorboard.util import tensor_util

    events = plugin_event_multiplexer.EventMultiplexer()
    events.AddRunsFromDirectory(str(folder))
    events.Reload()
    scalars = {}
    for run in events.Runs():
        tags = [tag for tag in events.Runs()[run]["tensors"] if not tag.startswith("_hparams_")]
        read = {
            tag: [(one.step, float(tensor_util.make_ndarray(one.tensor_proto))) for one in events.Tensors(run, tag)]
            for tag in tags
        }
        scalars[run] = read
    provider = data_provider.MultiplexerDataProvider(events, str(folder))
    plugin = backend_context.Context(base_plugin.TBContext(data_provider=provider, logdir=str(folder)))
    request = api_pb2.ListSessionGroupsRequest(allowed_statuses=range(4), slice_size=100, include_metrics=True)
    request.aggregation_type = api_pb2.AGGREGATION_AVG
    groups = list_session_groups.Handler(RequestContext(), plugin, "1", request).run().session_groups
    metadata = plugin.hparams_metadata(RequestContext(), "1")
    experiment = plugin.experiment_from_metadata(RequestContext(), "1", True, metadata, [])
    columns = {one.name for one in experiment.hparam_infos} | {one.name.tag for one in experiment.metric_infos}
    return scalars, columns, {group.name: group for group in groups}


def test_tensorboard_reads_the_values_and_hyperparameters(tmp_path):
    done = trial(3, 0.75, DRAWN, seconds=12.0)
    write_board(tmp_path, done, HISTORY, "val_accuracy")
    write_board(tmp_path, trial(4, None, {**DRAWN, "rule": "adam", "momentum": 0.5}, reason="no"), HISTORY[:1], "val_accuracy")
    scalars, columns, groups = read_board(tmp_path)
    assert scalars["0003"]["val_accuracy"] == [(1, 0.5), (2, 0.75), (3, 0.625)]
    assert scalars["0003"]["loss"][:2] == [(1, 2.5), (2, 1.25)] and math.isnan(scalars["0003"]["loss"][2][1])
    assert scalars["0003"]["best/val_accuracy"] == [(3, 0.75)]
    assert scalars["0004"] == {"loss": [(1, 2.5)], "val_accuracy": [(1, 0.5)]}
    assert columns == {*DRAWN, "momentum", "loss", "val_accuracy", "best/val_accuracy"}
    hyperparameters = {name: getattr(value, value.WhichOneof("kind")) for name, value in groups["0003"].hparams.items()}
    assert hyperparameters == DRAWN and type(hyperparameters["augment"]) is bool
    (session,), (failed,) = groups["0003"].sessions, groups["0004"].sessions
    assert (session.status, failed.status) == (1, 2)  # STATUS_SUCCESS, STATUS_FAILURE
    assert session.end_time_secs - session.start_time_secs == pytest.approx(12)
    assert {one.name.tag: one.value for one in session.metric_values}["best/val_accuracy"] == 0.75


def test_a_trial_that_is_written_twice_is_there_once(tmp_path):
    write_board(tmp_path, trial(3, None, DRAWN), HISTORY, "val_accuracy")
    write_board(tmp_path, trial(3, 0.875, {"rule": "adam"}), [{"epoch": 1, "val_accuracy": 0.875}], "val_accuracy")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    scalars, columns, groups = read_board(tmp_path)
    assert scalars == {"0003": {"val_accuracy": [(1, 0.875)], "best/val_accuracy": [(1, 0.875)]}}
    assert columns == {"rule", "val_accuracy", "best/val_accuracy"} and list(groups) == ["0003"]
    assert groups["0003"].sessions[0].status == 1


def test_boards_bring_no_tensorflow_and_reports_nothing_heavy_before_they_are_written(tmp_path):
    code = f"""
import sys
import zoo.tune.boards, zoo.tune.report
heavy = {{"tensorflow", "keras", "sklearn", "tensorboard"}}
print(sorted(heavy & set(sys.modules)))
trial = {trial(3, 0.75, DRAWN)!r}
zoo.tune.boards.write_board({str(tmp_path)!r}, trial, [{{"epoch": 1, "loss": 1.0}}], "loss")
print("tensorflow" in sys.modules)
"""
    root = pathlib.Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout == "[]\nFalse\n", done.stderr


def test_without_tensorboard_one_line_says_what_to_install(tmp_path, monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(RunError, match="pip install tensorboard") as error:
        write_board(tmp_path / "boards", trial(3, 0.75, DRAWN), HISTORY, "val_accuracy")
    assert "\n" not in str(error.value) and not (tmp_path / "boards").exists()
