"""Odd inputs for tensors, tables, figures, PR curves, confusion matrices, embeddings, meshes and point clouds.

Rows are as in odd_inputs_kinds1.py: kind, what is odd, what makes (value, options), what is expected, text, what the row needs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossboard as cb

Row = tuple[str, str, Callable[[], tuple[Any, dict[str, Any]]], str, str, str]
ROWS: list[Row] = []
Made = Callable[[], Any]


def row(kind: str, odd: str, make: Made, expected: str, text: str = "", needs: str = "", /, **options: Any) -> None:
    """Options that are functions without arguments are called first."""
    ROWS.append(
        (kind, odd, lambda: (make(), {name: one() if callable(one) else one for name, one in options.items()}), expected, text, needs)
    )


def torch() -> Any:
    import torch as module

    return module


def tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as module

    return module


def huge(*shape: int) -> Any:
    """An array that takes eight bytes of memory, whatever its shape."""
    return np.broadcast_to(np.float64(1), shape)


def ml(name: str, *shape: int) -> Any:
    """Ones of a dtype that NumPy lacks; ml_dtypes comes with TensorFlow."""
    import ml_dtypes

    return np.ones(shape, getattr(ml_dtypes, name))


class Unreadable:
    """A foreign type whose array cannot be had."""

    shape, dtype = (4, 3), "float32"

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("lost device")


class NoText:
    """Something that cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value, value] if isinstance(value, int) else [value]
    return value


def torches(odd: str) -> Any:
    """A torch tensor of shape (4, 3) in an odd state."""
    eye = torch().eye(4, 3)
    return {
        "sparse": eye.to_sparse,
        "meta": lambda: eye.to("meta"),
        "graph": lambda: eye.clone().requires_grad_(),
        "transposed": lambda: torch().eye(3, 4).t(),
        "bfloat16": eye.bfloat16,
        "float8": lambda: eye.to(torch().float8_e4m3fn),
        "quantised": lambda: torch().quantize_per_tensor(eye, 0.5, 0, torch().quint8),
        "complex": lambda: eye + 1j,
        "nested": lambda: torch().nested.nested_tensor([eye, eye[:2]]),
    }[odd]()


NAN = np.full((4, 3), np.nan)

# -------------------------------------------------------------------------------- what every kind of arrays has in common
ARRAYS: list[tuple[str, dict[str, Any], str]] = [
    ("Tensor", {}, "kept"),
    ("Embedding", {}, "said"),
    ("Mesh", {}, "said"),
    ("PointCloud", {}, "said"),
]
for kind, options, with_nan in ARRAYS:
    row(kind, "None", lambda: None, "refused", f"{kind}: want .*got NoneType", **options)
    row(kind, "a string", lambda: "points.ply", "refused", "got str of length 10", **options)
    row(kind, "bytes", lambda: b"\0" * 36, "refused", "got bytes of length 36", **options)
    row(kind, "a dict", lambda: {"a": [1, 2, 3]}, "refused", "got dict", **options)
    row(kind, "a generator", lambda: ([0, 0, 0] for _ in range(2)), "refused", "got generator", **options)
    row(kind, "ragged lists", lambda: [[1, 2, 3], [4, 5]], "refused", "that is no array", **options)
    row(kind, "objects", lambda: np.array([[object()] * 3]), "refused", "(type|dtype) object", **options)
    row(kind, "a masked array", lambda: np.ma.masked_equal(np.eye(3), 0), "refused", r"masked .*; log its filled\(...\)", **options)
    row(kind, "NaN only", lambda: NAN, with_nan, "NaN or infinite as float32", **options)
    row(kind, "far too many numbers", lambda: huge(10**9, 3), "refused", "want at most 268,435,456 numbers, got 3,000,000,000", **options)
    row(kind, "an array that cannot be read", Unreadable, "refused", "lost device", **options)
    row(kind, "every second row, backwards", lambda: np.eye(8, 3)[::-2], "kept", **options)
    row(kind, "big-endian numbers", lambda: np.eye(4, 3).astype(">f4"), "kept", **options)
    row(kind, "bfloat16 of ml_dtypes", lambda: ml("bfloat16", 4, 3), "kept", "", "tensorflow", **options)
    for odd, expected, text in (
        ("sparse", "refused", r"sparse .*to_dense\(\)"),
        ("meta", "refused", "on the meta device, which has no values"),
        ("nested", "refused", r"nested \(ragged\)"),
        ("graph", "kept", ""),
        ("transposed", "kept", ""),
        ("bfloat16", "kept", ""),
        ("float8", "kept", ""),
        ("quantised", "kept", ""),
        ("complex", "kept" if kind == "Tensor" else "refused", "of real numbers, got complex64"),
    ):
        row(kind, f"torch: {odd}", lambda odd=odd: torches(odd), expected, text, "torch", **options)  # type: ignore[misc]
    row(
        kind,
        "tensorflow: ragged",
        lambda: tensorflow().ragged.constant([[1], [2, 3]]),
        "refused",
        "definite shape",
        "tensorflow",
        **options,
    )

