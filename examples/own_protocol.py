"""A protocol of your own: break-in, a slow ramp, and a bath exchange that brings PregS (model output)."""

import numpy as np

import nkcell_sim as nk

protocol = (
    nk.Protocol("180 s", name="ramp before and in PregS")
    .step("0 s", whole_cell=1, v_clamp=1, v_cmd="-60 mV")
    .ramp("58 s", "1 s", v_cmd=("-100 mV", "100 mV"))
    .step("59 s", v_cmd="-60 mV")
    .exchange("90 s", "3 s", pregs="50 uM")
    .ramp("170 s", "1 s", v_cmd=("-100 mV", "100 mV"))
    .step("171 s", v_cmd="-60 mV")
)
print(protocol)

# The value at an edge is the one just before it, so 59 s and 171 s still read the ends of the ramps.
trace = nk.simulate(nk.primary_nk_cell(), protocol, record=["Electrode.i_measured", "TRPM3.i", "v"], times=np.array([59.0, 171.0]))
trace.raise_for_status()
before, during = trace["Electrode.i_measured"][0]
print(f"at +100 mV: {before:.2f} pA before, {during:.2f} pA in PregS, of which TRPM3 {trace['TRPM3.i'][0, 1]:.2f} pA")
