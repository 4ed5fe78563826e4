"""Zeek logs: TSV and JSON, one log type a file or many, any version, unknown and label columns.

Fields are read as text and typed by the table's SQL, so one damaged field costs that field only.
A file is first read by the engine in one pass; only when the rows do not add up is it read line by
line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import orjson

from kizashi.schema import quoted
from kizashi.sources import Batch, InputFile, Reject, table_sql
from kizashi.sources.zeek import careful
from kizashi.sources.zeek.header import parse_header
from kizashi.sources.zeek.relation import json_relation, literal, tsv_relation

TITLE = "Zeek"
STATUS = "stable"

PATHS = {
    "conn": "network_activity",
    "open_conn": "network_activity",
    "dns": "dns_activity",
    "http": "http_activity",
    "open_http": "http_activity",
    "ssl": "tls_activity",
    "open_ssl": "tls_activity",
    "files": "network_file_activity",
    "ftp": "network_file_activity",
    "x509": "certificate_activity",
    "smtp": "email_activity",
    "dhcp": "dhcp_activity",
    "notice": "alert",
    "kerberos": "authentication",
    "ntlm": "authentication",
}
# Of an ftp log only commands that moved a file tell of one; the rest go to other_activity.
MOVES = """coalesce(upper("command") IN ('APPE', 'RETR', 'STOR', 'STOU'), false)"""
REFUSED = """coalesce("reply_code"::VARCHAR >= '4', false)"""
# Fields that only one log type has: they name the type of JSON records that do not say it.
SIGNS = {
    "dns": {"qtype_name", "rcode_name", "query"},
    "http": {"method", "uri", "trans_depth", "status_code"},
    "ssl": {"server_name", "cipher", "established", "ja3"},
    "files": {"fuid", "mime_type", "tx_hosts"},
    "ftp": {"command", "reply_code", "reply_msg"},
    "x509": {"certificate.serial", "certificate.subject", "certificate.version"},
    "smtp": {"helo", "mailfrom", "rcptto"},
    "dhcp": {"assigned_ip", "assigned_addr", "msg_types", "lease_time"},
    "notice": {"note", "msg", "suppress_for"},
    "kerberos": {"request_type", "till", "renewable"},
    "ntlm": {"ntlm", "server_nb_computer_name"},
    "conn": {"conn_state", "history", "orig_pkts"},
}
REST = "other_activity"
MARKS = ("_path", "@stream")
_QUOTED = re.compile(r'"([A-Za-z_@][\w.@]*)"')
_LISTED = re.compile(r'zeek_list\("([^"]+)"\)')
_WRAPPED = re.compile(rb'\s*\{\s*"([a-z_]+)"\s*:\s*\{')


def claims(file: InputFile) -> int:
    """100 for a Zeek header, 90 for a JSON record with Zeek's own names, 0 otherwise."""
    if b"#fields\t" in file.head and file.head.lstrip().startswith(b"#"):
        return 100
    first = _first_object(file.head)
    if first is None:
        return 0
    inner = next(iter(first.values()), None)
    keys = set(inner if len(first) == 1 and isinstance(inner, dict) else first)
    named = {"id.orig_h", "id_orig_h", "fuid", "uid"} & keys
    if set(MARKS) & keys or ("ts" in keys and (named or _path_by_signs(keys))):
        return 90
    return 0


