"""Tensors of a torch model as its watch wants them: dense, by device, in parts, sampled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

PART_BYTES: Final = 32 << 20
"""Parameters on the host are copied for the helper in parts of about this size."""
SAMPLE: Final = 1 << 16
"""The update ratio is taken over so many values of a parameter, evenly spaced; over all when there are no more."""


def unwrapped(model: Any) -> Any:
    """The module inside of what ``torch.compile``, DistributedDataParallel and DataParallel make of it, for its plain names."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and type(model).__name__ in ("DistributedDataParallel", "DataParallel"):
            inner = getattr(model, "module", None)
        if inner is None:
            return model
        model = inner


def capturing() -> bool:
    """Whether a CUDA graph is being captured, into which nothing of ours may get."""
    import torch

    return bool(torch.cuda.is_available() and torch.cuda.is_current_stream_capturing())


def dense_of(tensor: Any) -> Any:
    """A plain tensor of real numbers: the values of a sparse one, this rank's part of a distributed one."""
    import torch

    if type(tensor) is torch.Tensor and tensor.layout is torch.strided and not tensor.is_complex():
        return tensor
    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()
    if tensor.layout != torch.strided:
        if tensor.layout == torch.sparse_coo and tensor.device.type == "cpu":
            tensor = tensor.coalesce()
        tensor = tensor._values() if tensor.layout == torch.sparse_coo else tensor.values()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def by_device(named: list[tuple[str, Any]]) -> dict[Any, list[tuple[str, Any]]]:
    """Names and tensors by device, without empty ones."""
    groups: dict[Any, list[tuple[str, Any]]] = {}
    for name, tensor in named:
        if tensor.numel():
            groups.setdefault(tensor.device, []).append((name, tensor))
    return groups


def parts_of(named: list[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    """Cut them into parts of about `PART_BYTES`; a tensor is never cut."""
    part: list[tuple[str, Any]] = []
    size = 0
    for name, tensor in named:
        part.append((name, tensor))
        size += tensor.numel() * tensor.element_size()
        if size >= PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def sampled(named: list[tuple[str, Any]]) -> tuple[Any, list[int]]:
    """A copy of at most `SAMPLE` values of each tensor, one behind the other, and how many of each."""
    import torch

    pieces = []
    for _, tensor in named:
        flat = tensor.reshape(-1)
        piece = flat[:: -(-flat.numel() // SAMPLE)]
        pieces.append(piece if piece.dtype in (torch.float32, torch.float64) else piece.float())
    with torch.no_grad():
        return torch.cat(pieces), [piece.numel() for piece in pieces]
