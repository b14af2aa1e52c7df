"""The kinds of an export that tells none, as version 0.1 wrote it."""

import copy

from zoo.serve.kinds import with_kinds

IMAGE = {"dtype": "float32", "shape": [None, 28, 28, 1], "minimum": 0.0, "maximum": 1.0, "vocabulary": None}
CLASSIFIER = {
    "serving_default": {
        "inputs": {"image": IMAGE},
        "outputs": {"probabilities": {"dtype": "float32", "shape": [None, 2]}, "label": {"dtype": "int32", "shape": [None]}},
    },
    "classify_bytes": {
        "inputs": {"image_bytes": {"dtype": "string", "shape": [None]}},
        "outputs": {"label": {"dtype": "int32", "shape": [None]}},
    },
}


def kinds(signatures, **contract):
    """{signature: (kinds of the inputs, kinds of the outputs)}."""
    found = with_kinds(signatures, {"classes": None, "picture": None, "vocabularies": {}, **contract})
    return {
        name: tuple({key: field["kind"] for key, field in one[side].items()} for side in ("inputs", "outputs"))
        for name, one in found.items()
    }


def test_classifiers_of_version_0_1():
    before = copy.deepcopy(CLASSIFIER)
    assert kinds(CLASSIFIER, classes=["cat", "dog"], picture={"box": 20}) == {
        "serving_default": ({"image": "image"}, {"probabilities": "label", "label": "label"}),
        "classify_bytes": ({"image_bytes": "image"}, {"label": "label"}),
    }
    assert before == CLASSIFIER
    # Rows that a recurrent network reads are a picture where the contract speaks of one.
    rows = {"serving_default": {"inputs": {"rows": {**IMAGE, "shape": [None, None, 28]}}, "outputs": {}}}
    assert kinds(rows, picture={"box": 20})["serving_default"][0] == {"rows": "image"}
    assert kinds(rows)["serving_default"][0] == {"rows": "vector"}


def test_autoencoders_and_decoders_of_version_0_1():
    coding = {"dtype": "float32", "shape": [None, 50], "minimum": None, "maximum": None}
    signatures = {
        "serving_default": {
            "inputs": {"image": IMAGE},
            "outputs": {"reconstruction": {"dtype": "float32", "shape": [None, 28, 28, 1]}, "coding": coding},
        },
        "decode": {"inputs": {"coding": coding}, "outputs": {"picture": {"dtype": "float32", "shape": [None, 28, 28, 1]}}},
    }
    assert kinds(signatures) == {
        "serving_default": ({"image": "image"}, {"reconstruction": "image", "coding": "vector"}),
        "decode": ({"coding": "vector"}, {"picture": "image"}),
    }


def test_texts_of_version_0_1():
    source = {"dtype": "int32", "shape": [None, None], "minimum": 0, "maximum": 9, "vocabulary": "source"}
    signatures = {
        "serving_default": {
            "inputs": {"source": source},
            "outputs": {"tokens": {"dtype": "int32", "shape": [None, 9]}, "score": {"dtype": "float32", "shape": [None]}},
        },
        "translate": {
            "inputs": {"text": {"dtype": "string", "shape": [None]}},
            "outputs": {"text": {"dtype": "string", "shape": [None]}, "score": {"dtype": "float32", "shape": [None]}},
        },
    }
    vocabularies = {"source": ["a", "b"], "target": ["c"]}
    found = with_kinds(signatures, {"classes": None, "vocabularies": vocabularies})
    assert kinds(signatures, vocabularies=vocabularies) == {
        "serving_default": ({"source": "text"}, {"tokens": "text", "score": "vector"}),
        "translate": ({"text": "text"}, {"text": "text", "score": "vector"}),
    }
    assert found["serving_default"]["outputs"]["tokens"]["vocabulary"] == "target"


def test_what_an_export_tells_stays():
    told = {"dtype": "float32", "shape": [None, 28, 28, 1], "minimum": 0.0, "maximum": 1.0, "kind": "vector"}
    label = {"dtype": "int32", "shape": [None], "kind": "label", "classes": ["different", "same"]}
    signatures = {"serving_default": {"inputs": {"image": told}, "outputs": {"same": label}}}
    assert with_kinds(signatures, {"classes": ["a"], "picture": {"box": 20}, "vocabularies": {}}) == signatures
