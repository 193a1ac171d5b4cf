"""Figures, pages and PDFs made from sessions. Names are loaded when first used: importing costs nothing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimik.report.charts import Figure
    from mimik.report.gallery import figures
    from mimik.report.sentences import compare_findings, findings, hours_findings
    from mimik.report.writing import (
        write_compare_html,
        write_compare_pdf,
        write_hours_html,
        write_hours_pdf,
        write_html,
        write_pdf,
    )

__all__ = [
    "Figure",
    "compare_findings",
    "figures",
    "findings",
    "hours_findings",
    "write_compare_html",
    "write_compare_pdf",
    "write_hours_html",
    "write_hours_pdf",
    "write_html",
    "write_pdf",
]

# No module may bear the name of something exported: once imported, it would stand in its place.
_HOMES = {
    "Figure": "charts",
    "compare_findings": "sentences",
    "figures": "gallery",
    "findings": "sentences",
    "hours_findings": "sentences",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"mimik.report.{_HOMES.get(name, 'writing')}"), name)
    globals()[name] = value
    return value
