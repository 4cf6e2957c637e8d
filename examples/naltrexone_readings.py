"""Which assumptions let low-dose naltrexone restore the current of a patient's cell: a map over lesions, affinity, tone and rebound."""

import nkcell_sim as nk
from nkcell_sim.analysis.ldn_map import ldn_map
from nkcell_sim.plots.ldn_map import save_ldn_map

found = ldn_map(nk.primary_nk_cell(), nk.LowDoseNaltrexone(dose="4.5 mg", doses=10), k_invivo=[1, 2, 3, 5, 10, 20, 30])
print(found)
print("wrote", save_ldn_map(found, "ldn_map.png"))
