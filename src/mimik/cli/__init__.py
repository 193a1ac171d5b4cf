"""The command line: parses, wires, prints. Nothing imports it.

Everything that takes long to load is imported inside the command that needs it, so that ``mimik --help`` is quick.
"""

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mimik``.

    Args:
        arguments: what follows the program's name; ``sys.argv`` where absent.

    Returns:
        The exit code: 0 done, 1 done in part or failed unexpectedly, 2 nothing could be done, 130 interrupted.
    """
    try:
        from mimik.cli.entry import run
    except KeyboardInterrupt:
        return 130
    return run(arguments)
