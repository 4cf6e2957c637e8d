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

RELEASED = "Degranulation.released"
RELEASED_BELL = "DegranulationBell.released"
NFAT_NUCLEAR = "NFAT.nuclear"

CHAIN_COMPONENTS = ("MuOpioidReceptor", "GBetaGamma", "ChannelNumber")
CHAIN_RECORD = ("MuOpioidReceptor.b", "MuOpioidReceptor.m", "MuOpioidReceptor.density", "g_bg", "ChannelNumber.n_rel", "channel_number")
K_INVIVO = "MuOpioidReceptor.k_invivo"
NALTREXOL_TONE = "MuOpioidReceptor.naltrexol_tone"
AGONIST_SHARE = "MuOpioidReceptor.agonist_share"
UP_REGULATION = "MuOpioidReceptor.r_up"

DOSING = "dosing"
FREE_FRACTION = "NaltrexonePharmacokinetics.free_fraction"
NALTREXOL_REACH = "NaltrexonePharmacokinetics.naltrexol_reach"
REBOUND = "OpioidRebound.s_max"
NTX_PLASMA = "ntx_plasma"
NALTREXOL_PLASMA = "naltrexol_plasma"
COMPETITION = "competition"
OPIOID = "opioid"
RELATIVE_CURRENT = "relative_current"
BODY_RECORD = (NTX_PLASMA, NALTREXOL_PLASMA, "ntx_free", "naltrexol_free", COMPETITION, "occupancy", OPIOID, "g_bg", "channel_number", RELATIVE_CURRENT)

ANTAGONISTS = ("ntx", "naltrexol")
ENDOGENOUS = "endogenous_opioid"
AGONISTS = ("beta_endorphin", "met_enkephalin", "damgo", "morphine", "endomorphin_1")
DRUG_TEXT = {"pregs": "PregS", "ononetin": "ononetin", "ntx": "NTX"}
DRUG_UNIT = {"pregs": "µM", "ononetin": "µM", "ntx": "nM"}
