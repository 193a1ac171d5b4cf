"""Where results go: tables, drawn pictures and videos."""

from mimik.sinks.clip import BlurredClip
from mimik.sinks.overlay import Anonymiser, Overlay, anonymise
from mimik.sinks.rows import (
    ATTRIBUTE_COLUMNS,
    COLUMNS,
    SCHEMA_VERSION,
    AttributedRow,
    Column,
    Row,
    columns,
    failed_row,
    rows,
)
from mimik.sinks.tables import TABLE_SINKS, CsvSink, JsonLinesSink, JsonSink, ParquetSink, TableSink
from mimik.sinks.video import AnnotatedVideo, annotate_picture

__all__ = [
    "ATTRIBUTE_COLUMNS",
    "COLUMNS",
    "SCHEMA_VERSION",
    "TABLE_SINKS",
    "AnnotatedVideo",
    "Anonymiser",
    "AttributedRow",
    "BlurredClip",
    "Column",
    "CsvSink",
    "JsonLinesSink",
    "JsonSink",
    "Overlay",
    "ParquetSink",
    "Row",
    "TableSink",
    "annotate_picture",
    "anonymise",
    "columns",
    "failed_row",
    "rows",
]
