"""The live web page and its server, on this machine only."""

from mimik.serve.app import create_app
from mimik.serve.server import DEFAULT_PORT, serve

__all__ = ["DEFAULT_PORT", "create_app", "serve"]
