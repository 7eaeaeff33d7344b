"""Train a small CNN on handwritten digits with PyTorch and log one thing of every kind: `python examples/gallery_torch.py`.

What is logged beside curves, histograms and the graph is in gallery.py; `crossboard demo --gallery` runs this.
"""

from __future__ import annotations

import torch
from gallery import Looks, arguments, digits
from torch import nn

import crossboard as cb


class Net(nn.Module):
    """Two convolutions and two dense layers; the same as in gallery_keras.py."""

    def __init__(self) -> None:
        super().__init__()
        convolutions = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.body = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(512, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (n, 10) of images (n, 1, 8, 8)."""
        logits: torch.Tensor = self.head(self.body(x))
        return logits


def main(argv: list[str] | None = None) -> None:
    """Train once."""
    args = arguments(__doc__, argv)

    torch.manual_seed(args.seed)
    x, _, y, _ = digits()
    images, labels = torch.tensor(x).reshape(-1, 1, 8, 8), torch.tensor(y, dtype=torch.int64)
    model, loss_of = Net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

    def ask(part: nn.Module, of: object) -> object:
        with torch.inference_mode():
            return part(torch.tensor(of).reshape(-1, 1, 8, 8)).numpy()

    run = cb.init(project="gallery", name=f"torch seed {args.seed}", group="torch", config=args, dir=args.dir, console=True)
    run.define_metric("val/acc", goal="max")
    run.watch(model, every=args.every)
    run.log_graph(model, images[:1])
    looks = Looks(run, args.seed, lambda of: ask(model, of), lambda of: ask(model.body, of))
    step = 0
    for epoch in range(args.epochs):
        for batch in torch.split(torch.randperm(len(images)), args.batch):
            loss = loss_of(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log({"train/loss": loss, "lr": args.lr}, step=step)
            if step % args.every == 0:
                looks.look(step, everything=step % (2 * args.every) == 0)
            step += 1
        print(f"epoch {epoch}: loss {loss.item():.3f}")
    looks.look(step - 1, everything=True)
    run.alert("Done", f"{step} steps", level="info")
    accuracy = run.summary["val/acc"]["last"]
    run.finish()
    print(f"torch seed {args.seed}: {step} steps, validation accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