def read(file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
    """Batches of one Zeek file; TSV by its header, JSON by the names in its records."""
    if file.head.lstrip().startswith(b"#"):
        yield from _read_tsv(file, con)
    else:
        yield from _read_json(file, con)


def _first_object(head: bytes) -> dict[str, object] | None:
    for line in head.split(b"\n", 3)[:3]:
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        return found if isinstance(found, dict) else None
    return None


def _path_by_signs(keys: set[str]) -> str | None:
    best = max(SIGNS, key=lambda path: len(SIGNS[path] & keys))
    return best if SIGNS[best] & keys else None


def _read_tsv(file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
    header = parse_header(file.head)
    if header is None or not file.ends_with_newline:
        yield from careful.read_tsv(file, con, batch_of)
        return
    skip = 0 if file.first_record else header.lines
    read_rows = file.newlines - skip - careful.closing_comments(file.plain, file.size)
    if read_rows <= 0:
        yield Batch({}, 0)
        return
    yield batch_of(
        con,
        tsv_relation(file.plain, header, skip, file.first_record),
        header.path,
        header.columns,
        "tsv",
        read_rows,
        types=header.types,
        repair=lambda: careful.read_tsv(file, con, batch_of),
    )


def _read_json(file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
    lines = [line for line in file.head.split(b"\n")[:200] if line.strip()]
    seen = _json_fields(lines[:-1] or lines)
    mark = next((name for name in MARKS if name in seen), None)
    path = _json_path(file, seen, mark)
    if _WRAPPED.match(lines[0]) or path is None:
        yield from careful.read_json(file, con, batch_of, _path_of)
        return
    # Fields that the first records lack may come later; a log without `ts` has none at all.
    known = [f for f in _sql_fields(PATHS.get(path, REST)) if f != "ts"]
    fields = tuple(dict.fromkeys([*seen, *known]))
    typed = dict.fromkeys(_list_fields(path), "VARCHAR[]")
    # Where the first record counts seconds the engine parses them; a record that does not has no
    # time then, the rows do not add up, and it is read with more care.
    epoch = isinstance((_first_object(file.head) or {}).get("ts"), float | int)
    if epoch:
        typed["ts"] = "DOUBLE"
    relation = json_relation(file.plain, fields, typed, file.first_record)
    if mark is not None:
        # Records of another type stay behind; then the rows do not add up and each gets its own.
        relation = f"SELECT * FROM ({relation}) WHERE {quoted(mark)} = {literal(path)}"
    yield batch_of(
        con,
        relation,
        path,
        fields,
        "json_epoch" if epoch else "json_lists",
        file.newlines + (not file.ends_with_newline),
        repair=lambda: careful.read_json(file, con, batch_of, _path_of),
    )


def _list_fields(path: str) -> frozenset[str]:
    """Fields that the path's SQL reads as lists: the engine then parses them with the record."""
    return frozenset(_LISTED.findall(table_sql("zeek", PATHS.get(path, REST))))


def _json_fields(lines: list[bytes]) -> dict[str, None]:
    seen: dict[str, None] = {}
    for line in lines:
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(found, dict):
            careful.add_names(seen, found)
    return seen


def _json_path(file: InputFile, seen: dict[str, None], mark: str | None) -> str | None:
    first = _first_object(file.head) or {}
    return str(first.get(mark)) if mark is not None else _path_of(file.label, set(seen))


def _path_of(label: str, keys: set[str]) -> str | None:
    """Log type of JSON records that do not name it: the file's own name, else the fields."""
    stem = re.split(r"[.\d]", label.rsplit("!", 1)[-1].rsplit("/", 1)[-1])[0].lower().rstrip("_-")
    if stem in PATHS and SIGNS.get(stem.removeprefix("open_"), set()) & keys:
        return stem
    return _path_by_signs(keys) or stem or None


def _sql_fields(table: str) -> tuple[str, ...]:
    """Zeek's fields that a table's SQL reads: what it puts in double quotes, aliases left out."""
    text = re.sub(r"--.*", "", table_sql("zeek", table))
    return tuple(dict.fromkeys(_QUOTED.findall(re.sub(r'AS\s+"\w+"', "", text))))


def batch_of(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    path: str,
    fields: tuple[str, ...],
    form: str,
    read_rows: int,
    *,
    types: tuple[str, ...] = (),
    rejects: tuple[Reject, ...] = (),
    repair: careful.Repair | None = None,
) -> Batch:
    """A batch whose one SELECT maps `relation` (record_no and text fields) onto the path's table.

    `form` is tsv, json, json_lists or json_epoch; it picks the macros that read times, flags and
    lists.
    """
    con.execute(table_sql("zeek", f"_{form}"))
    kinds = dict(zip(fields, types, strict=False))
    table = PATHS.get(path, REST)
    if path == "ftp" and "command" in fields:
        told = f"{MOVES} AND NOT {REFUSED}" if "reply_code" in fields else MOVES
        moved = f"SELECT * FROM ({relation}) WHERE {told}"
        others = f"SELECT * FROM ({relation}) WHERE NOT ({told})"
        selects = {
            table: _select(moved, path, table, fields, kinds),
            REST: _select(others, path, REST, fields, kinds),
        }
    else:
        selects = {table: _select(relation, path, table, fields, kinds)}
    return Batch(selects, read_rows, rejects, repair)


def _select(
    relation: str, path: str, table: str, fields: tuple[str, ...], kinds: dict[str, str]
) -> str:
    """The table's SQL over the relation, with NULL for each field that the log does not have."""
    wanted = _sql_fields(table)
    dotted = {name.replace("id_", "id.", 1): name for name in fields if name.startswith("id_")}
    have = set(fields) | set(dotted)
    listed = [
        f"{quoted(dotted.get(name, name))} AS {quoted(name)}"
        if name in have
        else f"NULL::VARCHAR AS {quoted(name)}"
        for name in wanted
    ]
    taken = set(wanted) | set(dotted.values()) | _dropped(path)
    extra = fields if table == REST else tuple(f for f in fields if f not in taken)
    listed.append(f"{_json_object(extra, kinds)} AS unmapped_json")
    listed.append(f"{literal(path)} AS path")
    listed.append("record_no")
    record = f"SELECT {', '.join(listed)} FROM ({relation})"
    sql = table_sql("zeek", table).rstrip().rstrip(";").replace("FROM record", f"FROM ({record})")
    return f"SELECT * FROM ({sql}) WHERE time IS NOT NULL" if "ts" in have else sql


def _json_object(names: tuple[str, ...], kinds: dict[str, str]) -> str:
    """SQL of a JSON object of fields, said alike for TSV and JSON; NULL when all are unset."""
    if not names:
        return "NULL::VARCHAR"
    pairs = ", ".join(f"{literal(n)}: {_said(n, kinds.get(n, ''))}" for n in names)
    some = " OR ".join(f"{quoted(n)} IS NOT NULL" for n in names)
    return f"CASE WHEN {some} THEN left(to_json({{{pairs}}})::VARCHAR, 65536) END"


def _said(name: str, kind: str) -> str:
    text = quoted(name)
    if kind == "bool":
        return f"zeek_bool({text})::VARCHAR"
    if kind == "time":
        return f"strftime(zeek_time({text}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind.startswith(("set[", "vector[")):
        return f"to_json(zeek_list({text}))::VARCHAR"
    return f"zeek_text({text})"


# Known fields that no column takes and that say nothing a hunter asks for, by log type.
_DROPPED = {
    "": (
        "@proc @stream @system _path _write_ts local_orig local_resp missed_bytes ts "
        "tunnel_parents uid"
    ),
    "dns": "AA RA RD TC Z qclass qclass_name qtype rcode rejected",
    "conn": "inner_vlan orig_ip_bytes resp_ip_bytes resp_l2_addr vlan",
    "ftp": "password",
    "http": (
        "info_code info_msg orig_filenames origin password resp_filenames "
        "status_msg tags trans_depth username version"
    ),
    "ssl": (
        "client_cert_chain_fps client_cert_chain_fuids "
        "client_issuer client_subject curve last_alert server_certs sni_matches_cert ssl_history"
    ),
    "files": (
        "analyzers depth duration extracted extracted_cutoff extracted_size missing_bytes "
        "overflow_bytes parent_fuid timedout total_bytes"
    ),
}


def _dropped(path: str) -> set[str]:
    return {*_DROPPED[""].split(), *_DROPPED.get(path.removeprefix("open_"), "").split()}
