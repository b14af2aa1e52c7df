"""The report of a search: one HTML file with its pictures inside, which needs no network and no scripts."""

import html
import math
import pathlib

from zoo.files import written_beside

TOO_FEW = 8
TREES = 200
TOP, BOTTOM = 40, 320  # of what is drawn in a picture
CSS = """
:root { color-scheme: light dark; --back: #fff; --text: #1c2330; --soft: #667085; --rule: #d5dae2; --weak: #c9d3e6;
  --strong: #1d4fb8; --best: #d9480f; --block: #f3f5f9 }
@media (prefers-color-scheme: dark) { :root { --back: #14171d; --text: #e6e9ef; --soft: #98a2b3; --rule: #3a4250; --weak: #3b4763;
  --strong: #8ab4ff; --best: #ff9548; --block: #1e232c } }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui }
h1, h2 { line-height: 1.2 } h2 { margin: 2.2rem 0 .5rem } p { max-width: 46rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem } dt, .key { color: var(--soft) } dd { margin: 0 }
pre { padding: .8rem; border-radius: .4rem; background: var(--block); white-space: pre-wrap; user-select: all }
.wide { overflow-x: auto } svg { display: block; width: 100% }
svg text { font: 13px system-ui; fill: var(--text); paint-order: stroke; stroke: var(--back); stroke-width: 4px }
.axis { stroke: var(--soft) } .grid { stroke: var(--rule) } .trial, .step { fill: none; stroke-width: 2px }
.trial { stroke: color-mix(in oklab, var(--weak), var(--strong) var(--rank)) } .trial:hover { stroke-width: 5px }
.trial.best { stroke: var(--best); stroke-width: 4px } .step { stroke: var(--best) }
.point { fill: var(--strong) } .point.best { fill: var(--best) }
.key span { display: inline-block; width: 5rem; height: .6rem; background: linear-gradient(90deg, var(--weak), var(--strong)) }
.key .one { width: 1.5rem; margin-left: 1rem; background: var(--best) }
table { border-collapse: collapse; font-size: .9rem } tr.best { color: var(--best); font-weight: 600 }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap }
.text { text-align: left } .bars { width: 100%; max-width: 40rem } .bars td:nth-child(2) { width: 60% }
.bar { height: .9rem; background: var(--strong) }
"""