# ----------------------------------------------------------------------------------------------------------- tensors
row("Tensor", "an empty list", list, "kept")
row("Tensor", "an empty array", lambda: np.zeros((0, 3)), "kept")
row("Tensor", "one number", lambda: 3, "kept")
row("Tensor", "a structured array", lambda: np.zeros(2, [("a", "i4")]), "refused", "want an array of numbers, or of strings")
row("Tensor", "a list of dicts", lambda: [{"a": 1}], "refused", "want an array of numbers")
row("Tensor", "strings and objects", lambda: ["a", object()], "refused", "with items of type object")
row("Tensor", "ragged lists of strings", lambda: [["a"], "b"], "refused", "its lists differ in length")
row("Tensor", "a number beside strings that is too large", lambda: ["a", 2**70], "refused late", "numbers within 64 bits")
row("Tensor", "half a character", lambda: ["\ud800"], "refused late", "can be written as UTF-8")
row("Tensor", "whole numbers beyond 64 bits", lambda: [2**70], "refused", "want an array of numbers")
row(
    "Tensor",
    "another value of crossboard",
    lambda: cb.Text("a"),
    "refused",
    "got crossboard.loggers.media.texts.Text",
)

# ------------------------------------------------------------------------------------------------------------ tables
row("Table", "None", lambda: None, "refused", "Table: want a DataFrame.*got NoneType")
row("Table", "a path", lambda: "table.csv", "refused", "got str of length 9")
row("Table", "one number", lambda: 3.0, "refused", "got float")
row("Table", "a set", lambda: {1, 2}, "refused", "got set")
row("Table", "a generator", lambda: ([1] for _ in range(2)), "refused", "got generator; make a list of it first")
row("Table", "an object", object, "refused", "got object")
row("Table", "nothing", list, "refused", "at least one column.*give columns= for a table without rows")
row("Table", "nothing, with columns", list, "kept", columns=["a"])
row("Table", "an empty dict", dict, "refused", "at least one column")
row("Table", "three axes", lambda: np.zeros((2, 2, 2)), "refused", r"want an array of shape \(n, k\) or \(n,\), got shape \(2, 2, 2\)")
row("Table", "far too many cells", lambda: huge(10**7, 3), "refused", "want at most 10,000,000 cells, got 10,000,000 rows of 3")
row("Table", "columns of two lengths", lambda: {"a": [1], "b": [1, 2]}, "refused", "want columns of one length, got 'a' 1, 'b' 2")
row("Table", "a column that is one value", lambda: {"a": [1], "b": 2}, "refused", "column 'b': want a list or an array, got int")
row("Table", "a column of pictures", lambda: {"a": np.zeros((2, 8, 8))}, "refused", r"column 'a'.*got shape \(2, 8, 8\); wrap pictures")
row("Table", "rows of two lengths", lambda: [[1, 2], [3]], "refused", "want rows of one length, got 2 cells in row 0 and 1 in row 1")
row("Table", "rows of two forms", lambda: [[1], {"a": 1}], "refused", "row 0 as list of length 1 and row 1 as dict of length 1")
row("Table", "numbers and rows", lambda: [1, [2]], "refused", "want rows that are all alike, got row 0 as int")
row("Table", "too few names", lambda: [[1, 2]], "refused", "columns: want 2 names, one for each column, got 1", columns=["a"])
row("Table", "a name that is not there", lambda: {"a": [1]}, "refused", "columns: want names out of 'a', got 'b'", columns=["b"])
row("Table", "a string as names", lambda: [[1, 2]], "refused", "columns: want a list of names, got str", columns="ab")
row("Table", "a number as names", lambda: [[1, 2]], "refused", "columns: want a list of names, got int", columns=2)
row("Table", "two equal names", lambda: [[1, 2]], "kept", columns=["a", "a"])
row("Table", "names that are numbers", lambda: {1: [1], None: [2]}, "kept")
row(
    "Table",
    "cells of two types",
    lambda: {"a": [1, "x"]},
    "said",
    r"column 'a': cells of no common type.*\(int, str\) are kept as their text",
)
row("Table", "cells of a foreign type", lambda: {"a": [object()]}, "said", "cells of type builtins.object are kept as their text")
row("Table", "cells that have no text", lambda: {"a": [NoText()]}, "said", "NoText are kept as their text")
row("Table", "complex numbers", lambda: np.ones((2, 1)) * 1j, "said", "complex")
row("Table", "NaN only", lambda: NAN, "kept")
row("Table", "bfloat16 of ml_dtypes", lambda: ml("bfloat16", 4, 3), "kept", "", "tensorflow")
row("Table", "a masked array", lambda: np.ma.masked_equal(np.eye(3), 0), "refused", "masked")
row("Table", "objects", lambda: np.array([[1, "a"], [2, None]], dtype=object), "kept")
row(
    "Table",
    "a file that is not there in a cell",
    lambda: [[cb.Image("no.png")]],
    "said",
    "row 0: Image: .*left empty",
)
row("Table", "a picture as an array in a cell", lambda: [[np.zeros((99, 99))]], "said", "4,096 numbers in a cell.*crossboard.Image")
row("Table", "a table in a cell", lambda: [[cb.Table([1])]], "said", "in a cell, got a table; the cell is left empty")
row("Table", "cells nested very deep", lambda: {"a": [deep(40)]}, "said", "kept as their text")
row(
    "Table",
    "polars: a lazy frame",
    lambda: pytest.importorskip("polars").LazyFrame({"a": [1]}),
    "refused",
    r"polars LazyFrame; call its collect\(\) first",
)
row("Table", "torch: sparse", lambda: torches("sparse"), "refused", "sparse", "torch")
row("Table", "torch: on the graph", lambda: torches("graph"), "kept", "", "torch")
row("Table", "torch: meta tensor in a cell", lambda: [["a", torches("meta")]], "said", "row 0: .*meta device.*left empty", "torch")
row("Table", "torch: float8", lambda: torches("float8"), "kept", "", "torch")

