"""Records on their way to DuckDB: numbered JSON texts in batches, read ahead of their use."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kizashi.sources import Reject

# DuckDB scans an Arrow table one piece per thread.
_PIECE_ROWS = 4096
_BATCHES_AHEAD = 1


@dataclass(frozen=True, slots=True)
class Raw:
    """JSON texts as `record_no`, `line`, and what was already set aside."""

    table: pa.Table
    rejects: tuple[Reject, ...] = ()


def raw(
    record_nos: pa.Array | Sequence[int], lines: pa.Array | Sequence[str], rejects: Sequence[Reject]
) -> Raw:
    """A batch from numbers and texts of equal length."""
    whole = pa.table(
        {
            "record_no": pa.array(record_nos, pa.uint64()),
            "line": lines if isinstance(lines, pa.Array) else pa.array(lines, pa.large_string()),
        }
    )
    return Raw(pa.Table.from_batches(whole.to_batches(_PIECE_ROWS), whole.schema), tuple(rejects))


def ahead(batches: Iterator[Raw]) -> Iterator[Raw]:
    """The same batches, each read while the one before it is being mapped."""
    ready: queue.Queue[Raw | BaseException | None] = queue.Queue(_BATCHES_AHEAD)
    stopped = threading.Event()

    def offer(item: Raw | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def fill() -> None:
        try:
            for batch in batches:
                offer(batch)
                if stopped.is_set():
                    return
            offer(None)
        except BaseException as error:  # raised again by the consumer
            offer(error)

    thread = threading.Thread(target=fill, name="windows-reader", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
