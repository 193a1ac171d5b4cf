"""Mimik beside its peers.

    python -m benchmarks                       everything; installs what is missing; a quarter of an hour after that
    python -m benchmarks --quick               shorter turns, and memory not watched; about four minutes
    python -m benchmarks --no-install          with the peers that are there already
    python -m benchmarks --peers mimik,fer     with some of them
    python -m benchmarks --page                only write docs/performance.md anew, from the newest results

Results are written to benchmarks/results/, as JSON, and from there into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.page import write_page
from benchmarks.peers import PEERS
from benchmarks.suite import Plan, Suite

HERE = Path(__file__).parent


def main() -> int:
    """Measure, keep the figures, and write the page."""
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--peers", default=",".join(names), help=f"some of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each peer (5)")
    parser.add_argument("--turn", type=float, default=3.0, metavar="S", help="about how long a turn lasts (3)")
    parser.add_argument("--live", type=float, default=5.0, metavar="S", help="how long a live run lasts (5)")
    parser.add_argument("--minutes", type=int, default=60, metavar="N",
                        help="minutes of video to analyse to see whether memory grows (60; 0: none)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="the same as --rounds 3 --turn 1.5 --live 3 --minutes 0")
    parser.add_argument("--against", default="fer", choices=names, help="the peer over which ratios are taken")
    parser.add_argument("--beside", default="", help="what else the machine is doing, to be kept with the results")
    parser.add_argument("--cache", type=Path, default=HERE / ".cache", help="environments, clips and logs")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--no-install", action="store_true", help="leave out peers that are not installed yet")
    parser.add_argument("--page", action="store_true", help="only write the page anew, from the newest results")
    parser.add_argument("--no-page", action="store_true", help="leave the page as it is")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.turn, given.live, given.minutes = 3, 1.5, 3.0, 0
    page = HERE.parent / "docs" / "performance.md"
    if not given.page:
        wanted = given.peers.split(",")
        if unknown := set(wanted) - set(names):
            parser.error(f"no such peer: {', '.join(sorted(unknown))}")
        plan = Plan(
            cache=given.cache.resolve(),
            peers=tuple(peer for peer in PEERS if peer.name in wanted),
            rounds=given.rounds,
            turn_s=given.turn,
            live_s=given.live,
            minutes=given.minutes,
            against=given.against,
            install=not given.no_install,
            beside=given.beside,
        )
        result = Suite(plan, lambda text: print(f"… {text}", file=sys.stderr, flush=True)).run()
        given.results.mkdir(parents=True, exist_ok=True)
        commit = result["machine"]["commit"]
        file = given.results / f"{result['date'][:16].replace(':', '')}-{commit}.json"
        file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(file)
    if not given.no_page:
        newest = max(given.results.glob("*.json"), default=None, key=lambda path: path.name)
        if newest is None:
            parser.error(f"there are no results in {given.results}")
        write_page(newest, page)
        print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
