"""What codings are good for: how well simple classifiers of them tell classes that the network was never told."""

import numpy as np

from zoo import finder as recipes
from zoo import saved
from zoo.endpoints import DEFAULT, endpoints_of
from zoo.errors import UsageError
from zoo.training.evaluate import undamaged

CODING = "coding"  # the output that is probed


def probe(name, folder=None, part="test"):
    """The accuracy of a linear classifier of a network's codings, and of the nearest neighbour among them.

    Both are fitted to the codings of the training part. Pictures are coded whole, without noise. The linear one is a logistic
    regression of standardised codings; the neighbour is the nearest by Euclidean distance.

    Args:
        name: Name of the recipe.
        folder: The folder of saved models; None as in `zoo.load`.
        part: "test" or "validation": what is classified.

    Returns:
        {"linear_accuracy": number, "nearest_neighbour_accuracy": number}.

    Raises:
        UsageError: If the network gives no coding, its data have no classes, or as `zoo.training.evaluate.evaluate` does.
    """
    from sklearn.linear_model import LogisticRegression  # brings SciPy, which other measurements do without
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    recipe, contract = recipes.find(name), saved.read_contract(saved.find_saved(name, folder))
    endpoint = endpoints_of(recipe, saved.load(name, folder), contract)[DEFAULT]
    if CODING not in endpoint.outputs:
        answers = ", ".join(endpoint.outputs)
        raise UsageError(f"{recipes.name_of(name)} answers with {answers}; --probe is for networks that give a {CODING}.")
    data = saved.load_data(name, folder)
    train, judged = data.train, getattr(data, part)
    if train.classes is None:
        raise UsageError(f"{data.source} has no classes; --probe needs data with some, such as data=digits.")
    codings = {one: endpoint.predict(undamaged(of))[CODING] for one, of in (("train", train), ("judged", judged))}
    classifiers = {
        "linear_accuracy": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "nearest_neighbour_accuracy": KNeighborsClassifier(n_neighbors=1),
    }
    return {
        metric: float(np.mean(classifier.fit(codings["train"], train.classes).predict(codings["judged"]) == judged.classes))
        for metric, classifier in classifiers.items()
    }
