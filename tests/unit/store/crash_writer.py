"""Writes until it is killed, telling of each write once it is acknowledged. Run by test_kill.

Reads the paths of stores from its input, one a line, and has a child of its own write to each: what takes the
time of starting a process is done once for all rounds.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path

from store import Store, Transaction, audit, meta


def write(path: Path) -> None:
    store = Store.open(path)
    numbers = itertools.count(1)

    def both(tx: Transaction, number: int) -> int:
        audit.append(tx, audit.Entry(1.0, "Written", "ns", "amf", "uid", number, "", "{}"))
        meta.put(tx, f"row-{number}", "x" * (number % 700))
        return number

    def loop() -> None:
        for number in numbers:
            store.write(lambda tx, n=number: both(tx, n)).add_done_callback(
                lambda future: os.write(1, b"%d\n" % future.result())
            )
            if number % 20 == 0:
                store.write(lambda _: None).result()

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


for line in sys.stdin:
    if (child := os.fork()) == 0:
        write(Path(line.strip()))
    os.write(1, b"pid %d\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"end\n")
