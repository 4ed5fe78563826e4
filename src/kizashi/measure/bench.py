"""`make bench`: ratios of CPU and peak memory, taken in one run on the same data, printed.

Each measurement runs in a process of its own, so that peaks do not add up. Nothing is asserted:
machines differ and are noisy; the ratios are what to read.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import duckdb

from kizashi.lake import engine
from kizashi.lake.ingest import connect, ingest
from kizashi.lake.manifest import Manifest
from kizashi.lake.settle import settle

DNS_FIELDS = [
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "trans_id",
    "rtt",
    "query",
    "qclass",
    "qclass_name",
    "qtype",
    "qtype_name",
    "rcode",
    "rcode_name",
    "AA",
    "TC",
    "RD",
    "RA",
    "Z",
    "answers",
    "TTLs",
    "rejected",
]
FIRST_SECOND = 1_772_409_600
SECONDS_A_DAY = 86_400


class Cost(NamedTuple):
    """What one measurement took."""

    cpu_s: float
    wall_s: float
    peak_mb: int


def measured(work: Callable[..., object], *args: object) -> Cost:
    """CPU, wall time and peak memory of `work(*args)` in a process of its own."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(target=_child, args=(theirs, work, args))
    child.start()
    cost = ours.recv()
    child.join()
    return Cost(*cost)


def _child(out: Connection, work: Callable[..., object], args: tuple[object, ...]) -> None:
    before, began = _cpu(), time.perf_counter()
    work(*args)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    out.send((_cpu() - before, time.perf_counter() - began, peak))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def make_dns(target: Path, rows: int, days: int, form: str) -> None:
    """A Zeek dns log of `rows` over `days`: 1,000 clients, 2 % failures."""
    step = days * SECONDS_A_DAY / rows
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute(
        f"""CREATE VIEW made AS SELECT
            {FIRST_SECOND} + i * {step} AS second,
            'C' || substr(md5(i::VARCHAR), 1, 17) AS uid,
            '10.' || hash(i, 1) % 4 || '.' || hash(i, 2) % 250 || '.7' AS client,
            hash(i, 4) % 60000 + 1024 AS port,
            hash(i, 5) % 65535 AS id,
            (hash(i, 7) % 100000) / 1e6 AS rtt,
            CASE WHEN hash(i, 8) % 10 < 8
                THEN 'www' || hash(i, 9) % 80000 || '.site' || hash(i, 9) % 3000 || '.example.com'
                ELSE substr(md5((hash(i, 9) % 20000)::VARCHAR), 1, 10) || '.cdn' || hash(i, 9) % 50
                    || '.example.net'
            END AS query,
            hash(i, 14) % 50 = 0 AS failed,
            '203.0.' || hash(i, 15) % 255 || '.' || hash(i, 16) % 255 AS address
        FROM range({rows}) AS t(i)"""
    )
    body = str(target.with_suffix(".body")).replace("'", "''")
    if form == "tsv":
        con.execute(
            f"COPY ({_TSV}) TO '{body}' (FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '')"
        )
        head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
        head += "#path\tdns\n"
        head += "#fields\t" + "\t".join(DNS_FIELDS) + "\n#types\t" + "\t".join(_TYPES) + "\n"
        with target.open("wb") as out, Path(body).open("rb") as rest:
            out.write(head.encode())
            shutil.copyfileobj(rest, out, 1 << 20)
        Path(body).unlink()
    else:
        con.execute(f"COPY ({_JSON}) TO '{target}' (FORMAT json)")


_TYPES = [
    "time",
    "string",
    "addr",
    "port",
    "addr",
    "port",
    "enum",
    "count",
    "interval",
    "string",
    "count",
    "string",
    "count",
    "string",
    "count",
    "string",
    "bool",
    "bool",
    "bool",
    "bool",
    "count",
    "vector[string]",
    "vector[interval]",
    "bool",
]
_TSV = """
    SELECT printf('%.6f', second), uid, client, port, '10.0.0.53', 53, 'udp', id,
        printf('%.6f', rtt), query, 1, 'C_INTERNET', 1, 'A', CASE WHEN failed THEN 3 ELSE 0 END,
        CASE WHEN failed THEN 'NXDOMAIN' ELSE 'NOERROR' END, 'F', 'F', 'T', 'T', 0,
        CASE WHEN failed THEN '-' ELSE 'edge.example.net,' || address END,
        CASE WHEN failed THEN '-' ELSE '300.000000,60.000000' END, 'F'
    FROM made"""
