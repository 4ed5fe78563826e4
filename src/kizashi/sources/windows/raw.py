"""Records on their way to DuckDB: numbered JSON texts in batches, read ahead of their use."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from kizashi.sources import Reject

T = TypeVar("T")
SCHEMA = pa.schema([("record_no", pa.uint64()), ("line", pa.large_string())])
# DuckDB scans an Arrow table one piece per thread.
PIECE_ROWS = 1024
_BATCHES_AHEAD = 1
_SWITCH_S = 0.0005


@dataclass(frozen=True, slots=True)
class Raw:
    """JSON texts as `record_no`, `line`, and what was already set aside.

    The key is the table that takes the texts, or "" where that is still to be found out.
    """

    texts: dict[str, pa.Table]
    rejects: tuple[Reject, ...] = ()

    @property
    def read(self) -> int:
        """Number of records, rejected ones included."""
        rows: int = sum(table.num_rows for table in self.texts.values())
        return rows + len(self.rejects)


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made while the one before it is in use.

    Until the last is taken, threads of Python change places ten times as often: DuckDB's caller
    asks for the interpreter a few times a query, and would wait 5 ms for the reader each time.
    """
    ready: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(_BATCHES_AHEAD)
    stopped = threading.Event()

    def offer(item: tuple[T] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def fill() -> None:
        try:
            for item in items:
                offer((item,))
                if stopped.is_set():
                    return
            offer(None)
        except BaseException as error:
            offer(error)

    thread = threading.Thread(target=fill, name="windows-reader", daemon=True)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stopped.set()
        thread.join()
        sys.setswitchinterval(interval)