# ----------------------------------------------------------------------------------------------------------- figures
row("Figure", "None", lambda: None, "refused", "Figure: want a Plotly figure.*got NoneType")
row("Figure", "a number", lambda: 3, "refused", "got int")
row("Figure", "an array", lambda: np.zeros((8, 8)), "refused", "got numpy.ndarray")
row("Figure", "an empty list", list, "refused", "got list of length 0")
row("Figure", "a dict without data", lambda: {"layout": {}}, "refused", "got dict")
row("Figure", "data that is a number", lambda: {"data": 3}, "refused", "whose data is no list of traces")
row("Figure", "traces that are strings", lambda: {"data": ["scatter"]}, "refused", "whose data is no list of traces")
row("Figure", "a layout that is a list", lambda: {"data": [], "layout": [1]}, "refused", "whose layout is no dict")
row("Figure", "a path", lambda: "figure.json", "refused", "that is no JSON object")
row("Figure", "JSON that ends early", lambda: '{"data": [', "refused late", "JSON that cannot be read")
row("Figure", "JSON of something else", lambda: '{"a": 1}', "refused late", "whose data is no list of traces")
row("Figure", "bytes of JSON", lambda: b'{"data": []}', "kept")
row(
    "Figure",
    "an object in a trace",
    lambda: [{"y": [object()]}],
    "refused",
    r"data\[0\]\.y\[0\]: want numbers, texts and times, got object",
)
row("Figure", "complex numbers in a trace", lambda: [{"y": np.ones(3) * 1j}], "refused", r"data\[0\]\.y: want real numbers, got complex128")
row("Figure", "durations in a trace", lambda: [{"y": np.zeros(3, "m8[s]")}], "refused", "got durations; give them as numbers")
row("Figure", "nested very deep", lambda: [{"y": deep(200)}], "refused", "nested more than 100 times at data")
row(
    "Figure",
    "a picture from elsewhere",
    lambda: {"data": [], "layout": {"images": [{"source": "http://e.example"}]}},
    "said",
    "1 address removed",
)
row("Figure", "names that are numbers", lambda: [{1: 2}], "kept")
row("Figure", "bfloat16 of ml_dtypes", lambda: [{"y": ml("bfloat16", 20)}], "kept", "", "tensorflow")
row("Figure", "torch: sparse", lambda: [{"z": torches("sparse")}], "refused", r"data\[0\]\.z: .*sparse", "torch")

