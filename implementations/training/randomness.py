"""Random numbers as a function of (seed, purpose, position), never of what was drawn before.

So a resumed run draws what the uninterrupted one would have drawn, and every device sees the same numbers.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def generator(*key: int | str) -> torch.Generator:
    """Return a generator on the CPU whose stream depends on the key alone.

    Args:
        key: For instance `(seed, "order", pass_number)`.
    """
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def permutation(count: int, *key: int | str) -> Tensor:
    """Return the numbers 0 to `count` - 1 in an order that depends on the key alone, int64, on the CPU."""
    return torch.randperm(count, generator=generator(*key))
