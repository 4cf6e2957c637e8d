"""Names of the cell's quantities that the experiments drive and record: the one place to change them."""

from __future__ import annotations

WHOLE_CELL = "whole_cell"
V_CLAMP = "v_clamp"
V_CMD = "v_cmd"
CAPACITANCE = "cm"
R_SERIES = "Electrode.r_series"
G_SEAL = "Electrode.g_seal"
I_MEASURED = "Electrode.i_measured"
I_MEMBRANE = "i_ion"
I_TRPM3 = "TRPM3.i"
I_CRAC = "CRAC.i"
TRPM3_AVAILABLE = "TRPM3.d"

DYE = "Dye"
DYE_TOTAL = "Dye.total"
DYE_SHARE = "Dye.fraction"
DYE_LIGHT = "Dye.f"
DYE_F_F0 = "Dye.f_f0"
DYE_RATIO = "Dye.ratio"
P_CRAC = "CRAC.permeability"
G_KCA = "KCa31.g_max"

CHAIN_MODEL = "opioid_chain"
CHAIN_COMPONENTS = ("MuOpioidReceptor", "GBetaGamma", "ChannelNumber")
CHAIN_RECORD = ("MuOpioidReceptor.b", "MuOpioidReceptor.m", "MuOpioidReceptor.density", "g_bg", "ChannelNumber.n_rel", "channel_number")
K_INVIVO = "MuOpioidReceptor.k_invivo"

ANTAGONISTS = ("ntx", "naltrexol")
AGONISTS = ("beta_endorphin", "met_enkephalin", "damgo", "morphine", "endomorphin_1")
DRUG_TEXT = {"pregs": "PregS", "ononetin": "ononetin", "ntx": "NTX"}
DRUG_UNIT = {"pregs": "µM", "ononetin": "µM", "ntx": "nM"}
