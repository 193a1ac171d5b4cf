"""What FER-2013's labels would say of a face, foretold from what the ten taggers of FER+ said of it.

A FER-2013 label is one person's, and on 16 % of the rows none of ten others gave it. How often faces with such votes
are labelled so is a calmer target than that one word.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from mimik.lab.data import Faces

__all__ = ["foretold_labels"]


def foretold_labels(faces: Faces) -> NDArray[np.float32]:
    """``(N, 7)`` shares of FER-2013's labels, by logistic regression from the votes of the same faces.

    Rows without votes get their own label.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    shares = np.eye(7, dtype=np.float32)[faces.labels]
    seen = faces.votes.sum(1) > 0
    if len(np.unique(faces.labels[seen])) < 2:
        return shares
    # Which emotions have a majority, beside the shares: the relation is no straight line.
    known = np.concatenate([faces.votes, faces.votes >= 0.5], axis=1)[seen]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of small slices; their shares serve as they are
        model = LogisticRegression(max_iter=1000).fit(known, faces.labels[seen])
    foretold = np.zeros((int(seen.sum()), 7), np.float32)
    foretold[:, model.classes_] = model.predict_proba(known)
    shares[seen] = foretold
    return shares
