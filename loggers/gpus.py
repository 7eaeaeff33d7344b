"""The GPUs of this machine that the program may use, by NVML (nvidia-ml-py), where there is a driver.

Units: bytes, percent of the last sampling period, degrees Celsius, watts. Source: NVML API reference, nvmlDeviceGet*.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device. index: its number on the machine."""

    index: int
    name: str
    memory_bytes: int
    handle: Any


_library: list[Any] = []
_found: list[Gpu] = []
_looked: Final = [False]


def gpus() -> list[Gpu]:
    """The devices, [] when there are none or no driver. Looked for once; slow the first time."""
    if not _looked[0]:
        _looked[0] = True
        with contextlib.suppress(Exception):  # no library, no driver, no right to ask: there is none
            import pynvml

            pynvml.nvmlInit()
            _library.append(pynvml)
            for index in visible(os.environ, pynvml.nvmlDeviceGetCount()):
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                name = pynvml.nvmlDeviceGetName(handle)
                name = name.decode() if isinstance(name, bytes) else str(name)
                _found.append(Gpu(index, name, int(pynvml.nvmlDeviceGetMemoryInfo(handle).total), handle))
    return _found


def visible(environment: Mapping[str, str], count: int) -> list[int]:
    """Numbers of the devices that CUDA_VISIBLE_DEVICES leaves; all when it names them otherwise than by number."""
    said = environment.get("CUDA_VISIBLE_DEVICES")
    if said is None:
        return list(range(count))
    words = [word.strip() for word in said.split(",") if word.strip()]
    if not all(word.lstrip("-").isdecimal() for word in words):
        return list(range(count))
    kept = []
    for word in words:
        if not 0 <= int(word) < count:
            break  # as CUDA reads it: a wrong number ends the list
        kept.append(int(word))
    return kept


def readings() -> dict[str, float]:
    """``gpu.<index>/<what>`` -> now, for each device; what a device does not tell is left out."""
    made: dict[str, float] = {}
    for gpu in gpus():
        nvml, at = _library[0], f"gpu.{gpu.index}"
        with contextlib.suppress(Exception):
            rates = nvml.nvmlDeviceGetUtilizationRates(gpu.handle)
            made[f"{at}/utilization_percent"] = float(rates.gpu)
        with contextlib.suppress(Exception):
            memory = nvml.nvmlDeviceGetMemoryInfo(gpu.handle)
            made[f"{at}/memory_bytes"] = float(memory.used)
            made[f"{at}/memory_percent"] = 100.0 * memory.used / max(memory.total, 1)
        with contextlib.suppress(Exception):
            made[f"{at}/temperature_celsius"] = float(nvml.nvmlDeviceGetTemperature(gpu.handle, nvml.NVML_TEMPERATURE_GPU))
        with contextlib.suppress(Exception):
            made[f"{at}/power_watts"] = nvml.nvmlDeviceGetPowerUsage(gpu.handle) / 1000.0
    return made
