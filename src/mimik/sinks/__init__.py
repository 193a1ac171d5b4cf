"""Where results go: tables, drawn pictures and videos."""

from mimik.sinks.clip import BlurredClip
from mimik.sinks.overlay import Anonymiser, Overlay, anonymise
from mimik.sinks.rows import COLUMNS, SCHEMA_VERSION, Column, Row, failed_row, rows
from mimik.sinks.tables import TABLE_SINKS, CsvSink, JsonLinesSink, JsonSink, ParquetSink, TableSink
from mimik.sinks.video import AnnotatedVideo, annotate_picture

__all__ = [
    "COLUMNS",
    "SCHEMA_VERSION",
    "TABLE_SINKS",
    "AnnotatedVideo",
    "Anonymiser",
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
    "failed_row",
    "rows",
]
