"""scikit-learn into a run: what an estimator is, and how it does on data, with one call.

    model.fit(x_train, y_train)
    log_estimator(run, model, x_test, y_test)        # or run.log_estimator(model, x_test, y_test)

Works for whatever follows scikit-learn's conventions: pipelines, searches, and estimators of other packages (XGBoost, LightGBM).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .media.classification import ConfusionMatrix, PRCurve
from .media.histograms import Histogram
from .media.tables import Table
from .run import Run

Array = NDArray[Any]

MOST_CURVES: Final = 20
"""Precision-recall curves are logged for at most so many classes."""
MOST_CLASSES: Final = 1000
"""Above it there is no confusion matrix, and no curve."""
MOST_ROWS: Final = 1000
"""Of tables of examples and of features."""
MOST_COMPARED: Final = 10_000
"""Examples that are compared with one another in the scores of clusterings."""


def log_estimator(
    run: Run,
    estimator: Any,
    x: Any,
    y: Any = None,
    *,
    name: str = "test",
    step: int | None = None,
    labels: Sequence[Any] | None = None,
    features: Sequence[str] | None = None,
    sample_weight: Any = None,
) -> dict[str, float]:
    """Log a fitted estimator and how it does on data.

    Args:
        run: where to.
        estimator: fitted; a classifier, regressor, clustering or outlier detector, a pipeline or search around one.
        x: data, shape (n, features), as its ``predict`` takes it.
        y: what is wanted, shape (n,) or (n, outputs); may be None for clusterings and outlier detectors.
        name: what the data are, before the "/" of every tag about them.
        step: as in `Run.log`; by default all lies at one step.
        labels: names of the classes, in the order of ``classes_``.
        features: names of the features; default: those that it was fitted with.
        sample_weight: weights of the examples, shape (n,), for the metrics.

    Returns:
        The metrics, without `name` before them: {"accuracy": 0.97, ...}. Empty when it failed; that is warned of.

    Logged:
        config          ``estimator``: the class, and all parameters, nested as in the pipeline
        <name>/...      metrics; classifiers: accuracy, balanced_accuracy, precision, recall, f1 (macro), log_loss, roc_auc,
                        average_precision; regressors: r2, mae, rmse, median_error, max_error; clusterings: silhouette ..., and
                        against `y` adjusted_rand, v_measure
        <name>/confusion, <name>/pr_curve[/<class>]    of classifiers; scores of a decision function are scaled to 0..1
        <name>/residuals, <name>/predictions           of regressors: a histogram, and a table of the first 1,000
        importance      table of features, by ``feature_importances_`` or ``coef_``
        search          table of the candidates of a search, with what was best in the config
        fit/...         curves that the estimator kept while it was fitted (loss of each iteration)
    """
    metrics: dict[str, float] = {}
    with run._harmless("log_estimator"):
        at = run._next if step is None else step
        run.config.update({"estimator": _description(estimator)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # metrics warn of classes that never occur; the numbers stand as they are
            metrics, found = _judged(estimator, x, y, labels, sample_weight)
        before = f"{name}/" if name else ""
        run.log({**{f"{before}{tag}": value for tag, value in {**metrics, **found}.items()}, **_tables(estimator, features)}, at)
        following = run._next
        for tag, curve in _curves(estimator).items():
            for iteration, value in enumerate(curve):
                run.log({f"fit/{tag}": value}, iteration)
        run._next = following  # iterations of a fit are no steps of the program
    return metrics


def _judged(estimator: Any, x: Any, y: Any, labels: Sequence[Any] | None, weight: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """The metrics, and what else is to be logged about the data."""
    kind = _kind(estimator)
    if kind == "classifier" and y is not None:
        return _classifier(estimator, x, y, labels, weight)
    if kind == "regressor" and y is not None:
        return _regressor(estimator, x, y, weight)
    if kind == "clusterer":
        return _clusterer(estimator, x, y), {}
    if kind == "outlier_detector":
        outliers = float(np.mean(np.asarray(estimator.predict(x)) < 0))
        return {"outliers": outliers}, {"scores": Histogram(np.asarray(estimator.score_samples(x)))}
    if y is not None and hasattr(estimator, "score"):
        return {"score": float(estimator.score(x, y))}, {}
    return {}, {}


# ------------------------------------------------------------------------------------------------------- what it is


def _last(estimator: Any) -> Any:
    """The estimator at the end of searches and pipelines."""
    for _ in range(20):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps") and estimator.steps:
            estimator = estimator.steps[-1][1]
        else:
            break
    return estimator


def _kind(estimator: Any) -> str:
    from sklearn import base

    for kind in ("classifier", "regressor", "clusterer", "outlier_detector"):
        test: Callable[[Any], bool] | None = getattr(base, f"is_{kind}", None)
        if test is not None and test(estimator):
            return kind
        if getattr(_last(estimator), "_estimator_type", None) == kind:  # how it was said before scikit-learn 1.6
            return kind
    return ""


def _description(estimator: Any) -> dict[str, Any]:
    """Class and parameters; those of parts ("step__parameter") are nested."""
    made: dict[str, Any] = {"class": type(estimator).__name__}
    if not hasattr(estimator, "get_params"):
        return made
    parameters = estimator.get_params(deep=True)
    for key in sorted(parameters):
        *path, last = key.split("__")
        place = made
        for part in path:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = place[part] = {"class": type(parameters.get(part, inner)).__name__} if part in parameters else {}
            place = inner
        value = parameters[key]
        if hasattr(value, "get_params"):
            place.setdefault(last, {"class": type(value).__name__})
        elif last not in ("steps", "transformers", "estimators", "transformer_list"):  # those stand there by name
            place[last] = value
    if hasattr(estimator, "best_params_"):
        made["best"] = {"parameters": dict(estimator.best_params_), "score": float(getattr(estimator, "best_score_", np.nan))}
    return made


# ------------------------------------------------------------------------------------------------------ how it does


def _classifier(estimator: Any, x: Any, y: Any, labels: Sequence[Any] | None, weight: Any) -> tuple[dict[str, float], dict[str, Any]]:
    from sklearn import metrics as m

    truth = np.asarray(y)
    called = np.asarray(estimator.predict(x))
    if truth.ndim == 2 and truth.shape[1] == 1:
        truth, called = truth[:, 0], called.reshape(-1)
    several = truth.ndim == 2
    metrics = {"accuracy": float(m.accuracy_score(truth, called, sample_weight=weight))}
    if not several:
        metrics["balanced_accuracy"] = float(m.balanced_accuracy_score(truth, called, sample_weight=weight))
    for name, number in zip(
        ("precision", "recall", "f1"),
        m.precision_recall_fscore_support(truth, called, average="macro", sample_weight=weight, zero_division=0),
        strict=False,
    ):
        metrics[name] = float(number)
    if several:
        return metrics, {}
    classes = np.asarray(getattr(estimator, "classes_", np.unique(np.concatenate([truth, called]))))
    unknown = np.setdiff1d(truth, classes)
    names = [str(one) for one in (labels if labels is not None else classes)]
    if len(unknown) and labels is None:
        names += [str(one) for one in unknown]
    every = np.concatenate([classes, unknown])
    found: dict[str, Any] = {}
    if len(every) <= MOST_CLASSES:
        order = np.argsort(every, kind="stable")
        rows, columns = (order[np.searchsorted(every[order], one)] for one in (truth, called))
        found["confusion"] = ConfusionMatrix(rows, columns, labels=names)
    scores, are_probabilities = _scores(estimator, x)
    if scores is None or scores.shape[1] != len(classes) or len(unknown):
        return metrics, found
    if are_probabilities:
        _add(metrics, "log_loss", lambda: m.log_loss(truth, scores, labels=classes, sample_weight=weight))
    if len(classes) == 2:
        hit = truth == classes[1]
        _add(metrics, "roc_auc", lambda: m.roc_auc_score(hit, scores[:, 1], sample_weight=weight))
        _add(metrics, "average_precision", lambda: m.average_precision_score(hit, scores[:, 1], sample_weight=weight))
    elif are_probabilities:
        _add(
            metrics,
            "roc_auc",
            lambda: m.roc_auc_score(truth, scores, multi_class="ovr", average="macro", labels=classes, sample_weight=weight),
        )
        hits = truth[:, None] == classes
        _add(metrics, "average_precision", lambda: m.average_precision_score(hits, scores, average="macro", sample_weight=weight))
    shown = range(1, 2) if len(classes) == 2 else range(len(classes) if len(classes) <= MOST_CURVES else 0)
    for number in shown:
        tag = "pr_curve" if len(classes) == 2 else f"pr_curve/{names[number]}"
        found[tag] = PRCurve(truth == classes[number], _to_unit(scores[:, number]), weights=weight, label=names[number])
    return metrics, found


def _scores(estimator: Any, x: Any) -> tuple[Array | None, bool]:
    """A score for each example and class, and whether they are probabilities."""
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            scores = np.asarray(getattr(estimator, method)(x), np.float64)
            if scores.ndim == 1:
                scores = np.stack([-scores, scores], axis=1)
            return scores, method == "predict_proba"
    return None, False


def _to_unit(scores: Array) -> Array:
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 1:
        return scores
    return (scores - low) / (high - low) if high > low else np.full_like(scores, 0.5)


def _regressor(estimator: Any, x: Any, y: Any, weight: Any) -> tuple[dict[str, float], dict[str, Any]]:
    from sklearn import metrics as m

    truth = np.asarray(y, np.float64)
    said = np.asarray(estimator.predict(x), np.float64).reshape(truth.shape)
    metrics = {
        "r2": float(m.r2_score(truth, said, sample_weight=weight)),
        "mae": float(m.mean_absolute_error(truth, said, sample_weight=weight)),
        "rmse": float(np.sqrt(m.mean_squared_error(truth, said, sample_weight=weight))),
        "median_error": float(m.median_absolute_error(truth, said)),
        "max_error": float(np.abs(truth - said).max()),
    }
    rows = {"truth": truth[:MOST_ROWS].tolist(), "prediction": said[:MOST_ROWS].tolist()}
    return metrics, {"residuals": Histogram(truth - said), "predictions": Table(rows)}


def _clusterer(estimator: Any, x: Any, y: Any) -> dict[str, float]:
    from sklearn import metrics as m

    found = np.asarray(estimator.predict(x) if hasattr(estimator, "predict") else _last(estimator).labels_)
    metrics = {"clusters": float(len(np.unique(found[found >= 0]))), "noise": float(np.mean(found < 0))}
    if hasattr(_last(estimator), "inertia_"):
        metrics["inertia"] = float(_last(estimator).inertia_)
    kept = np.flatnonzero(found >= 0)
    if hasattr(x, "shape") and len(found) == x.shape[0]:
        rows = x.iloc[kept] if hasattr(x, "iloc") else x[kept]
        _add(
            metrics,
            "silhouette",
            lambda: m.silhouette_score(rows, found[kept], sample_size=min(len(kept), MOST_COMPARED), random_state=0),
        )
        for tag, score in (("calinski_harabasz", m.calinski_harabasz_score), ("davies_bouldin", m.davies_bouldin_score)):
            _add(metrics, tag, lambda score=score: score(rows, found[kept]))  # type: ignore[misc]
    if y is not None:
        _add(metrics, "adjusted_rand", lambda: m.adjusted_rand_score(y, found))
        _add(metrics, "v_measure", lambda: m.v_measure_score(y, found))
    return metrics


def _add(metrics: dict[str, float], name: str, compute: Callable[[], Any]) -> None:
    """Compute a metric that is not defined for all data (one class only, sparse rows); left out where it is not."""
    try:
        value = float(compute())
    except (ValueError, TypeError):
        return
    if not np.isnan(value):
        metrics[name] = value


# ---------------------------------------------------------------------------------------------- what it has learned


def _tables(estimator: Any, features: Sequence[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    importance = _importance(estimator, features)
    if importance is not None:
        found["importance"] = Table(importance)
    results = getattr(estimator, "cv_results_", None)
    if isinstance(results, Mapping) and "params" in results:
        columns: dict[str, list[Any]] = {}
        for key, values in results.items():
            if key.startswith(("param_", "mean_", "std_", "rank_")):
                columns[key.removeprefix("param_")] = [_cell(value) for value in values]
        found["search"] = Table(columns)
    return found


def _cell(value: Any) -> Any:
    if value is np.ma.masked:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _importance(estimator: Any, features: Sequence[str] | None) -> dict[str, list[Any]] | None:
    """Features and their importance, the largest first."""
    last = _last(estimator)
    weights, what = getattr(last, "feature_importances_", None), "importance"
    if weights is None:
        weights, what = getattr(last, "coef_", None), "coefficient"
    if weights is None or hasattr(weights, "tocsr"):
        return None
    array = np.asarray(weights, np.float64)
    sizes = np.abs(array).reshape(-1, array.shape[-1]).mean(axis=0) if array.ndim else array.reshape(1)
    names = [str(one) for one in features] if features is not None else _names_in(estimator, last)
    if len(names) != len(sizes):
        names = [f"x{number}" for number in range(len(sizes))]
    order = np.argsort(-sizes, kind="stable")[:MOST_ROWS]
    signed = array.reshape(-1) if array.size == len(sizes) else sizes
    return {"feature": [names[number] for number in order], what: [float(signed[number]) for number in order]}


def _names_in(estimator: Any, last: Any) -> list[str]:
    """Names of the features that the last estimator was fitted with."""
    whole = getattr(estimator, "best_estimator_", estimator)
    if whole is not last and hasattr(whole, "steps"):
        try:
            return [str(one) for one in whole[:-1].get_feature_names_out()]
        except (AttributeError, ValueError, NotImplementedError):
            return []
    return [str(one) for one in getattr(last, "feature_names_in_", ())]


def _curves(estimator: Any) -> dict[str, list[float]]:
    last = _last(estimator)
    found = {}
    for attribute, tag in (
        ("loss_curve_", "loss"),
        ("validation_scores_", "validation_score"),
        ("train_score_", "train_score"),
        ("validation_score_", "validation_score"),
    ):
        curve = getattr(last, attribute, None)
        if curve is not None and np.ndim(curve) == 1 and len(curve):
            found[tag] = [float(value) for value in curve]
    return found
