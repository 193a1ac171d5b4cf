"""The head that people are shown: calibrated against what most FER+ taggers saw."""

import numpy as np
from numpy.typing import NDArray

from mimik.classify import FERPLUS_SEVEN, softmax
from mimik.lab.calibration import cross_fitted_ece, fit_temperature, thresholds, wilson_interval
from mimik.lab.data import Faces
from mimik.lab.metrics import ferplus_labels, seven_labels
from mimik.weights import Shown

__all__ = ["fit_shown"]

SURE_AGREEMENT = 0.9
"""A reading is sure where those at least as confident are what people said this often; 0.85 nearly all would reach."""


def fit_shown(heads: dict[str, NDArray[np.float32]], faces: Faces, split: str) -> Shown:
    """Calibrate the FER+ head without contempt, and measure how often it says what people saw.

    The temperature and the thresholds are fitted on every face with its likeliest FER+ vote; agreement is counted on
    the clear ones, where one vote has more than half. Rows whose vote is contempt are left out of both.

    Args:
        heads: logits of ``fer``, ``(N, 7)``, and ``ferplus``, ``(N, 8)``.
        faces: the N labelled faces, with their votes.
        split: what they are called.
    """
    likeliest, clear = (seven_labels(ferplus_labels(faces.counts, protocol)) for protocol in ("argmax", "majority"))
    logits = heads["ferplus"][:, FERPLUS_SEVEN]
    seen, agreed = likeliest >= 0, clear >= 0
    temperature = fit_temperature(logits[seen], likeliest[seen])
    right = (logits.argmax(1) == clear)[agreed]
    return Shown(
        head="ferplus",
        temperature=temperature,
        thresholds=thresholds(softmax(logits[seen] / temperature), likeliest[seen], SURE_AGREEMENT),
        split=split,
        faces=int(agreed.sum()),
        agreement=float(right.mean()),
        interval=wilson_interval(int(right.sum()), len(right)),
        agreement_of_fer=float((heads["fer"].argmax(1) == clear)[agreed].mean()),
        ece=cross_fitted_ece(logits[seen], likeliest[seen], faces.twins[seen]),
    )
