"""Lag of sources: how long their records take to arrive, where the records say so. What comes late
is not there yet when a hunt looks, and what comes before it happened has a wrong clock or zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import duckdb

from kizashi.incidents import Note

AHEAD_S = -300.0  # clocks that nobody sets drift by minutes
VERY_LATE_S = 6 * 3600.0  # a hunt of the newest day does not see the half of it
NAMED = 5  # hosts and days named one by one


class Lag(NamedTuple):
    """Seconds from what a record tells of to its arrival: the median, and what nine of ten keep."""

    median_s: float
    most_s: float


def of_sources(con: duckdb.DuckDBPyConnection) -> dict[str, Lag]:
    """Lag of each source whose records say when they were taken in: medians over its days."""
    rows = con.execute(
        "SELECT source, median(median_s), median(most_s) FROM source_lag "
        "WHERE host_id IS NULL GROUP BY source ORDER BY source"
    ).fetchall()
    return {source: Lag(usual, most) for source, usual, most in rows}


def warnings(con: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    """A line for each source that is late, ahead of its arrival, or later than its habit, and for
    each host whose records come later than the others'."""
    known = of_sources(con)
    for source, lag in known.items():
        if lag.median_s < AHEAD_S:
            ahead, ahead_ja = span(-lag.median_s), span_ja(-lag.median_s)
            yield Note(
                f"source {source}: its times lie {ahead} after their own arrival: a clock ahead, "
                f"or a wrong zone ([source.{source}] zone)",
                f"ソース {source}：時刻が受信より {ahead_ja} 進んでいる。時計か時間帯の誤り"
                f"（[source.{source}] zone）",
            )
        elif lag.median_s > VERY_LATE_S:
            yield Note(
                f"source {source} arrives {span(lag.median_s)} late: the newest hours are not "
                "there yet",
                f"ソース {source} は {span_ja(lag.median_s)} 遅れて届く。直近の時間帯はまだ無い",
            )
    yield from _late_days(con)
    yield from _late_hosts(con)


def _late_days(con: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    rows = con.execute("FROM late_day ORDER BY lag_s DESC, source, day").fetchall()
    for source, day, lag_s, habit_s in rows[:NAMED]:
        yield Note(
            f"source {source} arrived {span(lag_s)} late on {day} (usually {span(habit_s)})",
            f"ソース {source} は {day} に {span_ja(lag_s)} 遅れて届いた"
            f"（普段は {span_ja(habit_s)}）",
        )


def _late_hosts(con: duckdb.DuckDBPyConnection) -> Iterator[Note]:
    rows = con.execute("FROM late_host ORDER BY lag_s DESC, source, host_id").fetchall()
    for source, host_id, lag_s, habit_s in rows[:NAMED]:
        host = host_id.removeprefix("/")
        yield Note(
            f"{source} of {host} arrives {span(lag_s)} late (others {span(habit_s)})",
            f"{host} の {source} は {span_ja(lag_s)} 遅れて届く（ほかは {span_ja(habit_s)}）",
        )
    if len(rows) > NAMED:
        yield Note(
            f'{len(rows) - NAMED} more hosts are late: kizashi query "FROM late_host"',
            f'ほかに {len(rows) - NAMED} 台が遅れて届く：kizashi query "FROM late_host"',
        )


def span(seconds: float) -> str:
    """A length of time in one unit."""
    return _in_units(seconds, ("d", "h", "min", "s"))


def span_ja(seconds: float) -> str:
    """The same in Japanese."""
    return _in_units(seconds, ("日", "時間", "分", "秒"))


def _in_units(seconds: float, units: tuple[str, str, str, str]) -> str:
    for unit, length in zip(units, (86_400, 3_600, 60), strict=False):
        if abs(seconds) >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:,.0f} {units[-1]}"
