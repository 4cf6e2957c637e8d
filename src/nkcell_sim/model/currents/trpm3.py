"""TRPM3: thermodynamic two-state gating by pregnenolone sulfate, voltage and heat, inhibited by G beta-gamma and ononetin."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import boltzmann, ghk, hill, q10_factor, where_gt
from ..quantities import Flow, Input, Observable, Parameter, State
from ..scheme import Gate, Scheme


class TRPM3(Component):
    """TRPM3 current [pA], carried by Na+, K+, Cs+, Ca2+ and Mg2+ (GHK).

    P = n_t3 C_m n0 N_rel P_1 Po D (1 - q) f_G f_PIP2, Po = 1/(1 + exp((dG - z F V)/(R T))), dG = dH - T dS - dG_PS theta with
    dS = (dH - z F Vh0)/T_ref; theta is agonist occupancy, D desensitisation, q block by ononetin, f_G inhibition by G beta-gamma
    (TRPM3 brief, sections 1 and 6.1; joined form: integration brief, section 2). The strong voltage dependence of the apparent EC50 is a
    consequence of the scheme. Mg2+ current is booked as Na+ entry (Na+/Mg2+ exchange taken as fast), which keeps the charge ledger exact.
    One conductance Q10 is not applied: the temperature dependence is in dH.

    Channels that are drawn have three independent gates: the opening gate is open with probability Po f_G f_PIP2 and relaxes with tau_gate,
    those of desensitisation and block turn with the rates of D and q. Their mean is the current above but for the lag of tau_gate.
    """

    pregs = Input(0.0, "uM", "pregnenolone sulfate in the bath", symbol="PS", minimum=0.0, maximum=1e4, shared=True)
    ononetin = Input(0.0, "uM", "ononetin in the bath", symbol="ONON", minimum=0.0, maximum=1e4, shared=True)

    density = Parameter(
        2.72, "1/pF", "open-able channels per membrane capacitance", symbol="n_t3", source="10.9 in 4 pF give 20 pA/pF at +100 mV", evidence="D", minimum=0.0
    )
    p_single = Parameter(
        0.156,
        "fL/s",
        "permeability of one channel (1.56e-13 cm^3/s)",
        symbol="P_1",
        source="83 pS at 140 mM Na+, Grimm 2003 10.1074/jbc.M300945200",
        evidence="D",
        minimum=0.0,
    )
    p_na = Parameter(1.0, "1", "relative permeability of Na+", evidence="-", minimum=0.0)
    p_k = Parameter(1.0, "1", "P_K/P_Na", source="non-selective among monovalents, 0.9-1.3", minimum=0.0)
    p_cs = Parameter(1.0, "1", "P_Cs/P_Na", source="non-selective among monovalents, 0.9-1.3", minimum=0.0)
    p_ca = Parameter(
        1.6, "1", "P_Ca/P_Na (1-10 for the short-pore a2 form, 0.1 for a1)", source="human 1325 form, IUPHAR; Oberwinkler 2005", evidence="V", minimum=0.0
    )
    p_mg = Parameter(0.5, "1", "P_Mg/P_Na", source="Oberwinkler 2005, qualitative", minimum=0.0)
    z_gate = Parameter(0.55, "1", "gating charge", symbol="z", source="0.5-0.9; low value gives I(+100)/-I(-100) of about 10", minimum=0.0)
    dh = Parameter(125.0, "kJ/mol", "enthalpy of opening", symbol="dH", source="Q10 7.2 at 15-25 degC, Vriens 2011 (R)", evidence="D")
    v_half = Parameter(240.0, "mV", "half-activation without agonist at t_gate", symbol="Vh0", evidence="D")
    t_gate = Parameter(295.15, "K", "reference temperature of the free energy (22 degC)", symbol="T_ref", minimum=273.15, maximum=320.0)
    dg_ps = Parameter(14.0, "kJ/mol", "free energy added by pregnenolone sulfate", symbol="dG_PS", evidence="D", minimum=0.0)
    k_ps = Parameter(
        22.0,
        "uM",
        "binding constant (apparent EC50 at +100 mV is 24 uM)",
        symbol="K_PS",
        source="EC50 10-30 uM, Wagner 2008 10.1038/ncb1801 (R)",
        evidence="D",
        minimum=1e-3,
    )
    n_ps = Parameter(1.15, "1", "Hill coefficient of binding (apparent 1.7)", symbol="h", source="Drews 2014 (V2: apparent 1.7)", evidence="D", minimum=0.1)
    tau_on = Parameter(2.0, "s", "rise of agonist occupancy", source="fast (V), no constant found; perfusion limited", minimum=0.001)
    tau_off = Parameter(8.0, "s", "fall of agonist occupancy", source="wash-out in Wagner 2008 and Drews 2014 traces", minimum=0.001)
    d_max = Parameter(
        0.5,
        "1",
        "fraction lost during maintained agonist",
        source="range 0.3-0.8; desensitisation exists, Vriens 2014 10.1038/nchembio.1428 (V)",
        minimum=0.0,
        maximum=1.0,
    )
    tau_d = Parameter(60.0, "s", "onset of desensitisation", symbol="tau_D", minimum=0.01)
    tau_recovery = Parameter(240.0, "s", "recovery from desensitisation", symbol="tau_Drec", minimum=0.01)
    ca_dependent = Parameter(0.0, "1", "1 makes desensitisation Ca2+ dependent", source="integration brief: off", evidence="I", minimum=0.0, maximum=1.0)
    k_ca = Parameter(0.5, "uM", "Ca2+ of half-maximal desensitisation when Ca2+ dependent", minimum=1e-4)
    ic50_ononetin = Parameter(0.3, "uM", "ononetin IC50", source="Straub 2013 Br J Pharmacol 168:1835", evidence="R", minimum=1e-4)
    n_ononetin = Parameter(1.1, "1", "Hill coefficient of ononetin", minimum=0.1)
    tau_block = Parameter(5.0, "s", "onset of ononetin block at 10 uM", minimum=0.001)
    tau_unblock = Parameter(60.0, "s", "wash-out of ononetin", minimum=0.001)
    imax_g = Parameter(0.92, "1", "maximal inhibition by G beta-gamma", source="Dembla 2017: 80-90 % in HEK and DRG", evidence="R", minimum=0.0, maximum=1.0)
    ic50_g = Parameter(240.0, "nM", "G beta-gamma IC50", source="Zhao 2023 10.1016/j.neuron.2022.10.002", evidence="V", minimum=0.1)
    n_g = Parameter(1.3, "1", "Hill coefficient of G beta-gamma", minimum=0.1)
    f_pip2 = Parameter(1.0, "1", "availability of PIP2", source="required, Toth 2015, Badheka 2015 (V)", minimum=0.0, maximum=1.0)
    tau_gate = Parameter(
        5.0,
        "ms",
        "relaxation of the opening gate of a drawn channel; the mean current has no lag",
        source="follows 100 ms ramps; voltage steps relax in 20-100 ms in HEK293 cells (IUPHAR)",
        minimum=0.01,
    )
    q10_gate = Parameter(2.0, "1", "Q10 of occupancy, desensitisation and block kinetics", minimum=1.0)

    theta = State("1", "agonist occupancy", scale=0.1, lower=0.0, upper=1.0)
    d = State("1", "not desensitised", scale=0.1, initial=1.0, lower=0.0, upper=1.0, symbol="D")
    q = State("1", "blocked by ononetin", scale=0.1, lower=0.0, upper=1.0)
    i_na = Flow("pA", "TRPM3 current of Na+")
    i_k = Flow("pA", "TRPM3 current of K+")
    i_cs = Flow("pA", "TRPM3 current of Cs+")
    i_ca = Flow("pA", "TRPM3 current of Ca2+")
    i_mg = Flow("pA", "TRPM3 current of Mg2+")
    i = Flow("pA", "TRPM3 current", symbol="I_T3")
    p_open = Observable("1", "open probability of an available channel", symbol="Po")
    f_g = Observable("1", "factor left by G beta-gamma", symbol="f_G")
    conducting = Observable("1", "number of conducting channels (its mean, unless channels are drawn)", symbol="N_open")

    drawn = Input(0.0, "1", "number of conducting channels, drawn", drawn=True)
    opening = Observable("1/ms", "rate of opening", drawn=True)
    closing = Observable("1/ms", "rate of closing", drawn=True)
    recovering = Observable("1/ms", "rate of recovery from desensitisation", drawn=True)
    desensitising = Observable("1/ms", "rate of desensitisation", drawn=True)
    unblocking = Observable("1/ms", "rate of loss of ononetin", drawn=True)
    blocking = Observable("1/ms", "rate of block by ononetin", drawn=True)
    responsive = Observable("1", "share of channels that are not desensitised", drawn=True)
    desensitised = Observable("1", "share of channels that are desensitised", drawn=True)
    unblocked = Observable("1", "share of channels without ononetin", drawn=True)
    blocked = Observable("1", "share of channels with ononetin", drawn=True)
    pool_size = Observable("1", "mean number of channels if all were at the surface", drawn=True)
    at_surface = Observable("1", "mean number of channels at the surface", drawn=True)
    gates = Scheme.of_gates(
        {
            "open": Gate("opening", "closing"),
            "responsive": Gate("recovering", "desensitising", "responsive", "desensitised"),
            "unblocked": Gate("unblocking", "blocking", "unblocked", "blocked"),
        },
        drives={"drawn": ("open", "responsive", "unblocked")},
        number="at_surface",
        pool="pool_size",
        density="density",
    )

    def equations(self, c: Any) -> None:
        self.gating(c)
        self.current(c)
        self.occupancy(c)

    def gating(self, c: Any) -> None:
        """Open probability and inhibition by G beta-gamma [1]."""
        ds = (c.dh - c.z_gate * c.faraday * c.v_half) / c.t_gate
        dg = c.dh - c.temperature * ds - c.dg_ps * c.theta
        c.p_open = boltzmann(c.z_gate * c.faraday * c.v, dg, c.gas_constant * c.temperature)
        c.f_g = 1.0 - c.imax_g * hill(c.g_bg, c.ic50_g, c.n_g)

    def current(self, c: Any) -> None:
        """GHK currents [pA] of the five ions."""
        channels = c.density * c.cm * c.channel_number
        mean = c.faraday * channels * c.p_single * c.p_open * c.d * (1.0 - c.q) * c.f_g * c.f_pip2
        fp = c.over_channels("drawn", each=c.faraday * c.p_single, mean=mean)
        u = c.v / c.v_t
        c.i_na = fp * c.p_na * ghk(1, u, c.na_cyt, c.na_out)
        c.i_k = fp * c.p_k * ghk(1, u, c.k_cyt, c.k_out)
        c.i_cs = fp * c.p_cs * ghk(1, u, c.cs_cyt, c.cs_out)
        c.i_ca = fp * c.p_ca * ghk(2, u, c.ca_cyt, c.ca_out)
        c.i_mg = fp * c.p_mg * ghk(2, u, c.mg_cyt, c.mg_out)
        c.i = c.i_na + c.i_k + c.i_cs + c.i_ca + c.i_mg
        c.add(i_na=c.i_na + c.i_mg, i_k=c.i_k, i_cs=c.i_cs, i_ca=c.i_ca)
        c.conducting = c.over_channels("drawn", each=1.0, mean=channels * c.p_open * c.d * (1.0 - c.q) * c.f_g * c.f_pip2)

    def occupancy(self, c: Any) -> None:
        """Occupancy by agonist, desensitisation and block [1], each with its own on and off time constant."""
        speed = q10_factor(c.q10_gate, c.temperature, c.t_ref)
        theta_inf = hill(c.pregs, c.k_ps, c.n_ps)
        d_inf, q_inf = self.targets(c)
        c.ddt(theta=speed * (theta_inf - c.theta) / where_gt(theta_inf, c.theta, c.tau_on, c.tau_off))
        c.ddt(d=speed * (d_inf - c.d) / where_gt(c.d, d_inf, c.tau_d, c.tau_recovery))
        c.ddt(q=speed * (q_inf - c.q) / where_gt(q_inf, c.q, c.tau_block, c.tau_unblock))

    def targets(self, c: Any) -> tuple[Any, Any]:
        """Shares [1] that desensitisation and block go to: not desensitised, blocked."""
        calcium = 1.0 - c.ca_dependent + c.ca_dependent * c.ca_cyt / (c.ca_cyt + c.k_ca)
        return 1.0 - c.d_max * calcium * c.theta, hill(c.ononetin, c.ic50_ononetin, c.n_ononetin)

    def drawn_equations(self, c: Any) -> None:
        """Rates of one channel's gates [1/ms], and how many channels there are; means of the gates are p_open f_g f_pip2, d and 1 - q."""
        speed = q10_factor(c.q10_gate, c.temperature, c.t_ref)
        opened = c.p_open * c.f_g * c.f_pip2
        d_inf, q_inf = self.targets(c)
        d_rate = speed / where_gt(c.d, d_inf, c.tau_d, c.tau_recovery)
        q_rate = speed / where_gt(q_inf, c.q, c.tau_block, c.tau_unblock)
        c.opening, c.closing = opened / c.tau_gate, (1.0 - opened) / c.tau_gate
        c.recovering, c.desensitising = d_rate * d_inf, d_rate * (1.0 - d_inf)
        c.unblocking, c.blocking = q_rate * (1.0 - q_inf), q_rate * q_inf
        c.responsive, c.desensitised, c.unblocked, c.blocked = c.d, 1.0 - c.d, 1.0 - c.q, c.q
        c.pool_size = c.density * c.cm
        c.at_surface = c.density * c.cm * c.channel_number
