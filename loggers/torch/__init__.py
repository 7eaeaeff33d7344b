"""A drop-in for ``torch.utils.tensorboard.SummaryWriter``, which works with and without torch: start reading at `writer`."""

from __future__ import annotations

from .writer import SummaryWriter

__all__ = ["SummaryWriter"]