def write_report(path, study, space, trials):
    """Writes the report of a search, beside and renamed.

    Args:
        path: The HTML file.
        study: A dictionary with "name", "study", "objective", "direction" ("max" or "min"), "tuner", "seconds" and "command".
        space: The hyperparameters, dictionaries with "name", "kind", and "low", "high", "log", or "choices".
        trials: Dictionaries with "trial", "status", "score", "epochs", "seconds", "ended", "reason" and "values".
    """
    ranked = sorted(_completed(trials), key=lambda trial: trial["score"], reverse=study["direction"] == "max")
    title = html.escape(f"{study['name']}, study {study['study']}")
    parts = [_facts(study, ranked, trials)]
    if ranked:
        parts += [_winner(study, ranked[0]), _parallel(study, space, ranked), _progress(study, ranked)]
        parts += [_importance(space, trials)]
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{CSS}</style></head>
<body><main><h1>{title}</h1>{"".join(parts)}{_table(study, space, ranked, trials)}</main></body></html>
"""
    with written_beside(pathlib.Path(path)) as partial:
        partial.write_text(page, encoding="utf-8")


def importance(space, trials):
    """How much each hyperparameter matters to the score, by a random forest.

    Every tree judges the trials that it was not grown on. A hyperparameter matters by how much the squared error of that grows
    when each trial is given the value of another (Breiman, Random Forests, 2001).

    Args:
        space: The hyperparameters, as in `write_report`.
        trials: The trials, as in `write_report`; only completed ones count.

    Returns:
        ({name: importance}, explained). The importances sum to 1, or are all 0 where nothing matters; `explained` is the R^2 of
        the forest on trials left out, below 0 where it is worse than the mean. None if there are too few trials.
    """
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    completed, names = _completed(trials), [one["name"] for one in space]
    if len(completed) < TOO_FEW or not space:
        return None
    scores = np.array([trial["score"] for trial in completed])
    if np.ptp(scores) == 0:
        return dict.fromkeys(names, 0.0), 0.0
    scores = (scores - scores.mean()) / scores.std()
    blocks = [np.array([_encoded(one, trial["values"].get(one["name"])) for trial in completed]) for one in space]
    inputs, owners = np.concatenate(blocks, axis=1), np.repeat(np.arange(len(space)), [block.shape[1] for block in blocks])
    forest = RandomForestRegressor(TREES, oob_score=True, random_state=0).fit(inputs, scores)
    random, growth = np.random.default_rng(0), np.zeros(len(space))
    for tree, grown_on in zip(forest.estimators_, forest.estimators_samples_):
        left_out = np.setdiff1d(np.arange(len(completed)), grown_on)
        if len(left_out):
            shuffled = [np.where(owners == i, inputs[random.permutation(left_out)], inputs[left_out]) for i in range(len(space))]
            guesses = tree.predict(np.concatenate([*shuffled, inputs[left_out]])).reshape(-1, len(left_out))
            errors = np.sum((guesses - scores[left_out]) ** 2, axis=1)
            growth += errors[:-1] - errors[-1]
    growth = np.maximum(growth, 0)
    return dict(zip(names, (growth / (growth.sum() or 1)).tolist())), float(forest.oob_score_)


def _encoded(hyperparameter, value):
    """A value as numbers for the forest; they tell an absent one from all others."""
    if hyperparameter["kind"] in ("choice", "boolean"):
        return [value == choice for choice in hyperparameter["choices"]]
    if value is None:
        return [1, 0]
    return [0, math.log(value) if hyperparameter["log"] else value]


def _completed(trials):
    return [one for one in trials if one["status"] == "completed" and one["score"] is not None and math.isfinite(one["score"])]


def _facts(study, ranked, trials):
    states = [trial["status"] for trial in trials]
    counts = [f"{states.count(state)} {state}" for state in ("completed", "failed", "running", "waiting") if state in states]
    facts = {
        "objective": f"{study['objective']}, the {'largest' if study['direction'] == 'max' else 'smallest'} is the best",
        "best": f"{_show(ranked[0]['score'], 5)} in trial {ranked[0]['trial']}" if ranked else "no trial completed",
        "trials": ", ".join(counts) or "none",
        "tuner": study["tuner"],
        "searched for": _duration(study["seconds"]),
    }
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{html.escape(fact)}</dd>' for name, fact in facts.items())}</dl>"


def _winner(study, best):
    values = ", ".join(f"{name} = {_show(value)}" for name, value in best["values"].items())
    line = f"<p>Train it with:</p><pre><code>{html.escape(study['command'])}</code></pre>" if study["command"] else ""
    return f"<h2>The winner</h2><p>Trial {html.escape(best['trial'])}: {html.escape(values)}.</p>{line}"


def _parallel(study, space, ranked):
    names = [one["name"] for one in space]
    rows = [[*map(trial["values"].get, names), trial["score"]] for trial in ranked]
    scales = [_hyperparameter_scale(one, column) for one, column in zip(space, zip(*rows))] + [_score_scale(ranked)]
    names.append(study["objective"])
    longest = max(map(len, [_cut(name) for name in names] + [label for _, ticks in scales for _, label in ticks]))
    gap, margin = max(110, 8 * longest + 16, 560 / len(names)), max(60, 4 * longest)
    xs = [margin + gap * i for i in range(len(names))]
    drawn = []
    for rank, (trial, row) in reversed(list(enumerate(zip(ranked, rows)))):  # the best comes last, on top of the others
        points = " ".join(f"{x:.1f},{_y(place(value)):.1f}" for x, (place, _), value in zip(xs, scales, row))
        share = 100 - 100 * rank / max(1, len(ranked) - 1)
        kind = "trial" if rank else "trial best"
        title = f"<title>{_describe(study, trial)}</title>"
        drawn.append(f'<polyline class="{kind}" style="--rank: {share:.0f}%" points="{points}">{title}</polyline>')
    for x, name, (_, ticks) in zip(xs, names, scales):
        drawn += [_text(x, 18, _cut(name), "middle"), _line("axis", x, TOP, x, BOTTOM)]
        for at, label in ticks:
            drawn += [_line("axis", x - 4, _y(at), x + 4, _y(at)), _text(x + 8, _y(at) + 4.5, label)]
    what = f"Parallel coordinates of {len(ranked)} trials. The best: {_describe(study, ranked[0])}."
    return f"""<h2>All trials at a glance</h2>