# --------------------------------------------------------------------------------------------------------- PR curves
HALF = [0, 1, 1, 0]
row("PRCurve", "None", lambda: None, "refused", "want labels that are 0 or 1, got NoneType", scores=[0.5])
row("PRCurve", "no examples", list, "refused", r"got shape \(0,\)", scores=[])
row("PRCurve", "strings as labels", lambda: ["a", "b"], "refused", "want labels that are 0 or 1", scores=[0.1, 0.2])
row(
    "PRCurve",
    "scores of another shape",
    lambda: HALF,
    "refused",
    r"scores of the labels' shape \(4,\), got shape \(3,\)",
    scores=[0.1, 0.2, 0.3],
)
row("PRCurve", "complex scores", lambda: [1], "refused", "of real numbers, got complex128", scores=[1j])
row(
    "PRCurve",
    "labels of three classes",
    lambda: [0, 1, 2],
    "refused late",
    "labels that are 0 or 1, got 2; compare first",
    scores=[0.1, 0.2, 0.3],
)
row("PRCurve", "labels of -1 and 1", lambda: [-1, 1], "refused late", "labels that are 0 or 1, got -1", scores=[0.1, 0.2])
row("PRCurve", "labels that are NaN", lambda: [np.nan, 1], "refused late", "labels that are 0 or 1, got nan", scores=[0.1, 0.2])
row("PRCurve", "logits", lambda: HALF, "refused late", r"want scores within 0\.\.1, got -3 to 5; turn logits", scores=[-3.0, 5.0, 1.0, 0.0])
row("PRCurve", "infinite scores", lambda: [0, 1], "refused late", r"within 0\.\.1, got 0 to inf", scores=[0.0, np.inf])
row("PRCurve", "NaN only", lambda: [0, 1], "refused late", "2 scores that are all NaN", scores=[np.nan, np.nan])
row("PRCurve", "a NaN", lambda: [0, 1], "said", "1 of 2 scores are NaN", scores=[np.nan, 0.5])
row("PRCurve", "only one class", lambda: [1, 1], "kept", scores=[0.1, 0.5])
row("PRCurve", "one threshold", lambda: HALF, "refused", "thresholds: want a whole number, 2 to 10,000, got 1", scores=HALF, thresholds=1)
row("PRCurve", "half a threshold", lambda: HALF, "refused", "thresholds: want a whole number", scores=HALF, thresholds=2.5)
row(
    "PRCurve",
    "thresholds in words",
    lambda: HALF,
    "refused",
    "want a list of 1 to 10,000 thresholds, got str",
    scores=HALF,
    thresholds="all",
)
row(
    "PRCurve",
    "no thresholds",
    lambda: HALF,
    "refused",
    "thresholds: want a number of them or a list, got NoneType",
    scores=HALF,
    thresholds=None,
)
row("PRCurve", "thresholds downwards", lambda: HALF, "refused", "thresholds: want them ascending", scores=HALF, thresholds=[0.9, 0.1])
row(
    "PRCurve",
    "weights of another shape",
    lambda: HALF,
    "refused",
    r"weights that fit the shape \(4,\), got shape \(3,\)",
    scores=HALF,
    weights=[1, 2, 3],
)
row("PRCurve", "weights below 0", lambda: HALF, "refused late", "weights that are finite and not negative", scores=HALF, weights=-1.0)
row("PRCurve", "a label that is a number", lambda: HALF, "kept", scores=HALF, label=3)
row("PRCurve", "torch: bfloat16 scores", lambda: HALF, "kept", "", "torch", scores=lambda: torch().tensor([0.1, 0.9, 0.5, 0.2]).bfloat16())

