"""Named cells: one line each in the registry."""

from __future__ import annotations

from collections.abc import Callable

from ..composition import Composition
from . import reference_channels, reference_problems
from .opioid_chain import opioid_chain, opioid_chain_cell
from .opioid_chain_in_vivo import opioid_chain_in_vivo, opioid_chain_in_vivo_cell
from .primary_nk import primary_nk, primary_nk_cell
from .stub_nk import stub_nk, stub_nk_cell

COMPOSITIONS: dict[str, Callable[[], Composition]] = {
    "primary_nk": primary_nk,
    "stub_nk": stub_nk,
    "opioid_chain": opioid_chain,
    "opioid_chain_in_vivo": opioid_chain_in_vivo,
    **reference_problems.REGISTRY,
    **reference_channels.REGISTRY,
}

__all__ = [
    "COMPOSITIONS",
    "opioid_chain",
    "opioid_chain_cell",
    "opioid_chain_in_vivo",
    "opioid_chain_in_vivo_cell",
    "primary_nk",
    "primary_nk_cell",
    "stub_nk",
    "stub_nk_cell",
]
