"""What is reckoned beside rows stays beside its own row, whatever order the engine works in."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from kizashi.sources import mapped


def test_columns_reckoned_beside_rows_keep_their_order() -> None:
    con = duckdb.connect(config={"threads": 4})
    con.execute("SET preserve_insertion_order = false")
    numbers = np.arange(300_000)
    pieces = [pa.table({"n": pa.array(part)}) for part in np.array_split(numbers, 37)]
    found = mapped._beside(con, pa.concat_tables(pieces), "n + 1 AS next")
    assert (found["next"].to_numpy() == numbers + 1).all()
