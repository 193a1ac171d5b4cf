"""Beyond one machine: the same pipeline on a cluster, with Ray (the extra ``cluster``).

Files and long videos are cut into segments and read on all machines (`engine`), cameras are watched, each by a worker
that is replaced where it is lost (`watch`), and a server's pictures are read by replicas (`replicas`). Nothing here is
imported by any other room but `mimik.cli`.
"""

from mimik.cluster.connection import Connection, connected
from mimik.cluster.engine import RayEngine

__all__ = ["Connection", "RayEngine", "connected"]