_JSON = """
    SELECT 'dns' AS _path, second AS ts, uid, client AS "id.orig_h", port AS "id.orig_p",
        '10.0.0.53' AS "id.resp_h", 53 AS "id.resp_p", 'udp' AS proto, id AS trans_id, rtt, query,
        1 AS qclass, 'C_INTERNET' AS qclass_name, 1 AS qtype, 'A' AS qtype_name,
        CASE WHEN failed THEN 3 ELSE 0 END AS rcode,
        CASE WHEN failed THEN 'NXDOMAIN' ELSE 'NOERROR' END AS rcode_name,
        false AS AA, false AS TC, true AS RD, true AS RA, 0 AS Z,
        CASE WHEN failed THEN NULL ELSE ['edge.example.net', address] END AS answers,
        CASE WHEN failed THEN NULL ELSE [300.0, 60.0] END AS TTLs, false AS rejected
    FROM made"""


# Shares of a mixed lake, in percent of its events.
MIX = {"dns": 30, "conn": 30, "http": 15, "ssl": 15, "process": 5, "registry": 5}
_ZEEK = """'C' || substr(md5('$kind' || i::VARCHAR), 1, 17) AS uid, second AS ts,
        address AS "id.orig_h", hash(i, 4) % 60000 + 1024 AS "id.orig_p" """
_SYSMON = """strftime(make_timestamp((second * 1e6)::BIGINT), '%Y-%m-%d %H:%M:%S.%g') AS "UtcTime",
        strftime(make_timestamp((second * 1e6)::BIGINT), '%Y-%m-%dT%H:%M:%S.%gZ') AS "TimeCreated",
        'Microsoft-Windows-Sysmon/Operational' AS "Channel",
        'Microsoft-Windows-Sysmon' AS "SourceName",
        i AS "RecordNumber", 'pc-' || host || '.corp.example' AS "Hostname",
        '{' || md5(host || '/' || i % 50000) || '}' AS "ProcessGuid",
        1000 + hash(i, 2) % 20000 AS "ProcessId" """
_MADE = {
    "dns": """SELECT 'dns' AS _path, $zeek, '10.0.0.53' AS "id.resp_h", 53 AS "id.resp_p",
        'udp' AS proto, hash(i, 5) % 65535 AS trans_id, query, 'A' AS qtype_name,
        CASE WHEN hash(i, 14) % 50 = 0 THEN 'NXDOMAIN' ELSE 'NOERROR' END AS rcode_name,
        CASE WHEN hash(i, 14) % 50 = 0 THEN NULL ELSE [server] END AS answers FROM made""",
    "conn": """SELECT 'conn' AS _path, $zeek, server AS "id.resp_h", 443 AS "id.resp_p",
        'tcp' AS proto, hash(i, 6) % 90 AS duration, hash(i, 7) % 9000 AS orig_bytes,
        hash(i, 8) % 900000 AS resp_bytes, 'SF' AS conn_state FROM made""",
    "http": """SELECT 'http' AS _path, $zeek, server AS "id.resp_h", 80 AS "id.resp_p",
        CASE WHEN hash(i, 6) % 20 = 0 THEN 'POST' ELSE 'GET' END AS method, query AS host,
        '/p/' || hash(i, 7) % 5000 AS uri, 'Mozilla/5.0 (Windows NT 10.0)' AS user_agent,
        CASE WHEN hash(i, 6) % 20 = 0 THEN hash(i, 8) % 90000 ELSE 0 END AS request_body_len,
        hash(i, 9) % 90000 AS response_body_len, 200 AS status_code FROM made""",
    "ssl": """SELECT 'ssl' AS _path, $zeek, server AS "id.resp_h", 443 AS "id.resp_p",
        'TLSv13' AS version, query AS server_name, true AS established FROM made""",
    "process": """SELECT 1 AS "EventID", $sysmon,
        'C:\\Program Files\\App' || hash(i, 3) % 300 || '\\app.exe' AS "Image",
        'app.exe --task ' || hash(i, 5) % 1000 AS "CommandLine",
        'C:\\Windows\\explorer.exe' AS "ParentImage", 'CORP\\u' || host AS "User" FROM made""",
    "registry": """SELECT 13 AS "EventID", $sysmon, 'SetValue' AS "EventType",
        'HKLM\\Software\\App' || hash(i, 3) % 300 || '\\State' AS "TargetObject",
        'DWORD (0x' || hash(i, 5) % 9 || ')' AS "Details",
        'C:\\Program Files\\App' || hash(i, 3) % 300 || '\\app.exe' AS "Image" FROM made""",
}


