"""Meshes, point clouds and embeddings: coordinates, colors, what is known of each point, and the pictures drawn for them."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import crossboard as cb
from crossboard.store.kinds import Kind
from crossboard.store.records import InFile

Kept = import_module("reading_back").Kept


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    return Kept(tmp_path / "runs")


SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.5]])
TRIANGLES = [[0, 1, 2], [0, 2, 3]]


def vertices(kept: Any, record: Any) -> list[list[float]]:
    found: list[list[float]] = kept.array(record.vertices, "<f4", record.vertex_count, 3).tolist()
    return found


def colors(kept: Any, record: Any) -> list[list[int]]:
    found: list[list[int]] = kept.array(record.colors, "u1", record.vertex_count, 3).tolist()
    return found


# ---------------------------------------------------------------------------------------------------------- meshes


def test_a_mesh_comes_back(kept: Any) -> None:
    config = {"camera": {"cls": "PerspectiveCamera", "fov": 75}, "lights": [{"color": "#fff"}]}
    record = kept.log(cb.Mesh(SQUARE, TRIANGLES, colors=[[255, 0, 0]] * 4, config=config)).one(Kind.MESH)
    assert vertices(kept, record) == SQUARE.tolist()
    assert record.face_count == 2
    assert kept.array(record.faces, "<i4", 2, 3).tolist() == TRIANGLES
    assert colors(kept, record) == [[255, 0, 0]] * 4
    assert record.config == config


def test_a_point_cloud_comes_back(kept: Any) -> None:
    record = kept.log(cb.PointCloud(SQUARE)).one(Kind.MESH)
    assert vertices(kept, record) == SQUARE.tolist()
    assert (record.vertex_count, record.faces, record.face_count, record.colors) == (4, None, 0, None)


def test_points_of_six_numbers_bring_their_colors(kept: Any) -> None:
    record = kept.log(cb.PointCloud(np.hstack([SQUARE, SQUARE]))).one(Kind.MESH)
    assert vertices(kept, record) == SQUARE.tolist()
    assert colors(kept, record) == [[0, 0, 0], [255, 0, 0], [255, 255, 0], [0, 255, 128]]


@given(
    st.lists(
        hnp.arrays(
            np.float32, st.tuples(st.integers(1, 30), st.just(3)), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=20, deadline=None)
def test_any_finite_points_come_back_exactly(clouds: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as root:
        kept = Kept(Path(root)).log(*map(cb.PointCloud, clouds))
        assert kept.said == []
        assert [vertices(kept, record) for record in kept.all(Kind.MESH)] == [cloud.tolist() for cloud in clouds]


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (np.array([[0, 0.5, 1]] * 4), [0, 128, 255]),
        (np.array([[0.0, 128.0, 255.0]] * 4), [0, 128, 255]),
        (np.array([[1, 0, 1]] * 4), [1, 0, 1]),
        (np.array([[1, 128, 255]] * 4, np.uint8), [1, 128, 255]),
        (np.array([[True, False, True]] * 4), [255, 0, 255]),
        (np.array([[10, 20, 30, 255]] * 4), [10, 20, 30]),
        (np.array([[0.2, 0.4, 0.6, 1.0]] * 4), [51, 102, 153]),
    ],
)
def test_colors_are_bytes_by_the_rule_of_their_type(kept: Any, given: Any, want: list[int]) -> None:
    record = kept.log(cb.Mesh(SQUARE, colors=given)).one(Kind.MESH)
    assert colors(kept, record) == [want] * 4


@pytest.mark.parametrize(
    ("given", "want", "said"),
    [
        ([[300, 0, -5]] * 4, [255, 0, 0], "Mesh: want colors within 0..255, got -5 to 300; clipped"),
        ([[-0.5, 1.0, 0.0]] * 4, [0, 255, 0], "Mesh: want colors within 0..1, got -0.5 to 1; clipped"),
        ([[np.nan, 1.0, 0.0]] * 4, [0, 255, 0], "Mesh: want colors within 0..1, got 0 to 1 and NaN; clipped"),
        ([[0.0, 1.0, 0.0, 0.5]] * 4, [0, 255, 0], "Mesh: the alpha of colors is not kept; the shape is drawn opaque"),
    ],
)
def test_colors_that_change_are_said(kept: Any, given: Any, want: list[int], said: str) -> None:
    kept.log(cb.Mesh(SQUARE, colors=given))
    assert kept.said == [f"log: 'it': {said}"]
    assert colors(kept, kept.all(Kind.MESH)[0]) == [want] * 4


def test_a_batch_of_one_is_that_one(kept: Any) -> None:
    record = kept.log(cb.Mesh(SQUARE[None], np.array([TRIANGLES], np.float32), np.zeros((1, 4, 3), np.uint8))).one(Kind.MESH)
    assert vertices(kept, record) == SQUARE.tolist()
    assert kept.array(record.faces, "<i4", 2, 3).tolist() == TRIANGLES


def test_of_a_batch_of_several_the_first_is_kept_and_said(kept: Any) -> None:
    kept.log(cb.Mesh(np.stack([SQUARE, SQUARE + 1]), [TRIANGLES] * 2))
    assert len(kept.said) == 1
    assert "Mesh: got a batch of 2, the first is kept; log each under a tag of its own: crossboard.Mesh.batch(...)" in kept.said[0]
    assert vertices(kept, kept.all(Kind.MESH)[0]) == SQUARE.tolist()


def test_a_batch_can_be_logged_item_by_item(kept: Any) -> None:
    kept.log(*cb.Mesh.batch(np.stack([SQUARE, SQUARE + 1]), [TRIANGLES] * 2))
    assert kept.said == []
    assert [vertices(kept, record) for record in kept.all(Kind.MESH)] == [SQUARE.tolist(), (SQUARE + 1).tolist()]
    assert [len(cb.Mesh.batch(value)) for value in (None, 3)] == [1, 1]


def test_vertices_that_are_not_finite_are_kept_and_said(kept: Any) -> None:
    kept.log(cb.PointCloud([[0, 0, np.nan], [np.inf, 0, 0], [1, 1, 1]]))
    assert kept.said == ["log: 'it': PointCloud: 2 of 3 vertices are NaN or infinite as float32; kept so"]
    np.testing.assert_array_equal(vertices(kept, kept.all(Kind.MESH)[0]), [[0, 0, np.nan], [np.inf, 0, 0], [1, 1, 1]])


def test_faces_may_be_none_at_all(kept: Any) -> None:
    record = kept.log(cb.Mesh(SQUARE, np.zeros((0, 3), int))).one(Kind.MESH)
    assert (record.faces, record.face_count) == (None, 0)


def test_a_large_mesh_lies_in_files(kept: Any) -> None:
    cloud = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    record = kept.log(cb.PointCloud(cloud)).one(Kind.MESH)
    assert isinstance(record.vertices, InFile)
    assert vertices(kept, record) == cloud.tolist()


@pytest.mark.torch
def test_a_mesh_of_torch_as_its_own_documentation_has_it(kept: Any) -> None:
    import torch

    points = torch.as_tensor(SQUARE, dtype=torch.float).unsqueeze(0).requires_grad_()
    hues = torch.as_tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 0, 255]], dtype=torch.int).unsqueeze(0)
    record = kept.log(cb.Mesh(points, torch.tensor([TRIANGLES], dtype=torch.int), hues)).one(Kind.MESH)
    assert vertices(kept, record) == SQUARE.tolist()
    assert colors(kept, record) == hues[0].tolist()


@pytest.mark.tensorflow
def test_a_mesh_of_tensorflow(kept: Any) -> None:
    import tensorflow as tf

    record = kept.log(cb.Mesh(tf.constant(SQUARE, tf.float32), tf.constant(TRIANGLES), tf.cast([[9, 8, 7]] * 4, tf.uint8))).one(Kind.MESH)
    assert vertices(kept, record) == SQUARE.tolist()
    assert colors(kept, record) == [[9, 8, 7]] * 4


# ------------------------------------------------------------------------------------------------------ embeddings


def floats(kept: Any, record: Any) -> list[list[float]]:
    found: list[list[float]] = kept.array(record.blob, "<f4", record.rows, record.dimensions).tolist()
    return found


@pytest.mark.parametrize(
    "given", [np.eye(3, 5), np.eye(3, 5, dtype=np.float16), np.eye(3, 5, dtype=bool), np.eye(3, 5).tolist(), np.eye(5, 3).T]
)
def test_vectors_come_back(kept: Any, given: Any) -> None:
    record = kept.log(cb.Embedding(given)).one(Kind.EMBEDDING)
    assert (record.rows, record.dimensions, record.metadata, record.sprite, record.sprite_size) == (3, 5, None, None, [])
    assert floats(kept, record) == np.eye(3, 5).tolist()


@pytest.mark.parametrize(
    ("metadata", "columns", "want"),
    [
        (["a", "b"], None, {"label": ["a", "b"]}),
        ([3, 4], None, {"label": [3, 4]}),
        (np.array([3, 4]), None, {"label": [3, 4]}),
        ({"name": ["a", "b"], "size": [1.5, 2.5]}, None, {"name": ["a", "b"], "size": [1.5, 2.5]}),
        ([{"name": "a"}, {"name": "b", "size": 2}], None, {"name": ["a", "b"], "size": [None, 2]}),
        ([["a", 1], ["b", 2]], ["name", "size"], {"name": ["a", "b"], "size": [1, 2]}),
        (["a", "b"], ["name"], {"name": ["a", "b"]}),
    ],
)
def test_what_is_known_of_each_vector_comes_back(kept: Any, metadata: Any, columns: Any, want: dict[str, list[Any]]) -> None:
    record = kept.log(cb.Embedding(np.eye(2), metadata, columns=columns)).one(Kind.EMBEDDING)
    assert kept.arrow(record.metadata).to_pydict() == want


def test_a_frame_is_metadata_too(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    record = kept.log(cb.Embedding(np.eye(2), pandas.DataFrame({"label": ["a", "b"], "n": [1, 2]}))).one(Kind.EMBEDDING)
    assert kept.arrow(record.metadata).to_pydict() == {"label": ["a", "b"], "n": [1, 2]}


def test_images_lie_row_by_row_in_one_sprite(kept: Any) -> None:
    images = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
    record = kept.log(cb.Embedding(np.eye(5), images=images)).one(Kind.EMBEDDING)
    assert record.sprite_size == [3, 2]
    assert (record.sprite.width, record.sprite.height) == (9, 4)
    sheet = kept.pixels(record.sprite.blob)
    for number, image in enumerate(images):
        top, left = number // 3 * 2, number % 3 * 3
        assert sheet[top : top + 2, left : left + 3].tolist() == image.tolist()
    assert not sheet[2:, 6:].any()


@pytest.mark.parametrize(
    "images",
    [
        np.full((2, 4, 5, 3), 128, np.uint8),
        np.full((2, 3, 4, 5), 128 / 255, np.float32),
        [np.full((4, 5, 3), 128, np.uint8)] * 2,
    ],
)
def test_images_of_each_order_and_type_become_the_same_sprite(kept: Any, images: Any) -> None:
    record = kept.log(cb.Embedding(np.eye(2), images=images)).one(Kind.EMBEDDING)
    assert record.sprite_size == [5, 4]
    assert kept.pixels(record.sprite.blob).tolist() == np.full((4, 10, 3), 128).tolist()


def test_pictures_of_pillow_are_taken(kept: Any) -> None:
    from PIL import Image

    record = kept.log(cb.Embedding(np.eye(2), images=[Image.new("RGB", (3, 2), "red")] * 2)).one(Kind.EMBEDDING)
    assert kept.pixels(record.sprite.blob).tolist() == [[[255, 0, 0]] * 6] * 2


def test_a_sprite_that_would_be_too_wide_is_made_smaller(kept: Any) -> None:
    images = np.zeros((4, 8, 5000), np.uint8)
    images[3] = 200
    record = kept.log(cb.Embedding(np.eye(4), images=images)).one(Kind.EMBEDDING)
    assert record.sprite_size == [4096, 6]
    assert (record.sprite.width, record.sprite.height) == (8192, 12)
    sheet = kept.pixels(record.sprite.blob)
    assert (sheet[6:, 4096:] == 200).all()
    assert not sheet[:6].any()


def test_vectors_that_are_not_finite_are_kept_and_said(kept: Any) -> None:
    kept.log(cb.Embedding([[1.0, np.nan], [1e300, 0.0], [1.0, 2.0]]))
    assert kept.said == ["log: 'it': Embedding: 2 of 3 vectors are NaN or infinite as float32; kept so"]
    np.testing.assert_array_equal(floats(kept, kept.all(Kind.EMBEDDING)[0]), [[1, np.nan], [np.inf, 0], [1, 2]])


@pytest.mark.torch
def test_what_torch_gives_add_embedding(kept: Any) -> None:
    import torch

    vectors = torch.eye(3, requires_grad=True)
    images = torch.zeros(3, 3, 3, 3)
    images[1, 0] = 1.0  # the red channel of the second, in torch's order of axes
    record = kept.log(cb.Embedding(vectors, ["a", "b", "c"], images), after=lambda: images.zero_()).one(Kind.EMBEDDING)
    assert floats(kept, record) == np.eye(3).tolist()
    assert kept.pixels(record.sprite.blob)[:3, 3:].tolist() == [[[255, 0, 0]] * 3] * 3


def test_the_plain_twins_log_the_same(kept: Any) -> None:
    with cb.init(dir=kept.root) as run:
        run.log_mesh("it", SQUARE, step=0, faces=TRIANGLES)
        run.log_point_cloud("it", SQUARE, step=1)
        run.log_embedding("it", np.eye(2), step=0, metadata=["a", "b"])
    assert [record.face_count for record in kept.all(Kind.MESH)] == [2, 0]
    assert kept.arrow(kept.one(Kind.EMBEDDING).metadata).to_pydict() == {"label": ["a", "b"]}