# ------------------------------------------------------------------------------------------------ confusion matrices
row(
    "ConfusionMatrix", "None", lambda: None, "refused", r"want truth of shape \(n,\): class numbers or names, got NoneType", predictions=[0]
)
row("ConfusionMatrix", "no examples", list, "refused", r"got shape \(0,\)", predictions=[])
row("ConfusionMatrix", "fewer predictions", lambda: [0, 1], "refused", "as many predictions as examples, got 2 and 1", predictions=[0])
row(
    "ConfusionMatrix",
    "one-hot rows as truth",
    lambda: np.eye(3),
    "refused",
    r"from one-hot rows: truth.argmax\(-1\)",
    predictions=[0, 1, 2],
)
row(
    "ConfusionMatrix",
    "maps of classes",
    lambda: np.zeros((2, 4, 4)),
    "refused",
    r"got shape \(2, 4, 4\)",
    predictions=lambda: np.zeros((2, 4, 4)),
)
row("ConfusionMatrix", "names and numbers", lambda: ["a", "b"], "refused", "class numbers in both or names in both", predictions=[0, 1])
row("ConfusionMatrix", "names and a number in one list", lambda: ["a", 1], "refused", "whose items are no numbers", predictions=["a", "b"])
row(
    "ConfusionMatrix",
    "an ignored class",
    lambda: [0, -100],
    "refused late",
    "truth: want class numbers from 0, got -100",
    predictions=[0, 1],
)
row(
    "ConfusionMatrix",
    "probabilities of one class",
    lambda: [0, 1],
    "refused late",
    "compared with a threshold first",
    predictions=[0.2, 0.8],
)
row("ConfusionMatrix", "truth that is NaN", lambda: [0.0, np.nan], "refused late", "truth: want whole numbers, got nan", predictions=[0, 1])
row(
    "ConfusionMatrix",
    "a class beyond the labels",
    lambda: [0, 2],
    "refused late",
    "truth: want classes below 2.*got 2",
    predictions=[0, 1],
    labels=["a", "b"],
)
row("ConfusionMatrix", "scores beyond the labels", lambda: [0], "refused late", "below 2", predictions=[[0.1, 0.2, 0.7]], labels=["a", "b"])
row(
    "ConfusionMatrix",
    "a name beyond the labels",
    lambda: ["a"],
    "refused late",
    "names that are in labels, got 1 other, such as 'c'",
    predictions=["c"],
    labels=["a"],
)
row(
    "ConfusionMatrix",
    "a class number of millions",
    lambda: [10**6],
    "refused late",
    "at most 1,000 classes, got class number 1,000,000",
    predictions=[0],
)
row(
    "ConfusionMatrix",
    "scores of 2,000 classes",
    lambda: [0],
    "refused",
    "at most 1,000 classes, got scores of 2,000",
    predictions=lambda: np.zeros((1, 2000)),
)
row("ConfusionMatrix", "a string as labels", lambda: [0], "refused", "labels: want a list of names, got str", predictions=[0], labels="ab")
row(
    "ConfusionMatrix",
    "a name twice",
    lambda: [0],
    "refused",
    "labels: want each name once, got 'a' 2 times",
    predictions=[0],
    labels=["a", "a"],
)
row("ConfusionMatrix", "complex scores", lambda: [0], "refused", "of real numbers, got complex128", predictions=[[1j, 2j]])
row("ConfusionMatrix", "a NaN among the scores", lambda: [0, 0], "said", "1 of 2 examples have NaN", predictions=[[np.nan, 1], [0, 1]])
row("ConfusionMatrix", "whole floats", lambda: [0.0, 1.0], "kept", predictions=[1.0, 1.0])
row("ConfusionMatrix", "torch: on the graph", lambda: [0, 1], "kept", "", "torch", predictions=lambda: torch().eye(2).requires_grad_())
row(
    "",
    "counts of a matrix that is not square",
    lambda: cb.ConfusionMatrix.from_counts([[1, 2]]),
    "refused",
    r"got shape \(1, 2\)",
)
row("", "counts below 0", lambda: cb.ConfusionMatrix.from_counts([[-1]]), "refused late", "finite and not negative")
row(
    "",
    "counts of two lengths",
    lambda: cb.PRCurve.from_counts([1, 0], [1, 0], [1], [0, 0]),
    "refused",
    "four lists of counts",
)

