"""The live web page and its server."""

from mimik.serve.access import Access
from mimik.serve.app import create_app
from mimik.serve.server import DEFAULT_PORT, Transport, serve

__all__ = ["DEFAULT_PORT", "Access", "Transport", "create_app", "serve"]
