"""Writes events as Zeek logs: tab-separated, one log a site and type, in Zeek 5's field names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from kizashi.measure.events import Event, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUERY_TYPES = {"A": 1, "NS": 2, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
_RCODES = {"NOERROR": 0, "SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}
_STATUS = {
    200: "OK",
    204: "No Content",
    301: "Moved Permanently",
    304: "Not Modified",
    404: "Not Found",
    503: "Service Unavailable",
}

Fields = Mapping[str, object]


def _ends(event: Event) -> dict[str, object]:
    v = event.values
    return {
        "ts": event.time,
        "uid": v["uid"],
        "id.orig_h": event.client_ip,
        "id.orig_p": v["client_port"],
        "id.resp_h": v["server_ip"],
        "id.resp_p": v["server_port"],
    }


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _conn(event: Event) -> Fields:
    v = event.values
    out, back = _number(v["packets_out"]), _number(v["packets_in"])
    head = 28 if v["transport"] == "udp" else 40
    return _ends(event) | {
        "proto": v["transport"],
        "service": v["service"],
        "duration": timedelta(seconds=float(str(v["duration_s"]))),
        "orig_bytes": v["bytes_out"],
        "resp_bytes": v["bytes_in"],
        "conn_state": v["state"],
        "local_orig": True,
        "local_resp": _is_local(event, str(v["server_ip"])),
        "missed_bytes": 0,
        "history": v["history"],
        "orig_pkts": out,
        "orig_ip_bytes": _number(v["bytes_out"]) + head * out,
        "resp_pkts": back,
        "resp_ip_bytes": _number(v["bytes_in"]) + head * back,
        "tunnel_parents": None,
    }


def _is_local(event: Event, server_ip: str) -> bool:
    own = event.client_ip or ""
    return server_ip.startswith(own.rsplit(".", 1)[0] + ".")


def _dns(event: Event) -> Fields:
    v = event.values
    query_type, rcode = str(v["query_type"]), str(v["rcode"])
    ttls = v["ttl_s"]
    return _ends(event) | {
        "proto": v["transport"],
        "trans_id": v["transaction_id"],
        "rtt": timedelta(milliseconds=float(str(v["rtt_ms"]))),
        "query": v["query"],
        "qclass": 1,
        "qclass_name": "C_INTERNET",
        "qtype": _QUERY_TYPES[query_type],
        "qtype_name": query_type,
        "rcode": _RCODES[rcode],
        "rcode_name": rcode,
        "AA": False,
        "TC": False,
        "RD": True,
        "RA": True,
        "Z": 0,
        "answers": v["answers"],
        "TTLs": [f"{ttl}.000000" for ttl in ttls] if isinstance(ttls, list) else None,
        "rejected": rcode == "REFUSED",
    }


def _http(event: Event) -> Fields:
    v = event.values
    uids = v["file_uids"] if isinstance(v["file_uids"], list) else []
    sent = uids[:1] if v["request_mime"] else []
    got = uids[len(sent) :]
    return _ends(event) | {
        "trans_depth": 1,
        "method": v["method"],
        "host": v["host"],
        "uri": v["uri"],
        "referrer": None,
        "version": "1.1",
        "user_agent": v["user_agent"],
        "origin": None,
        "request_body_len": v["request_body_bytes"],
        "response_body_len": v["response_body_bytes"],
        "status_code": v["status_code"],
        "status_msg": _STATUS[_number(v["status_code"])],
        "info_code": None,
        "info_msg": None,
        "tags": [],
        "username": None,
        "password": None,
        "proxied": event.extra.get("proxied"),
        "orig_fuids": sent or None,
        "orig_filenames": None,
        "orig_mime_types": [v["request_mime"]] if sent else None,
        "resp_fuids": got or None,
        "resp_filenames": None,
        "resp_mime_types": [v["response_mime"]] if got else None,
    }


def _ssl(event: Event) -> Fields:
    v = event.values
    return _ends(event) | {
        "version": v["version"],
        "cipher": v["cipher"],
        "curve": "x25519",
        "server_name": v["sni"],
        "resumed": v["resumed"],
        "last_alert": None,
        "next_protocol": v["alpn"],
        "established": v["established"],
        "subject": None,
        "issuer": None,
        "validation_status": None,
        "ja3": v["ja3"],
        "ja3s": v["ja3s"],
    }


def _files(event: Event) -> Fields:
    v = event.values
    client, server = [event.client_ip], [v["server_ip"]]
    sender, receiver = (client, server) if v["is_upload"] else (server, client)
    return {
        "ts": event.time,
        "fuid": v["file_uid"],
        "tx_hosts": sender,
        "rx_hosts": receiver,
        "conn_uids": [v["uid"]],
        "source": str(v["protocol"]).upper(),
        "depth": 0,
        "analyzers": ["SHA256"] if v["sha256"] else [],
        "mime_type": v["mime_type"],
        "filename": v["file_name"],
        "duration": timedelta(),
        "local_orig": v["is_upload"],
        "is_orig": v["is_upload"],
        "seen_bytes": v["bytes"],
        "total_bytes": v["bytes"],
        "missing_bytes": 0,
        "overflow_bytes": 0,
        "timedout": False,
        "parent_fuid": None,
        "md5": None,
        "sha1": None,
        "sha256": v["sha256"],
    }


def _dhcp(event: Event) -> Fields:
    v = event.values
    return {
        "ts": event.time,
        "uids": [event.extra["uid"]],
        "client_addr": event.client_ip,
        "server_addr": v["server_ip"],
        "mac": v["mac"],
        "host_name": v["host_name"],
        "client_fqdn": None,
        "domain": v["domain"],
        "requested_addr": None,
        "assigned_addr": event.client_ip,
        "lease_time": timedelta(seconds=_number(v["lease_s"])),
        "client_message": None,
        "server_message": None,
        "msg_types": ["REQUEST", "ACK"],
        "duration": timedelta(milliseconds=2),
    }


LOGS: dict[str, tuple[str, Callable[[Event], Fields]]] = {
    "network_activity": ("conn", _conn),
    "dns_activity": ("dns", _dns),
    "http_activity": ("http", _http),
    "tls_activity": ("ssl", _ssl),
    "network_file_activity": ("files", _files),
    "dhcp_activity": ("dhcp", _dhcp),
}
_TYPES = {
    "addr": "id.orig_h id.resp_h client_addr server_addr requested_addr assigned_addr",
    "port": "id.orig_p id.resp_p",
    "enum": "proto",
    "time": "ts",
    "interval": "duration rtt lease_time",
    "bool": "local_orig local_resp AA TC RD RA rejected resumed established is_orig timedout",
    "count": "orig_bytes resp_bytes missed_bytes orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes "
    "trans_id qclass qtype rcode Z trans_depth request_body_len response_body_len status_code "
    "info_code depth seen_bytes total_bytes missing_bytes overflow_bytes",
    "vector[string]": "answers orig_fuids orig_filenames orig_mime_types resp_fuids "
    "resp_filenames resp_mime_types msg_types",
    "vector[interval]": "TTLs",
    "set[string]": "tunnel_parents proxied conn_uids uids analyzers",
    "set[enum]": "tags",
    "set[addr]": "tx_hosts rx_hosts",
}
_TYPE_OF = {field: type_ for type_, fields in _TYPES.items() for field in fields.split()}


def text(value: object) -> str:
    """A value as Zeek's ASCII writer puts it, tabs escaped."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, datetime):
        since = value - _EPOCH
        return f"{since.days * 86400 + since.seconds}.{since.microseconds:06d}"
    if isinstance(value, timedelta):
        return f"{value.days * 86400 + value.seconds}.{value.microseconds:06d}"
    if isinstance(value, list):
        return ",".join(text(item).replace(",", "\\x2c") for item in value) or "(empty)"
    return str(value).replace("\t", "\\x09") or "(empty)"


def log(events: Iterable[Event], table: str) -> str:
    """The whole log of one table's events, header and close line included."""
    path, fields_of = LOGS[table]
    rows = [fields_of(event) for event in events]
    names = list(rows[0])
    opened = next(iter(rows))["ts"]
    stamp = opened.strftime("%Y-%m-%d-%H-%M-%S") if isinstance(opened, datetime) else ""
    head = [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        f"#path\t{path}",
        f"#open\t{stamp}",
        "#fields\t" + "\t".join(names),
        "#types\t" + "\t".join(_TYPE_OF.get(name, "string") for name in names),
    ]
    lines = ["\t".join(text(value) for value in row.values()) for row in rows]
    return "\n".join([*head, *lines, f"#close\t{stamp}"]) + "\n"


HEADER_LINES = 8