# -------------------------------------------------------------------------------------------------------- embeddings
EYE = np.eye(3)
row("Embedding", "one axis", lambda: [1.0, 2.0], "refused", r"want vectors of shape \(n, d\), got shape \(2,\)")
row("Embedding", "no vectors", lambda: np.zeros((0, 4)), "refused", r"got shape \(0, 4\)")
row("Embedding", "vectors of no dimension", lambda: np.zeros((4, 0)), "refused", r"got shape \(4, 0\)")
row("Embedding", "too little metadata", lambda: EYE, "refused", "metadata: want 3 rows, one for each vector, got 2", metadata=["a", "b"])
row("Embedding", "metadata that is a string", lambda: EYE, "refused", "metadata: want a DataFrame.*got str", metadata="abc")
row(
    "Embedding",
    "metadata of two types",
    lambda: EYE,
    "said",
    "Embedding: metadata: column 'label': cells of no common type",
    metadata=["a", 1, None],
)
row(
    "Embedding",
    "media as metadata",
    lambda: EYE,
    "refused",
    "metadata: want cells without media",
    metadata=lambda: [cb.Text("a")] * 3,
)
row(
    "Embedding",
    "too few images",
    lambda: EYE,
    "refused",
    r"images: want images: 3 images|images: 3 images.*got shape \(2, 8, 8\)",
    images=lambda: np.zeros((2, 8, 8)),
)
row(
    "Embedding",
    "images of two sizes",
    lambda: EYE,
    "refused",
    "images: 3 images of one size",
    images=lambda: [np.zeros((n, 8)) for n in (8, 8, 9)],
)
row(
    "Embedding",
    "images of five channels",
    lambda: EYE,
    "refused",
    "want 1, 3 or 4 channels first or last",
    images=lambda: np.zeros((3, 5, 8, 8)),
)
row(
    "Embedding",
    "images far outside 0..1",
    lambda: EYE,
    "said",
    r"want floats in 0\.\.1, got 0\.\.200",
    images=lambda: np.linspace(0, 200, 192).reshape(3, 8, 8),
)
row("Embedding", "images that are a path", lambda: EYE, "refused", "images: 3 images.*got str", images="sprite.png")

# ------------------------------------------------------------------------------------------- meshes and point clouds
CORNERS = np.eye(3)
row("Mesh", "two coordinates", lambda: np.zeros((4, 2)), "refused", r"want vertices of shape \(n, 3\), got shape \(4, 2\)")
row("Mesh", "no vertices", lambda: np.zeros((0, 3)), "refused", r"got shape \(0, 3\)")
row("Mesh", "four axes", lambda: np.zeros((1, 1, 4, 3)), "refused", r"got shape \(1, 1, 4, 3\)")
row("Mesh", "an empty batch", lambda: np.zeros((0, 4, 3)), "refused", r"got shape \(0, 4, 3\)")
row("Mesh", "a batch of two", lambda: np.zeros((2, 4, 3)), "said", "a batch of 2, the first is kept")
row(
    "Mesh",
    "faces of four corners",
    lambda: CORNERS,
    "refused",
    r"faces of shape \(m, 3\), triangles, got shape \(1, 4\)",
    faces=[[0, 1, 2, 0]],
)
row(
    "Mesh", "faces beyond the vertices", lambda: CORNERS, "refused late", "faces with numbers of vertices, 0 to 2, got 3", faces=[[0, 1, 3]]
)
row("Mesh", "faces below 0", lambda: CORNERS, "refused late", "0 to 2, got -1", faces=[[0, 1, -1]])
row("Mesh", "faces between vertices", lambda: CORNERS, "refused late", "faces: want whole numbers, got 0.5", faces=[[0, 1, 0.5]])
row(
    "Mesh",
    "too few colors",
    lambda: CORNERS,
    "refused",
    r"colors of shape \(3, 3\) or \(3, 4\), one for each vertex, got shape \(2, 3\)",
    colors=lambda: np.zeros((2, 3)),
)
row("Mesh", "colors outside 0..255", lambda: CORNERS, "said", r"colors within 0\.\.255, got -4 to 300; clipped", colors=[[-4, 0, 300]] * 3)
row("Mesh", "colors with NaN", lambda: CORNERS, "said", "and NaN; clipped", colors=[[np.nan, 0, 0.5]] * 3)
row("Mesh", "colors in words", lambda: CORNERS, "refused", "want colors of shape", colors=["red", "green", "blue"])
row("Mesh", "colors that can be seen through", lambda: CORNERS, "said", "the alpha of colors is not kept", colors=[[0, 0, 0, 128]] * 3)
row("Mesh", "a config that is a string", lambda: CORNERS, "refused", "config: want a dict, got str", config="camera")
row("Mesh", "an object in the config", lambda: CORNERS, "refused", "config: want what JSON can hold", config={"camera": Unreadable()})
row("PointCloud", "five numbers a point", lambda: np.zeros((4, 5)), "refused", r"points of shape \(n, 3\) or \(n, 6\), got shape \(4, 5\)")
row(
    "PointCloud",
    "colors twice",
    lambda: np.zeros((4, 6)),
    "refused",
    "got both colors and points of shape",
    colors=lambda: np.zeros((4, 3)),
)
row("PointCloud", "one axis", lambda: [0.0, 1.0, 2.0], "refused", r"got shape \(3,\)")
row("PointCloud", "numbers beyond float32", lambda: [[1e300, 0.0, 0.0]], "said", "1 of 1 vertex are NaN or infinite as float32")
