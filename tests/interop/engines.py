"""Other engines that run an exported cell; each is loaded once and then takes one draw after another."""

from __future__ import annotations

import os
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

CORE = "{http://www.sbml.org/sbml/level3/version2/core}"


def engine_or_skip(package: str) -> Any:
    """The package of an engine; where it must be installed (NKCELL_PEERS=1) its absence is a failure."""
    if os.environ.get("NKCELL_PEERS") == "1":
        return __import__(package)
    return pytest.importorskip(package, reason=f"needs {package}: pip install 'nkcell_sim[peers]'")


def identifiers(text: str) -> dict[str, str]:
    """Identifier in the file of each of the model's names."""
    return {p.get("name", ""): p.get("id", "") for p in ET.fromstring(text).iter(f"{CORE}parameter")}


class RoadRunner:
    """libRoadRunner: CVODE on compiled right-hand sides."""

    def __init__(self, text: str, states: list[str]) -> None:
        self.model = engine_or_skip("roadrunner").RoadRunner(text)
        self.ids = identifiers(text)
        self.model.timeCourseSelections = [self.ids[k] for k in states]
        self.model.integrator.relative_tolerance = 1e-10
        self.model.integrator.absolute_tolerance = 1e-13
        self.model.integrator.maximum_num_steps = 1_000_000

    def run(self, values: dict[str, float], seconds: float, points: int) -> np.ndarray:
        """States (points, n_states) in kernel units with these parameters and starts, by the model's names."""
        self.model.resetToOrigin()
        for key, value in values.items():
            self.model[self.ids[key]] = value
        return np.array(self.model.simulate(0.0, seconds * 1e3, points))


class Copasi:
    """COPASI through basico: LSODA."""

    def __init__(self, text: str, states: list[str]) -> None:
        self.basico = engine_or_skip("basico")
        self.model = self.basico.load_model_from_string(text)
        self.columns = [f"Values[{k}]" for k in states]
        inside = self.model.getModel()
        self.quantities = {inside.getModelValue(i).getObjectName(): inside.getModelValue(i) for i in range(inside.getNumModelValues())}

    def run(self, values: dict[str, float], seconds: float, points: int) -> np.ndarray:
        """States (points, n_states) in kernel units with these parameters and starts, by the model's names."""
        for key, value in values.items():
            self.quantities[key].setInitialValue(value)
        self.model.getModel().applyInitialValues()
        tight = {"method": "deterministic", "r_tol": 1e-10, "a_tol": 1e-13, "max_steps": 10_000_000}
        course = self.basico.run_time_course(model=self.model, duration=seconds * 1e3, intervals=points - 1, use_numbers=True, **tight)
        return course[self.columns].to_numpy()


ENGINES = {"libroadrunner": RoadRunner, "copasi": Copasi}