<p>One line per completed trial, from its hyperparameters to its score. Failed trials are in the table only.</p>
<p class="key"><span></span> worse to better <span class="one"></span> the best</p>
{_svg("parallel", xs[-1] + margin + 10, 340, what, drawn)}"""


def _progress(study, ranked):
    timed = [(trial["ended"], rank, trial) for rank, trial in enumerate(ranked) if trial["ended"] is not None]
    if not timed:
        return ""
    (place, ticks), end = _score_scale(ranked), max(timed)[0]
    unit, size = ("hours", 3600) if end > 7200 else ("minutes", 60) if end > 120 else ("seconds", 1)
    place_time, time_ticks = _scale(0.0, end / size, False)
    left, right = 62, 460
    drawn = [_line("grid", left, _y(at), right, _y(at)) + _text(54, _y(at) + 4.5, label, "end") for at, label in ticks]
    drawn += [_text(left + (right - left) * at, BOTTOM + 22, label, "middle") for at, label in time_ticks]
    drawn.append(_text((left + right) / 2, BOTTOM + 44, f"{unit} of search", "middle"))
    step, points, best = "", [], len(ranked)
    for ended, rank, trial in sorted(timed):
        x, y = left + (right - left) * place_time(ended / size), _y(place(trial["score"]))
        if rank < best:
            step, best = f"{step}H{x:.1f}V{y:.1f}" if step else f"M{x:.1f},{y:.1f}", rank
        kind, title = "point" if rank else "point best", _describe(study, trial)
        points.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{title}</title></circle>')
    drawn += [f'<path class="step" d="{step}H{right}"/>', *points]
    objective = html.escape(study["objective"])
    what = f"{objective} of {len(timed)} trials against the time of the search, and the best so far."
    return f"""<h2>{objective} against time</h2><p>One point per completed trial; the line is the best so far.</p>
{_svg("progress", 480, 370, what, drawn)}"""


def _importance(space, trials):
    found = importance(space, trials)
    if found is None:
        return f"<h2>What matters</h2><p>Fewer than {TOO_FEW} completed trials: too few to tell which hyperparameter matters.</p>"
    shares, explained = found
    note = f"It explains {explained:.0%} of how the scores of trials that it was not shown differ (R² {explained:.2f})."
    if explained <= 0.05:
        note = f"<strong>It explains nothing of how the scores differ (R² {explained:.2f}): do not trust these bars.</strong>"
    rows = "".join(
        f'<tr><th scope="row" class="text">{html.escape(name)}</th>'
        f'<td><div class="bar" style="width: {share:.1%}"></div></td><td>{share:.0%}</td></tr>'
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
    )
    return f"""<h2>What matters</h2>
