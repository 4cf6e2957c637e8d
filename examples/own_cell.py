"""A cell of your own from components, with a current of your own, run by SciPy on the NumPy twin: no rebuild needed."""

from nkcell_sim import Cell, Protocol, simulate
from nkcell_sim.model.compartments.bath import Bath
from nkcell_sim.model.compartments.geometry import Geometry
from nkcell_sim.model.compartments.membrane import Membrane
from nkcell_sim.model.compartments.monovalent_ions import MonovalentIons, PipetteIons
from nkcell_sim.model.compartments.potassium_selectivity import PotassiumSelectivity
from nkcell_sim.model.compartments.thermodynamics import Thermodynamics
from nkcell_sim.model.component import Component
from nkcell_sim.model.composition import Composition
from nkcell_sim.model.currents.kv13 import Kv13
from nkcell_sim.model.quantities import Flow, Parameter


class SodiumLeak(Component):
    """Ohmic Na+ leak [pA]: I = g (V - E)."""

    g = Parameter(0.01, "nS", "conductance", evidence="A", minimum=0.0)
    e = Parameter(60.0, "mV", "reversal potential", evidence="A")
    i = Flow("pA", "leak current")

    def equations(self, c):
        c.i = c.g * (c.v - c.e)
        c.add(i_na=c.i)


composition = Composition(
    "kv_cell",
    [Thermodynamics(), Geometry(), Bath(), PotassiumSelectivity(), Kv13(), SodiumLeak(), Membrane(), MonovalentIons(), PipetteIons()],
    description="Kv1.3 against a Na+ leak",
    rest={"v": -70.0, "na_cyt": 12.0, "k_cyt": 135.0, "cl_cyt": 25.0, "cs_cyt": 0.0, "mg_cyt": 0.8},  # where a run starts; the gates follow
)
cell = Cell(composition)
protocol = Protocol("10 s").step("5 s", k_out="15 mM")

for current in (cell, cell.set({"SodiumLeak.g": "50 pS"}), cell.without("SodiumLeak")):
    trace = simulate(current, protocol, record=["v", "e_k"], times=[5.0, 10.0], method="bdf", rtol=1e-8)
    v, e_k = trace["v"][0], trace["e_k"][0]
    leak = current.parameter("SodiumLeak.g") * current.parameter("SodiumLeak.switch")
    print(f"leak {leak * 1e3:4.1f} pS: V {v[0]:6.1f} mV (E_K {e_k[0]:.1f}), in 15 mM K+ {v[1]:6.1f} mV (E_K {e_k[1]:.1f})")
