"""A detector whose behaviour is a Sigma rule, or a correlation of several: detector.yml.

A rule becomes the same one SELECT that other detectors bring. A correlation is found in Python from
the rows that its rules select, and its SELECT reads what was found.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

import duckdb
import pyarrow as pa

from kizashi import schema
from kizashi.detectors.folder import Query
from kizashi.errors import KizashiError
from kizashi.sigma import Correlation, Rule, Rules, View, Watch, correlate, parse, unseen, view
from kizashi.sigma.events import Place
from kizashi.sigma.occurrences import HOST_NAMES, Occurrence
from kizashi.sigma.refusals import Unable
from kizashi.sigma.sql import condition, text_of
from kizashi.sigma.tables import TABLE

LINKS = ("user", "process_guid", "process_id", "image", "command_line", "parent_guid",
         "parent_image", "sha256", "server_ip", "message_id")  # fmt: skip
PROGRAMS = ("image", "parent_image")
_EPISODES = pa.schema(
    {
        "site": pa.string(),
        "host_id": pa.string(),
        "first_seen": pa.timestamp("us"),
        "last_seen": pa.timestamp("us"),
        "group": pa.string(),
        "amount": pa.float64(),
        "evidence": pa.list_(pa.struct({"file_id": pa.uint64(), "record_no": pa.uint64()})),
    }
)


def query(label: str, text: str) -> Query:
    """The query of a detector.yml; KizashiError says what keeps it from being one."""
    found = parse([(label, text)])
    if found.broken:
        wrong = found.broken[0]
        raise KizashiError(f"{label}:{wrong.line}: {wrong.reason}")
    said: list[Rule | Correlation] = [*found.rules, *found.correlations]
    outermost = [one for one in said if one.id not in found.inner]
    if len(outermost) != 1:
        raise KizashiError(f"{label}: must state one behaviour: a rule, or a correlation of some")
    outer = outermost[0]
    try:
        if isinstance(outer, Rule):
            return _rule_query(outer)
        return _correlation_query(outer, found)
    except Unable as reason:
        raise KizashiError(f"{label}: {reason}") from reason


def _view(rule: Rule) -> View:
    """The event table that holds a rule's log source and has its fields."""
    for channel, _ids in rule.records:
        if channel.startswith(TABLE) and (own := view(channel)).table in schema.tables():
            return own
    raise Unable(unseen(rule))


def _rule_query(rule: Rule) -> Query:
    own = _view(rule)
    links = _links(own)
    template = Template(files(__package__).joinpath("sigma_rule.sql").read_text("utf-8"))
    lead = ",\n        "
    return Query(
        template.substitute(
            table=own.table,
            condition=f"{own.where} AND {condition(rule.node, own)}",
            program=", ".join(f"file_name({n})" for n in PROGRAMS if n in links) or "NULL",
            links="".join(f"{lead}{value} AS {schema.quoted(n)}" for n, value in links.items()),
            anchored="".join(
                f",\n    arg_min({schema.quoted(n)}, place) AS {schema.quoted(n)}" for n in links
            ),
        ),
        frozenset({own.table}),
    )


def _links(own: View) -> dict[str, str]:
    """The columns of a signal that a row of the table fills."""
    held = schema.tables()[own.table].column_names
    return {n: schema.quoted(n) for n in LINKS if n in held} | dict(own.links)


def _correlation_query(outer: Correlation, found: Rules) -> Query:
    watch = Watch(found.correlations)
    selects = {
        rule.id: _hits_sql(rule, watch.wanted[rule.id])
        for rule in found.rules
        if rule.id in watch.wanted
    }

    def prepare(con: duckdb.DuckDBPyConnection) -> None:
        seen = Watch(found.correlations)
        hosts: dict[Place, tuple[str, str]] = {}
        for part, sql in selects.items():
            for site, host, time, file_id, record, *values in con.execute(sql).fetchall():
                place = Place(str(file_id), record)
                hosts[place] = (site, host)
                named = zip(seen.wanted[part], values, strict=True)
                held = {name: (value,) for name, value in named if value}
                seen.seen[part].append(Occurrence(time, place, part, held, place))
        rows = [
            {
                "site": hosts[episode.places[0]][0],
                "host_id": hosts[episode.places[0]][1],
                "first_seen": int(episode.first * 1e6),
                "last_seen": int(episode.last * 1e6),
                "group": ", ".join(value for _name, value in episode.group),
                "amount": episode.count,
                "evidence": [
                    {"file_id": int(place.file), "record_no": place.line}
                    for place in episode.places
                ],
            }
            for episode in correlate(found.correlations, seen)
            if episode.correlation is outer
        ]
        table = pa.Table.from_pylist(rows, _EPISODES)
        con.register("sigma_episode_rows", table)
        con.execute("CREATE OR REPLACE TEMP TABLE sigma_episode AS FROM sigma_episode_rows")
        con.unregister("sigma_episode_rows")

    sql = files(__package__).joinpath("sigma_correlation.sql").read_text("utf-8")
    read = frozenset(_view(rule).table for rule in found.rules if rule.id in selects)
    return Query(sql, read, prepare)


def _hits_sql(rule: Rule, wanted: tuple[str, ...]) -> str:
    own = _view(rule)
    values = "".join(
        ", host_id" if name in HOST_NAMES else f", {text_of(own, name)}" for name in wanted
    )
    return (
        f"SELECT site, host_id, epoch(time), file_id, record_no{values} FROM {own.table} "
        f"WHERE time IS NOT NULL AND {own.where} AND {condition(rule.node, own)}"
    )
