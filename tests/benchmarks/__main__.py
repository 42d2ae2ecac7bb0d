"""`make bench`: measures the running product and its parts, and fails where a bound is missed.

Every figure is of this run on this machine; what other machines are doing moves them, so bounds are wide.
"""

from __future__ import annotations

import sys

from rich.console import Console

from tests.benchmarks import cluster, daemon, growth, parts


def main() -> int:
    """Runs every benchmark; returns 1 where a bound is missed."""
    console = Console(width=110, highlight=False)
    results = [*parts.run(console), *daemon.run(console), *cluster.run(console), *growth.run(console)]
    console.print()
    missed = [result for result in results if not result.holds]
    for result in results:
        console.print(result)
    console.print(f"{len(results) - len(missed)} of {len(results)} bounds hold")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
