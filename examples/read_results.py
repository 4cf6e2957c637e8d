"""Write a result file and read it three ways: with the package, with h5py alone, and with xarray (model output).

Needs the extra that brings xarray: pip install ".[xarray]".
"""

import tempfile
from pathlib import Path

import h5py
import numpy as np
import xarray

import nkcell_sim as nk

path = Path(tempfile.mkdtemp()) / "dose.h5"
imaging = nk.CalciumImaging(ntx_in_bath="kept", application="60 s", recovery="0 s")
study = nk.Study(nk.primary_nk_cell(), {"imaging": imaging}, vary={"imaging.pregs": ["10 uM", "50 uM", "100 uM"]}, title="PregS doses")
nk.run(study, save=path)

runs = nk.open_results(path)["imaging"]
for dose, amplitude in zip(runs.varied["imaging.pregs"], runs["ca_amplitude"], strict=True):
    print(f"{dose:5.0f} {runs.units['imaging.pregs']}: {amplitude:6.1f} {runs.units['ca_amplitude']}")

with h5py.File(path) as file:
    calcium, time = file["imaging/ca_cyt"], file["imaging/time"]
    ok = file["imaging/status"].asstr()[:] == "ok"
    print(f"h5py: {calcium.shape} of {calcium.attrs['units']} over {time[-1]:g} {time.attrs['units']}, {np.sum(ok)} of {len(ok)} runs ok")

with xarray.open_dataset(path, group="imaging", engine="h5netcdf") as data:
    print(data["ca_cyt"].isel(run=-1).max().item(), data["ca_cyt"].attrs["units"])