def make_mixed(folder: Path, rows: int, hours: int, first_hour: int = 0) -> None:
    """Zeek and Sysmon logs as JSON, `rows` in all in the shares of MIX, over `hours`: 1,000 hosts
    that speak to 3,000 sites, 2 % of look-ups failing, 5 % of requests POSTs."""
    folder.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    for kind, share in MIX.items():
        count = max(rows * share // 100, 1)
        con.execute(
            f"""CREATE OR REPLACE VIEW made AS SELECT
                i + {first_hour * 10**9} AS i,
                {FIRST_SECOND + first_hour * 3600} + i * {hours * 3600 / count} AS second,
                (hash(i, 1) % 1000)::VARCHAR AS host,
                '10.1.' || hash(i, 1) % 1000 // 250 || '.' || hash(i, 1) % 1000 % 250 AS address,
                'www' || hash(i, 9) % 9 || '.site' || hash(i, 9) % 3000 || '.example.com' AS query,
                '203.' || hash(i, 9) % 3000 // 250 || '.7.' || hash(i, 9) % 250 AS server
            FROM range({count}) AS t(i)"""
        )
        text = _MADE[kind].replace("$zeek", _ZEEK).replace("$sysmon", _SYSMON)
        log = folder / f"{kind}.{first_hour}.log"
        con.execute(f"COPY ({text.replace('$kind', kind)}) TO '{log}' (FORMAT json)")
    con.close()


def bare_copy(source: Path, target: Path, form: str) -> None:
    """The engine alone: the same typed columns from the same file to Parquet."""
    con = connect()
    if form == "tsv":
        types = {"ts": "DOUBLE", "rtt": "DOUBLE"}
        types |= dict.fromkeys(("id.orig_p", "id.resp_p", "trans_id"), "USMALLINT")
        columns = ", ".join(f"'{f}': '{types.get(f, 'VARCHAR')}'" for f in DNS_FIELDS)
        rows = (
            f"read_csv('{source}', skip=7, header=false, auto_detect=false, delim='\t', quote='', "
            f"escape='', nullstr='-', columns={{{columns}}}, store_rejects=true)"
        )
        lists = (
            "string_split(answers, ',') AS answers, "
            "string_split(TTLs, ',')::DOUBLE[]::UINTEGER[] AS ttl_s"
        )
    else:
        types = {"ts": "DOUBLE", "rtt": "DOUBLE", "answers": "VARCHAR[]", "TTLs": "DOUBLE[]"}
        types |= dict.fromkeys(("id.orig_p", "id.resp_p", "trans_id"), "USMALLINT")
        columns = ", ".join(f"'{f}': '{types.get(f, 'VARCHAR')}'" for f in DNS_FIELDS)
        rows = f"read_json('{source}', format='newline_delimited', columns={{{columns}}})"
        lists = "answers, TTLs::UINTEGER[] AS ttl_s"
    con.execute(
        f"""COPY (SELECT make_timestamp((ts * 1e6)::BIGINT) AS time, uid, "id.orig_h" AS client_ip,
            "id.orig_p" AS client_port, "id.resp_h" AS server_ip, "id.resp_p" AS server_port,
            proto AS transport, trans_id AS transaction_id, (rtt * 1000)::FLOAT AS rtt_ms,
            lower(rtrim(query, '.')) AS query, qtype_name AS query_type, rcode_name AS rcode,
            {lists}
            FROM {rows}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"""
    )


def ingest_all(lake: Path, paths: list[Path]) -> None:
    """Ingest without settling."""
    for line in ingest(lake, paths):
        if line.read != line.stored + line.rejected + line.duplicate or not line.stored:
            raise RuntimeError(f"bench: {line}")


def settle_and_derive(lake: Path) -> None:
    """Settle, and read each derived fact once."""
    from kizashi import entities, pipeline

    settle(lake, entities)
    con = engine.open_lake(lake)
    pipeline.derive(con)
    for view in ("name", "contact", "uptime", "baseline", "lease"):
        con.execute(f"SELECT count(*) FROM {view}").fetchall()
    con.close()


def derive_all(lake: Path) -> None:
    """Derived facts alone, over a settled lake."""
    from kizashi import pipeline

    with pipeline.open_settled(lake):
        pass


def mixed_ratio(folder: Path, rows: int) -> None:
    """Detectors and chains against ingest, over a lake of the shares of MIX."""
    logs, lake = folder / "mixed", folder / "lake-mixed"
    make_mixed(logs, rows, 7 * 24)
    taken = measured(ingest_all, lake, [logs])
    settled = measured(settle_and_derive, lake)
    derived = measured(derive_all, lake)
    hunted = measured(hunt_all, lake)
    shares = ", ".join(f"{kind} {share} %" for kind, share in MIX.items())
    print(f"\nmixed lake of {rows:,} events ({shares}), 1,000 hosts, 7 days; against its ingest")
    _row("ingest", taken, taken)
    _row("settle + derived", settled, taken)
    _row("derived again", derived, taken)
    looked = hunted._replace(
        cpu_s=hunted.cpu_s - derived.cpu_s, wall_s=hunted.wall_s - derived.wall_s
    )
    _row("detectors + chains", looked, taken)


def hour_time(folder: Path, rows: int) -> None:
    """A new hour of 1,000 hosts read into a lake of seven days, and hunted."""
    logs, lake = folder / "week", folder / "lake-week"
    make_mixed(logs, rows, 7 * 24)
    measured(ingest_all, lake, [logs])
    measured(hunt_all, lake)
    shutil.rmtree(logs)
    new = folder / "hour"
    make_mixed(new, rows // (7 * 24), 1, first_hour=7 * 24)
    taken = measured(ingest_all, lake, [new])
    hunted = measured(hunt_all, lake)
    print(
        f"\none new hour ({rows // (7 * 24):,} events) of 1,000 hosts over 7 days ({rows:,} events)"
    )
    _row("ingest", taken, None)
    _row("hunt", hunted, None)


def hunt_all(lake: Path) -> None:
    """All detectors and chains over a settled lake."""
    from kizashi import pipeline

    pipeline.hunt(lake, pipeline.HuntOptions())


def ingest_ratios(folder: Path, rows: int) -> None:
    """Ingest, settle and derived facts against the bare copy, TSV and JSON."""
    for form in ("tsv", "json"):
        log = folder / f"dns.{form}.log"
        make_dns(log, rows, 7, form)
        bare = measured(bare_copy, log, folder / "bare.parquet", form)
        lake = folder / f"lake-{form}"
        taken = measured(ingest_all, lake, [log])
        settled = measured(settle_and_derive, lake)
        size = log.stat().st_size / 1e6
        stored = sum((lake / s.path).stat().st_size for s in Manifest(lake).segments()) / 1e6
        print(f"\nZeek dns, {form}: {rows:,} rows, {size:,.0f} MB -> {stored:,.0f} MB")
        _row("bare COPY", bare, bare)
        _row("ingest", taken, bare)
        _row("settle + derived", settled, bare)
        log.unlink()


def days_ratio(folder: Path, rows: int) -> None:
    """One day against ten times the days, of mixed logs: cost in proportion, memory bounded."""
    one: dict[str, Cost] = {}
    for days in (1, 10):
        logs, lake = folder / f"days-{days}", folder / f"lake-days-{days}"
        for day in range(days):
            make_mixed(logs, rows // 10, 24, first_hour=day * 24)
        costs = {
            "ingest": measured(ingest_all, lake, [logs]),
            "settle + derived": measured(settle_and_derive, lake),
            "hunt": measured(hunt_all, lake),
        }
        one = one or costs
        print(f"\n{days} x {rows // 10:,} events of 1,000 hosts; against one day")
        for name, cost in costs.items():
            _row(name, cost, one[name])
        shutil.rmtree(logs)


def make_contacts(folder: Path, contacts: int) -> None:
    """contact and uptime as Parquet: 25 contacts a pair at random in 14 days, 1,000 hosts."""
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute(
        f"""COPY (
            SELECT '' AS site, '/pc-' || pair % 1000 AS host_id,
                'd' || pair || '.example' AS destination,
                '198.51.100.' || pair % 250 AS server_ip, NULL::VARCHAR AS image, time::DATE AS day,
                'http' AS protocol, min(time) AS first_seen, max(time) AS last_seen,
                count(*)::UINTEGER AS hits,
                list_sort(list(DISTINCT epoch(time::TIME)::UINTEGER)) AS times,
                700::UBIGINT AS bytes_out, 100::UBIGINT AS bytes_in
            FROM (SELECT i // 25 AS pair, make_timestamp(
                ({FIRST_SECOND} + hash(i) % {14 * SECONDS_A_DAY})::BIGINT * 1000000) AS time
                FROM range({contacts}) AS t(i))
            GROUP BY pair, time::DATE
        ) TO '{folder / "contact.parquet"}' (FORMAT parquet)"""
    )
    con.execute(
        f"""COPY (
            SELECT '' AS site, '/pc-' || host AS host_id,
                make_timestamp({FIRST_SECOND}::BIGINT * 1000000)::DATE + day::INTEGER AS day,
                range(288)::USMALLINT[] AS bins
            FROM range(1000) AS h(host), range(14) AS d(day)
        ) TO '{folder / "uptime.parquet"}' (FORMAT parquet)"""
    )
    con.close()


def load_contacts(folder: Path) -> duckdb.DuckDBPyConnection:
    """The connection that `make_contacts` filled, with the macros of names and entities."""
    from kizashi import entities, names

    con = connect()
    names.install(con)
    entities.install(con)
    for table in ("contact", "uptime"):
        con.execute(f"CREATE TABLE {table} AS FROM '{folder / table}.parquet'")
    entities.create(con, "life")
    con.execute(
        "CREATE TABLE insider AS SELECT host_id, row_number() OVER ()::INTEGER AS host_no, "
        "min(day)::TIMESTAMP AS host_since, max(day)::TIMESTAMP AS host_until "
        "FROM uptime GROUP BY host_id"
    )
    return con


def derive_rhythm(folder: Path) -> None:
    """Rhythms of the contacts, with what chance explains."""
    from kizashi import entities

    entities.create(load_contacts(folder), "rhythm")


def rhythm_cost(folder: Path, rows: int) -> None:
    """Interval features and the chance of each, from the contact table."""
    make_contacts(folder, rows)
    loaded = measured(load_contacts, folder)
    whole = measured(derive_rhythm, folder)
    alone = whole._replace(cpu_s=whole.cpu_s - loaded.cpu_s, wall_s=whole.wall_s - loaded.wall_s)
    print(f"\nrhythms of {rows:,} contacts in {rows // 25:,} pairs of 1,000 hosts, 14 days")
    _row("rhythm", alone, None)


# One pair: seconds between its contacts, and after how many of them the clock is set back.
ONE_PAIR = {
    "one a second": (1.0, 0),
    "all in one microsecond": (0.0, 0),
    "clock set back": (1.0, 1000),
}


def judge_pair(rows: int, gap_s: float, setback: int) -> None:
    """Contacts, rhythm, proof and rank of one host's requests to one name."""
    from kizashi import entities, names, schema

    con = connect()
    names.install(con)
    entities.install(con)
    for table in schema.tables().values():
        con.execute(engine.empty_table_sql(table))
    back = f"- i // {setback} * {2 * setback * gap_s}" if setback else ""
    con.execute(
        f"""INSERT INTO http_activity BY NAME SELECT '' AS site, '/pc' AS host_id,
            'c2.example' AS host, '192.0.2.1' AS server_ip, 'GET' AS method, '/a' AS uri,
            make_timestamp((({FIRST_SECOND} + i * {gap_s} {back}) * 1000000)::BIGINT) AS time,
            1::UBIGINT AS file_id, i::UBIGINT AS record_no FROM range({rows}) AS t(i)"""
    )
    entities.derive(con)
    for view in ("judged_rhythm", "rhythm_proof", "destination_rank"):
        con.execute(f"SELECT * FROM {view}").fetchall()


def pair_cost(_folder: Path, rows: int) -> None:
    """Twice the rows as contacts of one pair: what one host can make the derived tables cost."""
    print(
        f"\n{2 * rows:,} contacts of one pair, all derived tables; the rows lie in memory besides"
    )
    for name, (gap_s, setback) in ONE_PAIR.items():
        _row(name, measured(judge_pair, 2 * rows, gap_s, setback), None)


def contact_size(folder: Path, rows: int) -> None:
    """Bytes a contact in the history that outlives events: hosts of 2,000 contacts a day, most of
    them with few of 3,000 destinations."""
    from kizashi import entities, names

    con = connect()
    names.install(con)
    entities.install(con)
    con.execute(
        f"""CREATE TABLE exchange AS SELECT '' AS site, '/pc-' || host AS host_id,
            'www.site' || (pow(hash(i, 1) % 1000 / 1000, 3) * 3000)::INTEGER || '.example'
                AS destination,
            make_timestamp(({FIRST_SECOND} + hash(i, 2) % {SECONDS_A_DAY})::BIGINT * 1000000)
                AS time,
            hash(i, 3) % 9000 AS sent, hash(i, 4) % 900000 AS received
        FROM (SELECT i, i // 2000 AS host FROM range({rows}) AS t(i))"""
    )
    con.execute(
        """CREATE TABLE contact AS SELECT site, host_id, destination,
            '203.0.113.' || hash(destination) % 250 AS server_ip, NULL::VARCHAR AS image,
            time::DATE AS day, 'tls' AS protocol, min(time) AS first_seen, max(time) AS last_seen,
            count(*)::UINTEGER AS hits, list_sort(list(DISTINCT second_of_day(time))) AS times,
            sum(sent)::UBIGINT AS bytes_out, sum(received)::UBIGINT AS bytes_in
        FROM exchange GROUP BY ALL"""
    )
    stored = "SELECT * EXCLUDE (first_seen, last_seen) FROM contact ORDER BY ALL"
    for name, select in (("as derived", "FROM contact ORDER BY ALL"), ("as kept", stored)):
        file = folder / "contact.parquet"
        con.execute(
            f"COPY ({select}) TO '{file}' (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"
        )
        print(f"  {name:<18} {file.stat().st_size / rows:7.1f} bytes a contact")


def _row(name: str, cost: Cost, against: Cost | None) -> None:
    ratio = f"{cost.cpu_s / against.cpu_s:6.2f}x CPU" if against else ""
    print(
        f"  {name:<18} {cost.cpu_s:7.1f} CPU-s {cost.wall_s:7.1f} s {cost.peak_mb:6,} MB  {ratio}"
    )


def main() -> None:
    """Run the benches named on the command line, all by default."""
    parser = argparse.ArgumentParser(
        description="Example: python -m kizashi.measure.bench --rows 1000000"
    )
    parser.add_argument(
        "benches", nargs="*", choices=[*BENCHES], default=[*BENCHES], help=", ".join(BENCHES)
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    options = parser.parse_args()
    for name in options.benches:
        with tempfile.TemporaryDirectory(prefix="kizashi-bench-") as folder:
            BENCHES[name](Path(folder), options.rows)


BENCHES: dict[str, Callable[[Path, int], None]] = {
    "ingest": ingest_ratios,
    "days": days_ratio,
    "mixed": mixed_ratio,
    "hour": hour_time,
    "rhythm": rhythm_cost,
    "contacts": contact_size,
    "pair": pair_cost,
}


if __name__ == "__main__":
    main()
