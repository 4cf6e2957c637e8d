"""Ca2+ imaging of healthy, ME/CFS and naltrexone-treated cells: amplitude and half-time side by side (model output)."""

import nkcell_sim as nk

healthy = nk.primary_nk_cell()
patient = healthy.with_phenotype("me_cfs")
naltrexone = nk.Incubation(ntx="200 uM", duration="24 h")

study = nk.Study(
    [nk.Case("healthy", healthy), nk.Case("ME/CFS", patient), nk.Case("ME/CFS + NTX 24 h", patient, naltrexone)],
    {"imaging": nk.CalciumImaging(pregs="50 uM", ntx_in_bath="kept", recovery="0 s")},
)
imaging = nk.run(study)["imaging"]

for case, amplitude, half_time in zip(imaging.cases, imaging["ca_amplitude"], imaging["f_half_time"], strict=True):
    print(f"{case:<20} amplitude {amplitude:6.1f} {imaging.units['ca_amplitude']}   half-time on F/F0 {half_time:5.2f} s")
