"""Reads pictures and videos into one table, in bounded memory, and goes on where it was interrupted.

Three passes. The first, which takes the time, reads every frame and keeps what `Pipeline.read` gave in a spool
(`mimik.sinks.spool`) in the output folder. The second goes through the spool, gives ids, smooths and writes the table.
The third, where wanted, reads the pictures once more and draws the results in. As table and drawings always come from
the spool, an analysis that was interrupted ends in the same bytes as one that was not.
"""

from mimik.analysis.inputs import Job, Opener, Spooled, open_input
from mimik.analysis.progress import Meter, Progress
from mimik.analysis.run import Engine, Summary, analyse

__all__ = ["Engine", "Job", "Meter", "Opener", "Progress", "Spooled", "Summary", "analyse", "open_input"]
