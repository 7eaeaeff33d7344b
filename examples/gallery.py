"""What the gallery logs beside its curves: one real thing of every kind, of a classifier of handwritten digits.

`gallery_torch.py` and `gallery_keras.py` train the classifier and call `look` every few steps, with a function from images to logits
and one from images to features. All here is NumPy, so that both frameworks log the same and can be laid beside each other.

    image             wrongly read digits with their box and mask;  a grid of the features of one digit
    video             the features of one digit as training goes on
    audio             a chord whose overtones are fitted by gradient descent, a little better each time
    text, table       the report and the predictions of a few digits, with pictures in the cells
    figure            confidence against accuracy, in Plotly
    pr_curve, confusion_matrix, histogram, embedding, tensor
    mesh              the loss over a plane through the logits' last layer
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import crossboard as cb

RATE = 8000
LABELS = [str(digit) for digit in range(10)]


def arguments(words: str | None, argv: list[str] | None) -> argparse.Namespace:
    """Return what the command line of a training chooses; `words` is what its help says."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--every", type=int, default=45, help="steps between two looks")
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    return parser.parse_args(argv)


def digits() -> list[Any]:
    """Return training images, validation images, training labels, validation labels; images (n, 8, 8) float32 in 0..1."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16.0, labels, test_size=0.2, stratify=labels, random_state=0)
    return [*(part.reshape(-1, 8, 8).astype(np.float32) for part in parts[:2]), *parts[2:]]


def softmax(logits: Any) -> Any:
    """Return probabilities; logits (n, k)."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def box_of(image: Any) -> list[float]:
    """Return left, top, right, bottom of the ink of an (h, w) image, in pixels."""
    rows, columns = np.flatnonzero(image.max(1) > 0.3), np.flatnonzero(image.max(0) > 0.3)
    return [float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)]


class Chord:
    """A chord of four tones, each with eight overtones, whose loudness is fitted to a target by gradient descent on the waveform."""

    def __init__(self, seed: int) -> None:
        seconds = np.arange(RATE) / RATE
        tones = np.array([220.0, 277.2, 329.6, 440.0])
        self.waves = np.stack([np.sin(2 * np.pi * tone * n * seconds) for tone in tones for n in range(1, 9)])
        self.decay = np.exp(-2.5 * seconds)
        self.target = np.array([1 / n**1.5 for _ in tones for n in range(1, 9)])
        self.loudness = np.abs(np.random.default_rng(seed).normal(0, 0.4, len(self.target)))

    def fit(self, steps: int) -> float:
        """Go `steps` steps of gradient descent; return the squared error of the waveform."""
        error = 0.0
        for _ in range(steps):
            wrong = (self.loudness - self.target) @ self.waves
            error = float((wrong**2).mean())
            self.loudness = self.loudness - 0.05 * (self.waves @ wrong) / RATE
        return error

    def sound(self) -> Any:
        """Return the waveform as it is, (RATE,) in -1..1."""
        wave = (self.loudness @ self.waves) * self.decay
        return (wave / np.abs(wave).max() * 0.8).astype(np.float32)


