"""The charts' JavaScript, as it came from the npm package ``plotly.js-cartesian-dist-min`` (MIT)."""

from importlib.resources import files
from pathlib import Path

__all__ = ["PLOTLY", "PLOTLY_SHA256"]

PLOTLY = Path(str(files("mimik.report"))) / "vendor" / "plotly-cartesian-4.1.1.min.js"
"""Lines, bars, heat maps; a third of the whole library, so that a report can be sent by e-mail."""

PLOTLY_SHA256 = "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a"
"""Of the file; a test holds it to it. To renew: ``npm pack plotly.js-cartesian-dist-min``, put its file here."""
