"""log_estimator: parameters, metrics, matrices and curves of scikit-learn's estimators, equal to what scikit-learn itself says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.store.errors import CrossboardWarning
from crossboard.store.kinds import Kind

pytest.importorskip("sklearn")


pytestmark = pytest.mark.usefixtures("said_anew")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def logged(root: Path, estimator: Any, x: Any, y: Any = None, **options: Any) -> tuple[Any, dict[str, float]]:
    """Log in a run of its own, strictly; the run as it can be read, and what the call returned."""
    with cb.init(dir=root, strict=True) as run:
        metrics = run.log_estimator(estimator, x, y, **options)
    [found] = list(cb.open(root))
    return found, metrics


def records(root: Path, kind: Kind) -> dict[str, Any]:
    runs = cb.open(root)
    [run] = list(runs)
    return {placed.record.tag: placed.record for placed in runs.store.records(run.key, kind)}  # type: ignore[union-attr]


def table(root: Path, tag: str) -> dict[str, list[Any]]:
    import pyarrow

    runs = cb.open(root)
    [run] = list(runs)
    found: list[Any] = [one.record for one in runs.store.records(run.key, Kind.TABLE)]
    [blob] = [record.blob for record in found if record.tag == tag]
    content: dict[str, list[Any]] = pyarrow.ipc.open_stream(runs.store.blob(run.key, blob)).read_all().to_pydict()
    return content


def digits() -> tuple[Any, Any]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x[:400] / 16, y[:400]


def two_classes() -> tuple[Any, Any]:
    x, y = digits()
    return x, np.where(y > 4, "high", "low")


def test_a_classifier_is_judged_as_scikit_learn_judges_it(root: Path) -> None:
    from sklearn import metrics as m
    from sklearn.linear_model import LogisticRegression

    x, y = digits()
    model = LogisticRegression(C=0.5, max_iter=200).fit(x[:300], y[:300])
    run, metrics = logged(root, model, x[300:], y[300:])
    said, proba = model.predict(x[300:]), model.predict_proba(x[300:])
    assert metrics["accuracy"] == m.accuracy_score(y[300:], said) == run["test/accuracy"].value[0]
    assert metrics["f1"] == m.f1_score(y[300:], said, average="macro")
    assert metrics["log_loss"] == pytest.approx(m.log_loss(y[300:], proba))
    assert metrics["roc_auc"] == pytest.approx(m.roc_auc_score(y[300:], proba, multi_class="ovr"))
    assert set(run.series()) == {f"test/{name}" for name in metrics}
    matrix = records(root, Kind.CONFUSION_MATRIX)["test/confusion"]
    assert matrix.labels == [str(digit) for digit in range(10)]
    assert matrix.counts == m.confusion_matrix(y[300:], said).tolist()
    assert sorted(records(root, Kind.PR_CURVE)) == [f"test/pr_curve/{digit}" for digit in range(10)]


def test_parameters_become_config(root: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = digits()
    run, _ = logged(root, LogisticRegression(C=0.5, max_iter=200).fit(x, y), x, y)
    assert run.config["estimator"]["class"] == "LogisticRegression"
    assert (run.config["estimator"]["C"], run.config["estimator"]["max_iter"]) == (0.5, 200)


def test_parameters_of_a_pipeline_are_nested(root: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = two_classes()
    run, metrics = logged(root, make_pipeline(StandardScaler(), LogisticRegression(C=2.0)).fit(x, y), x, y)
    estimator = run.config["estimator"]
    assert estimator["class"] == "Pipeline"
    assert (estimator["standardscaler"]["class"], estimator["standardscaler"]["with_mean"]) == ("StandardScaler", True)
    assert estimator["logisticregression"]["C"] == 2.0
    assert "steps" not in estimator
    assert metrics["roc_auc"] > 0.9
    assert len(table(root, "importance")["feature"]) == 64


def test_two_classes_with_names_have_one_curve_of_the_second(root: Path) -> None:
    from sklearn.metrics import average_precision_score
    from sklearn.svm import LinearSVC

    x, y = two_classes()
    model = LinearSVC().fit(x[:300], y[:300])
    _, metrics = logged(root, model, x[300:], y[300:], name="validation")
    scores = model.decision_function(x[300:])
    assert metrics["average_precision"] == pytest.approx(average_precision_score(y[300:] == "low", scores))
    assert "log_loss" not in metrics, "a decision function gives no probabilities"
    [(tag, curve)] = records(root, Kind.PR_CURVE).items()
    assert (tag, curve.label) == ("validation/pr_curve", "low")
    assert curve.true_positives[0] == (y[300:] == "low").sum()
    assert records(root, Kind.CONFUSION_MATRIX)["validation/confusion"].labels == ["high", "low"]


def test_a_class_that_was_never_trained_is_in_the_matrix(root: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    x, y = digits()
    model = DecisionTreeClassifier(random_state=0).fit(x[y < 3], y[y < 3])
    _, metrics = logged(root, model, x[y < 4], y[y < 4])
    matrix = records(root, Kind.CONFUSION_MATRIX)["test/confusion"]
    assert matrix.labels == ["0", "1", "2", "3"]
    assert sum(matrix.counts[3]) == (y == 3).sum()
    assert sum(row[3] for row in matrix.counts) == 0
    assert 0.5 < metrics["accuracy"] < 1


def test_labels_name_the_classes(root: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    x, y = two_classes()
    logged(root, DecisionTreeClassifier().fit(x, y), x, y, labels=["five and more", "less"])
    assert records(root, Kind.CONFUSION_MATRIX)["test/confusion"].labels == ["five and more", "less"]


def test_a_regressor_has_errors_residuals_and_predictions(root: Path) -> None:
    from sklearn import metrics as m
    from sklearn.linear_model import Ridge

    x, y = digits()
    model = Ridge().fit(x[:300], y[:300])
    run, metrics = logged(root, model, x[300:], y[300:], step=7)
    said = model.predict(x[300:])
    assert metrics["r2"] == pytest.approx(m.r2_score(y[300:], said))
    assert metrics["rmse"] == pytest.approx(np.sqrt(m.mean_squared_error(y[300:], said)))
    assert metrics["max_error"] == pytest.approx(m.max_error(y[300:], said))
    assert run["test/mae"].step.tolist() == [7]
    residuals = records(root, Kind.HISTOGRAM)["test/residuals"]
    assert residuals.count == 100
    assert residuals.mean == pytest.approx((y[300:] - said).mean())
    assert table(root, "test/predictions")["truth"] == y[300:].tolist()


def test_importance_is_sorted_and_named_after_the_columns(root: Path) -> None:
    pandas = pytest.importorskip("pandas")
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(rng.normal(size=(100, 3)), columns=["little", "much", "none"])
    model = RandomForestRegressor(n_estimators=10, random_state=0).fit(frame, 5 * frame["much"] + frame["little"])
    logged(root, model, frame, frame["much"])
    told = table(root, "importance")
    assert told["feature"] == ["much", "little", "none"]
    assert told["importance"] == sorted(model.feature_importances_.tolist(), reverse=True)


def test_a_search_tells_its_candidates_and_the_best(root: Path) -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeClassifier

    x, y = digits()
    grid = [{"max_depth": [2, 8]}, {"criterion": ["entropy"]}]
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=2).fit(x, y)
    run, metrics = logged(root, search, x, y)
    told = table(root, "search")
    assert told["max_depth"] == [2, 8, None]
    assert told["criterion"] == [None, None, "entropy"]
    assert told["mean_test_score"] == search.cv_results_["mean_test_score"].tolist()
    assert run.config["estimator"]["best"]["parameters"] == search.best_params_
    assert run.config["estimator"]["estimator"]["class"] == "DecisionTreeClassifier"
    assert metrics["accuracy"] == search.score(x, y)


def test_curves_of_the_fit_are_scalars_and_do_not_move_the_automatic_step(root: Path) -> None:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    x, y = digits()
    with pytest.warns(ConvergenceWarning):
        model = MLPClassifier((8,), max_iter=5, random_state=0).fit(x, y)
    with cb.init(dir=root, strict=True) as run:
        run.log_estimator(model, x, y)
        run.log({"next": 1.0})
    [found] = list(cb.open(root))
    assert found["fit/loss"].value.tolist() == model.loss_curve_
    assert found["next"].step.tolist() == [1]


def test_a_clustering_is_judged_without_and_with_truth(root: Path) -> None:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    x, y = digits()
    model = KMeans(5, n_init=1, random_state=0).fit(x)
    _, metrics = logged(root, model, x, y)
    assert metrics["clusters"] == 5
    assert metrics["silhouette"] == pytest.approx(silhouette_score(x, model.labels_))
    assert metrics["adjusted_rand"] == adjusted_rand_score(y, model.labels_)
    assert metrics["inertia"] == model.inertia_


def test_outliers_are_counted(root: Path) -> None:
    from sklearn.ensemble import IsolationForest

    x, _ = digits()
    model = IsolationForest(n_estimators=10, random_state=0).fit(x)
    _, metrics = logged(root, model, x)
    assert metrics == {"outliers": np.mean(model.predict(x) < 0)}
    assert records(root, Kind.HISTOGRAM)["test/scores"].count == len(x)


def test_weights_count(root: Path) -> None:
    from sklearn.dummy import DummyClassifier

    x, y = two_classes()
    model = DummyClassifier(strategy="constant", constant="low").fit(x, y)
    _, metrics = logged(root, model, x, y, sample_weight=(y == "low").astype(float))
    assert metrics["accuracy"] == 1.0


def test_several_outputs_at_once(root: Path) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    x, y = digits()
    both = np.stack([y > 4, y % 2 == 0], axis=1)
    _, metrics = logged(root, KNeighborsClassifier().fit(x, both), x, both)
    assert metrics["accuracy"] > 0.8
    assert records(root, Kind.CONFUSION_MATRIX) == {}


def test_an_estimator_that_was_not_fitted_is_a_warning_and_training_goes_on(root: Path) -> None:
    from sklearn.linear_model import Ridge

    x, y = digits()
    with cb.init(dir=root) as run:
        with pytest.warns(CrossboardWarning, match="log_estimator: NotFittedError"):
            assert run.log_estimator(Ridge(), x, y) == {}
        run.log({"a": 1.0})
    assert "a" in next(iter(cb.open(root)))


def test_the_function_and_the_method_are_one(root: Path) -> None:
    from sklearn.linear_model import Ridge

    from crossboard.loggers.sklearn import log_estimator

    x, y = digits()
    model = Ridge().fit(x, y)
    with cb.init(dir=root, strict=True) as run:
        assert log_estimator(run, model, x, y) == run.log_estimator(model, x, y)
