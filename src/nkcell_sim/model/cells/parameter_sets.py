"""Named parameter sets of the joined cell: small cited tables on top of the component defaults."""

from __future__ import annotations

import difflib

from ...errors import ParameterError
from .entries import Entry

COMMON = (
    Entry("TRPM3.density", 1.0, "1/pF", "I", "Na+ budget: 2.6 channels in 2.6 pF keep Na+ below 40 mM in 5 min of 100 uM agonist"),
    Entry("TRPM3.d_max", 0.7, "1", "I", "range 0.3-0.8"),
    Entry("Dye.k_on", 300.0, "1/(uM*s)", "R", "Fluo-8 like"),
    Entry("Dye.k_off", 117.0, "1/s", "R", "Fluo-8 like, Kd 0.39 uM"),
    Entry("Dye.f_r", 100.0, "1", "A", "bound over free fluorescence"),
)

SATURATING = (
    *COMMON,
    Entry("TRPM3.p_ca", 5.0, "1", "I", "V range 1-10 for the short-pore a2 form"),
    Entry("PMCA.v_max", 8.0, "uM/s", "I", "0.29 pA; Schmeitz 2013 total 0.55 pA (S)"),
    Entry("PMCA.k_free", 0.15, "uM", "I", "between 0.1 (Schmeitz 2013, S) and 0.2 (calmodulin-bound, V)"),
    Entry("PMCA.k_cam", 0.15, "uM", "I", "between 0.1 (Schmeitz 2013, S) and 0.2 (calmodulin-bound, V)"),
    Entry("PMCA.gain", 1.5, "1", "I", "little memory, so that clearance can saturate"),
    Entry("SERCA.k_ca", 0.30, "uM", "I", "SERCA2b 0.27 (R)"),
    Entry("SERCA.v_max", 60.0, "uM/s", "I", "with the lower affinity"),
    Entry("CRAC.permeability", 0.30, "fL/s", "I", "keeps the readdition peak below 1 uM"),
)

CONSERVATIVE = (
    *COMMON,
    Entry("TRPM3.p_ca", 3.0, "1", "I", "V range 1-10 for the short-pore a2 form"),
    Entry("PMCA.v_max", 9.0, "uM/s", "A", "nk_cell brief"),
    Entry("PMCA.k_free", 0.40, "uM", "A", "nk_cell brief"),
    Entry("PMCA.k_cam", 0.20, "uM", "V", "nk_cell brief (Bruce 2013)"),
    Entry("PMCA.gain", 2.5, "1", "A", "nk_cell brief"),
    Entry("SERCA.k_ca", 0.10, "uM", "V", "nk_cell brief (Li-Rinzel family)"),
    Entry("SERCA.v_max", 25.0, "uM/s", "A", "nk_cell brief"),
    Entry("CRAC.permeability", 0.50, "fL/s", "A", "nk_cell brief"),
)

PARAMETER_SETS: dict[str, tuple[Entry, ...]] = {"saturating": SATURATING, "conservative": CONSERVATIVE}


def parameter_set(name: str) -> dict[str, float]:
    """Values by key, in declared units, of a named parameter set."""
    if name not in PARAMETER_SETS:
        close = difflib.get_close_matches(name, PARAMETER_SETS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(PARAMETER_SETS)}"
        raise ParameterError(f"unknown parameter set {name!r}; {hint}", name=name)
    return {e.key: e.value for e in PARAMETER_SETS[name]}