class Looks:
    """What is logged every few steps of one training."""

    def __init__(self, run: Any, seed: int, logits_of: Callable[[Any], Any], features_of: Callable[[Any], Any]) -> None:
        self.run, self.logits_of, self.features_of = run, logits_of, features_of
        self.chord = Chord(seed)
        self.frames: list[Any] = []
        _, self.images, _, self.truth = digits()

    def look(self, step: int, *, everything: bool) -> None:
        """Log what is cheap; with `everything` one thing of every kind."""
        logits = np.asarray(self.logits_of(self.images), dtype=np.float64)
        probabilities = softmax(logits)
        predicted = probabilities.argmax(1)
        features = np.asarray(self.features_of(self.images), dtype=np.float32)
        accuracy = float((predicted == self.truth).mean())
        loss = float(-np.log(np.maximum(probabilities[np.arange(len(self.truth)), self.truth], 1e-12)).mean())
        shown = self.features_picture(features)
        self.frames.append(np.repeat((255 * shown)[..., None], 3, axis=2).astype(np.uint8))
        self.run.log({"val/loss": loss, "val/acc": accuracy, "chord/error": self.chord.fit(3)}, step=step)
        self.run.log({"digits/read": self.pictures(probabilities), "digits/features": cb.Image(shown)}, step=step)
        self.run.log({"chord/sound": cb.Audio(self.chord.sound(), RATE, caption="a chord, fitted to its overtones")}, step=step)
        self.run.log({"val/confidence": cb.Histogram(probabilities.max(1), range=(0, 1))}, step=step)
        if not everything:
            return
        self.run.log(
            {"val/report": cb.Text(self.report(predicted, accuracy, step)), "val/predictions": self.table(probabilities)}, step=step
        )
        self.run.log(
            {
                "val/pr/eight": cb.PRCurve(self.truth == 8, probabilities[:, 8], label="eight"),
                "val/calibration": self.calibration(probabilities),
            },
            step=step,
        )
        self.run.log({"val/confusion": cb.ConfusionMatrix(self.truth, predicted, labels=LABELS)}, step=step)
        metadata = {"digit": self.truth, "read as": predicted, "confidence": probabilities.max(1).round(3)}
        self.run.log({"digits/embedding": cb.Embedding(features, metadata=metadata, images=self.images)}, step=step)
        self.run.log({"loss/plane": self.plane(logits), "logits/mean by digit": cb.Tensor(self.by_digit(logits))}, step=step)
        if len(self.frames) > 1:
            self.run.log({"digits/features, the film": cb.Video(np.stack(self.frames), fps=4)}, step=step)

    def pictures(self, probabilities: Any) -> list[Any]:
        """Six digits, always the same, large, with the box and the mask of their ink and what they were read as."""
        made = []
        for place in range(6):
            large = np.kron(self.images[place], np.ones((8, 8), np.float32))
            digit, sure = int(probabilities[place].argmax()), float(probabilities[place].max())
            boxes = {"boxes": np.array([box_of(large)]), "labels": [digit], "scores": [sure]}
            masks = {"ink": (large > 0.3).astype(np.uint8)}
            made.append(cb.Image(large, caption=f"{self.truth[place]} read as {digit}", boxes=boxes, masks=masks, labels=LABELS))
        return made

    def features_picture(self, features: Any) -> Any:
        """The features of the first sixteen digits as one picture, a row a digit, in 0..1."""
        rows = features[:16]
        return np.kron(rows / max(1e-6, float(rows.max())), np.ones((4, 4), np.float32)).clip(0, 1)

    def report(self, predicted: Any, accuracy: float, step: int) -> str:
        """How well each digit is read, as Markdown."""
        lines = [
            f"## Step {step}",
            "",
            f"**{accuracy:.1%}** of {len(self.truth)} digits are read right.",
            "",
            "| digit | right | of |",
            "|---|---|---|",
        ]
        for digit in range(10):
            mine = self.truth == digit
            lines.append(f"| {digit} | {int((predicted[mine] == digit).sum())} | {int(mine.sum())} |")
        return "\n".join(lines)

    def table(self, probabilities: Any) -> Any:
        """Forty digits: picture, truth, what they were read as, how sure."""
        rows = []
        for place in range(40):
            digit = int(probabilities[place].argmax())
            rows.append(
                [
                    cb.Image(self.images[place]),
                    int(self.truth[place]),
                    digit,
                    round(float(probabilities[place].max()), 4),
                    digit == int(self.truth[place]),
                ]
            )
        return cb.Table(rows, columns=["picture", "truth", "read as", "confidence", "right"])

    def calibration(self, probabilities: Any) -> Any:
        """How often the classifier is right against how sure it was."""
        import plotly.graph_objects as go

        sure, right = probabilities.max(1), probabilities.argmax(1) == self.truth
        edges = np.linspace(0, 1, 11)
        places = np.clip(np.digitize(sure, edges) - 1, 0, 9)
        there = [b for b in range(10) if (places == b).any()]
        means = [float(right[places == b].mean()) for b in there]
        figure = go.Figure(
            [go.Bar(x=[float(edges[b] + 0.05) for b in there], y=means, name="right"), go.Scatter(x=[0, 1], y=[0, 1], name="ideal")]
        )
        return cb.Figure(figure.update_layout(xaxis_title="confidence", yaxis_title="accuracy"))

    def plane(self, logits: Any) -> Any:
        """The loss over a plane: two random directions are added to the logits, (24, 24) points as a mesh of triangles."""
        random = np.random.default_rng(0)
        one, two = random.normal(size=(2, *logits.shape))
        ticks = np.linspace(-4, 4, 24)
        heights = np.array([[self.loss_at(logits + a * one + b * two) for b in ticks] for a in ticks])
        x, y = np.meshgrid(ticks, ticks, indexing="ij")
        vertices = np.stack([x, y, 4 * heights / heights.max()], -1).reshape(-1, 3)
        faces = []
        for row in range(23):
            for column in range(23):
                corner = 24 * row + column
                faces += [[corner, corner + 1, corner + 24], [corner + 1, corner + 25, corner + 24]]
        shade = (255 * (heights - heights.min()) / max(1e-9, float(np.ptp(heights)))).reshape(-1, 1)
        return cb.Mesh(
            vertices.astype(np.float32), np.array(faces), np.concatenate([shade, 0 * shade + 110, 255 - shade], 1).astype(np.uint8)
        )

    def loss_at(self, logits: Any) -> float:
        """Return the cross entropy of logits."""
        return float(-np.log(np.maximum(softmax(logits)[np.arange(len(self.truth)), self.truth], 1e-12)).mean())

    def by_digit(self, logits: Any) -> Any:
        """Return the mean logits of each digit, (10, 10) float32."""
        return np.stack([logits[self.truth == digit].mean(0) for digit in range(10)]).astype(np.float32)
