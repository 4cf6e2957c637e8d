"""A patch clamp in ten lines: what PregS evokes in a healthy cell, and the I-V relation (model output)."""

import nkcell_sim as nk
from nkcell_sim.experiments import run_experiment

cell = nk.primary_nk_cell()
rig = nk.PatchClamp(pregs=["100 uM"], ononetin="10 uM", ntx_in_bath="kept")
result = run_experiment(cell, rig)

evoked = result.features["pregs_1_outward_density"]
print(f"{evoked.description}: {evoked.values[0]:.3g} {evoked.unit}")
print(rig.iv(result.trace))
