"""Which device a run computes on."""

from __future__ import annotations

import re

import torch

from papers.errors import UserError


def available_devices() -> list[str]:
    """Return the names of the devices of this machine, best first."""
    devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def resolve_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda`, `cuda:1` or `mps` into a device that is there.

    Raises:
        UserError: If the name is none of these, or the device is absent; the message names what is there.
    """
    devices = available_devices()
    if name == "auto":
        return torch.device(devices[0])
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise UserError(f"there is no kind of device '{name}': give auto, cpu, cuda, cuda:1 (any number) or mps")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in devices:
        hint = ""
        if name.startswith("cuda") and not torch.backends.cuda.is_built():
            hint = " (this PyTorch was built without CUDA; install the CUDA build to use an NVIDIA GPU)"
        raise UserError(f"device '{name}' is not here: this machine has {', '.join(devices)}{hint}")
    return torch.device(wanted)