<p>A random forest guesses the scores from the hyperparameters; the bars tell how much worse it guesses without one of them.
{note}</p><table class="bars" aria-label="Importance of each hyperparameter">{rows}</table>"""


def _table(study, space, ranked, trials):
    names = [one["name"] for one in space]
    rest = [trial for trial in trials if trial not in ranked]
    rows = []
    for trial in [*ranked, *sorted(rest, key=lambda trial: trial["status"] == "failed")]:
        score = "–" if trial["score"] is None else _show(trial["score"], 5)
        values = ["–" if trial["values"].get(name) is None else _show(trial["values"][name]) for name in names]
        cells = [trial["trial"], score, *values, str(trial["epochs"]), _duration(trial["seconds"]), trial["status"]]
        row = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        kind = "best" if trial in ranked[:1] else trial["status"]
        rows.append(f'<tr class="{kind}">{row}<td class="text">{html.escape(trial["reason"] or "")}</td></tr>')
    heads = ["trial", study["objective"], *names, "epochs", "time", "status"]
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads) + '<th scope="col" class="text">reason</th>'
    return f"""<h2>All trials</h2><div class="wide" tabindex="0" role="region" aria-label="All trials">
<table id="trials"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>"""


def _hyperparameter_scale(hyperparameter, values):
    """As `_scale`; where a trial has no such hyperparameter, there is a place for that at the foot."""
    present = [value for value in values if value is not None]
    if hyperparameter["kind"] in ("choice", "boolean"):
        choices = hyperparameter["choices"]
        ticks = [((i + 0.5) / len(choices), _cut(_show(choice))) for i, choice in enumerate(choices)]

        def place(value):
            return (choices.index(value) + 0.5) / len(choices)
    else:
        low, high = min([hyperparameter["low"], *present]), max([hyperparameter["high"], *present])
        place, ticks = _scale(low, high, hyperparameter["log"])
    if len(present) == len(values):
        return place, ticks
    ticks = [(0, "absent"), *((0.15 + 0.85 * at, label) for at, label in ticks)]
    return lambda value: 0 if value is None else 0.15 + 0.85 * place(value), ticks


def _score_scale(trials):
    scores = [trial["score"] for trial in trials]
    return _scale(min(scores), max(scores), min(scores) > 0 and max(scores) > 100 * min(scores))


def _scale(low, high, log):
    """A function that places a value between 0 and 1, and the ticks as (place, label): both ends and round numbers between."""
    turn = math.log10 if log else float
    start, width = turn(low), turn(high) - turn(low)
    if width == 0:
        return lambda value: 0.5, [(0.5, _show(low))]

    def place(value):
        return (turn(value) - start) / width

    if log:
        firsts = [1] if width > 2.5 else [1, 2, 5]
        inner = [first * 10**e for e in range(math.floor(start), math.ceil(start + width)) for first in firsts]
    else:
        step = 10 ** math.floor(math.log10(width))
        step = step / 5 if width < 2 * step else step / 2 if width < 5 * step else step
        step = max(step, 1) if isinstance(low, int) and isinstance(high, int) else step
        inner = [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    inner = [value for value in inner if 0.06 < place(value) < 0.94]
    digits = max(4, 2 + math.ceil(math.log10(max(abs(low), abs(high)) / (high - low))))  # so that no two ticks look the same
    return place, [(place(value), _show(value, digits)) for value in (low, *inner, high)]


def _svg(name, width, height, what, drawn):
    """A picture, which may be drawn a little smaller or larger; where it does not fit it can be pushed sideways."""
    size = f"min-width: {0.8 * width:.0f}px; max-width: {1.5 * width:.0f}px"
    return f"""<div class="wide" tabindex="0" role="region" aria-label="{name}">
<svg id="{name}" role="img" aria-label="{what}" viewBox="0 0 {width:.0f} {height}" style="{size}">{"".join(drawn)}</svg></div>"""


def _y(place):
    return BOTTOM - (BOTTOM - TOP) * place


def _line(kind, x1, y1, x2, y2):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x, y, text, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _describe(study, trial):
    values = ", ".join(f"{name} {_show(value)}" for name, value in trial["values"].items())
    return html.escape(f"trial {trial['trial']}, {study['objective']} {_show(trial['score'], 5)}: {values}")


def _show(value, digits=4):
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def _cut(text):
    return text if len(text) <= 22 else f"{text[:21]}…"


def _duration(seconds):
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if seconds >= 100 else f"{seconds:.0f} s"
