"""A mapping to begin with, for a log that none fits: its format, fields, and guesses at columns.

A person reviews it; nothing here is used to read a log.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from kizashi.sources import InputFile
from kizashi.sources.records import header, sample, sampled

_PAIR = re.compile(r"([A-Za-z_][\w.()-]*)=(?:\"[^\"]*\"|[^\s,;]*)")
_PLAIN = re.compile(r"[^a-z0-9\u3040-\u9fff]")
_MOST_FIELDS = 60
# What divides the cells of a line without a header; commas and tabs have a format of their own.
_DIVIDERS = ("|", ";", "^", "~")
_FEWEST_CELLS = 4
_SYSLOG = re.compile(
    r"^(?:<\d{1,3}>)?(?:\d )?(?:[A-Z][a-z]{2} +\d{1,2} (?:\d{4} )?[\d:]{8}|\d{4}-\d\d-\d\dT\S+)"
    r" \S+ +"
)
_KEYED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_ENDS = re.compile(
    r"([0-9a-fA-F.:]*[.:][0-9a-fA-F.:]*):(\d{1,5})( ?[->/,]+ ?)"
    r"([0-9a-fA-F.:]*[.:][0-9a-fA-F.:]*):(\d{1,5})"
)
# What a cell is by its form, where no header says it.
_SHAPES = (
    ("time", re.compile(r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d.*|\d{10}(\d{3})?(\.\d+)?")),
    ("ip", re.compile(r"\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F:]*")),
    ("url", re.compile(r"https?://\S+")),
    ("transport", re.compile(r"(?i)tcp|udp|icmp")),
    (
        "disposition",
        re.compile(r"(?i)(allow|accept|permit|pass|den[yi]|block|drop|reject)\w*|許可|遮断|拒否"),
    ),
)
# What products call a column, letters and digits only; the first that a log has is proposed.
NAMES = {
    "client_ip": ("srcip", "src", "sourceip", "clientip", "cip", "sourceaddress", "saddr", "userip",
                  "送信元ip", "送信元ipアドレス", "送信元アドレス", "クライアントip", "接続元ip",
                  "接続元ipアドレス", "接続元アドレス", "端末ip"),
    "client_port": ("srcport", "spt", "sourceport", "sport", "clientport", "送信元ポート"),
    "server_ip": ("dstip", "dst", "destinationip", "destip", "serverip", "daddr", "remoteip",
                  "宛先ip", "宛先ipアドレス", "宛先アドレス", "接続先ip", "接続先ipアドレス"),
    "server_port": ("dstport", "dpt", "destinationport", "dport", "destport", "宛先ポート"),
    "query": ("qname", "query", "dnsquery", "rrname", "domainname", "問い合わせ名"),
    "host": ("host", "hostname", "domain", "desthost", "sni", "ホスト", "接続先ホスト",
             "宛先ホスト", "宛先ドメイン", "接続先"),
    "url": ("url", "uri", "request", "requesturl", "アクセス先", "アクセス先url"),
    "user": ("user", "username", "usr", "suser", "account", "login", "ユーザー", "ユーザー名",
             "利用者", "userid", "利用者id", "利用者名", "ユーザーid", "ユーザid", "職員番号"),
    "device": ("devicename", "computername", "computer", "workstation", "端末名", "コンピュータ名"),
    "disposition": ("action", "act", "verdict", "disposition", "result", "処理", "動作", "判定",
                    "判定結果", "結果"),
    "user_agent": ("useragent", "agent", "ua", "ユーザーエージェント"),
    "method": ("method", "requestmethod", "メソッド"),
    "status_code": ("status", "statuscode", "httpstatus", "ステータス", "応答コード",
                    "ステータスコード"),
    "transport": ("proto", "protocol", "プロトコル"),
    "bytes_out": ("sentbyte", "bytesout", "bytessent", "sentbytes", "送信バイト", "送信バイト数"),
    "bytes_in": ("rcvdbyte", "bytesin", "bytesreceived", "receivedbytes", "受信バイト",
                 "受信バイト数"),
}  # fmt: skip
TIMES = ("timestamp", "eventtime", "time", "datetime", "date", "receivedtime", "ts", "日時", "時刻",
         "発生日時", "受信日時", "日付")  # fmt: skip


def propose(file: InputFile) -> str:
    """Text of a mapping.toml to review; its fields come from the file's first records."""
    texts = sampled(file, as_table=True)
    cells = _cells(texts)
    if cells is not None:
        return _of_cells(file, cells)
    form, fields = _form(texts)
    guessed = dict(_guesses(fields))
    url = guessed.pop("url", None)
    time = [f for wanted in TIMES for f in fields if _plain(f) == wanted]
    is_web = url or "status_code" in guessed or "user_agent" in guessed
    table = (
        "dns_activity" if "query" in guessed else "http_activity" if is_web else "network_activity"
    )
    for own, names in _RENAMED.items():
        if own in guessed and table in names:
            guessed[names[table]] = guessed.pop(own)
    keys = fields[:3]
    lines = [
        f"title = {_quoted(file.label[:60])}",
        f'format = "{form}"',
        'vantage = "gateway"            # endpoint, resolver, proxy, gateway, sensor, cloud',
        "",
        "[match]                        # what tells these records from others",
        *_match(form, keys, texts),
        "",
        "[time]",
        f"from = {_list(time[:2])}       # which field? else the syslog header's time is taken",
        "",
        "[[table]]                      # see: docs/reference/tables.md",
        f'name = "{table}"',
        "[table.columns]",
        *(f"{column} = {_quoted(name)}" for column, name in guessed.items()),
    ]
    if url:
        lines += (
            []
            if "host" in guessed
            else [
                f'host = {{ field = {_quoted(url)}, part = "host" }}',
            ]
        )
        lines += [
            f'uri = {{ field = {_quoted(url)}, part = "path" }}',
        ]
    rest = [f for f in fields if f not in guessed.values() and f not in time and f != url]
    if rest:
        lines += ["", f"# fields not used yet: {', '.join(rest[:_MOST_FIELDS])}"]
    return "\n".join(lines) + "\n"


# Columns that have another name in a table.
_RENAMED = {
    "host": {"network_activity": "server_name", "dns_activity": "query"},
    "bytes_out": {"http_activity": "request_body_bytes"},
    "bytes_in": {"http_activity": "response_body_bytes"},
}
FORMS = {"json": "JSON", "pairs": "key=value", "cef": "CEF", "leef": "LEEF", "list": "cells"}
_MOST_NAMED = 8


def hint(file: InputFile) -> str:
    """What a log that none fits seems to be, and what a mapping of it would have to name."""
    texts = sampled(file, as_table=True)
    if not texts:
        return ""
    cells = _cells(texts)
    if cells is not None:
        return f'{len(cells.names)} cells divided by "{cells.divider}"'
    form, fields = _form(texts)
    name = "a table with a header" if header(sample(file)) else FORMS[form]
    guessed = [f"{column} = {name}" for column, name in _guesses(fields)]
    if guessed:
        return f"{name}, perhaps {', '.join(guessed[:_MOST_NAMED])}"
    named = f"the fields {', '.join(fields[:_MOST_NAMED])}" if form in ("json", "pairs") else ""
    return f"{name}; map {named or 'its time, addresses and names by place or by pattern'}"


class _Cells(NamedTuple):
    """Lines of the same number of cells: what divides them, a name for each cell, the cells of the
    first line, and the first cell where it is the same in every line."""

    divider: str
    names: list[str]
    first: list[str]
    constant: str


def _cells(texts: list[str]) -> _Cells | None:
    """The cells of lines without a header; None where the lines have none."""
    bodies = [_SYSLOG.sub("", text) for text in texts if not text.startswith("{")]
    for divider in _DIVIDERS:
        split = [body.split(divider) for body in bodies]
        if not split:
            return None
        usual, count = Counter(map(len, split)).most_common(1)[0]
        if usual < _FEWEST_CELLS or count < 0.8 * len(bodies):
            continue
        rows = [row for row in split if len(row) == usual]
        keyed = [_KEYED.fullmatch(cell.strip()) for cell in rows[0]]
        names = [found[1] if found else f"f{n}" for n, found in enumerate(keyed, 1)]
        if len(set(names)) < len(names):
            names = [f"f{n}" for n in range(1, usual + 1)]
        is_constant = len({row[0] for row in rows}) == 1 and "'" not in rows[0][0]
        constant = rows[0][0] if is_constant else ""
        return _Cells(divider, names, rows[0], constant)
    return None


def _of_cells(file: InputFile, cells: _Cells) -> str:
    """A mapping by pattern: a named group for each cell, columns by the first line's values."""
    cell = f"[^{re.escape(cells.divider)}]*"
    groups: list[str] = []
    used: list[str] = []
    columns: dict[str, str] = {}
    guessed = {name: column for column, name in _guesses(cells.names)}
    time: list[str] = []
    for name, text in zip(cells.names, cells.first, strict=True):
        ends = _ENDS.fullmatch(text.strip())
        prefix = f"{name}=" if text.strip().startswith(f"{name}=") else ""
        if ends and "client_ip" not in columns:
            between = re.escape(ends[3])
            groups.append(rf"(?P<src>.*?):(?P<spt>\d+){between}(?P<dst>.*?):(?P<dpt>\d+)")
            columns |= {"client_ip": "src", "client_port": "spt", "server_ip": "dst"}
            columns["server_port"] = "dpt"
            continue
        groups.append(f"{prefix}(?P<{name}>{cell})")
        shape = next((s for s, form in _SHAPES if form.fullmatch(text.strip())), "")
        if shape == "time" and not time:
            time.append(name)
        elif shape == "ip":
            shape = "server_ip" if "client_ip" in columns else "client_ip"
        column = guessed.get(name) or shape
        column = "server_name" if column in ("host", "url") else column
        if column and column != "time" and column not in columns:
            columns[column] = name
        elif name not in time:
            used.append(f"{name} = {text.strip()[:30]}")
    start = re.escape(cells.constant + cells.divider) if cells.constant else ""
    return "\n".join(
        [
            f"title = {_quoted(file.label[:60])}",
            'format = "pattern"',
            'vantage = "gateway"            # endpoint, resolver, proxy, gateway, sensor, cloud',
            "# A named group for each cell; the syslog header is taken off before. Rename them.",
            f"pattern = '^{re.escape(cells.divider).join(groups)}$'",
            "",
            "[match]                        # what tells these records from others",
            f"pattern = '^{start}'" if start else f"pattern = '^{cell}{re.escape(cells.divider)}'",
            "",
            "[time]",
            f"from = {_list(time)}       # which group? else the syslog header's time is taken",
            "",
            "[[table]]                      # see: docs/reference/tables.md",
            'name = "network_activity"',
            "[table.columns]",
            *(f"{column} = {_quoted(name)}" for column, name in columns.items()),
            "",
            f"# groups not used yet, with the first line's value: {'; '.join(used)}",
            "",
        ]
    )


def _plain(name: str) -> str:
    """Letters and digits of a field's name, full-width ones as their usual form."""
    return _PLAIN.sub("", unicodedata.normalize("NFKC", name).lower())


def _form(texts: list[str]) -> tuple[str, list[str]]:
    objects = [found for text in texts if (found := _object(text))]
    if objects:
        seen = Counter(path for item in objects for path in _paths(item))
        return "json", [path for path, _count in seen.most_common(_MOST_FIELDS)]
    if any("CEF:" in text for text in texts):
        return "cef", []
    if any("LEEF:" in text for text in texts):
        return "leef", []
    seen = Counter(key for text in texts for key in _PAIR.findall(text))
    if len(seen) >= 4:
        return "pairs", [key for key, _count in seen.most_common(_MOST_FIELDS)]
    return "list", [str(n) for n in range(1, max((t.count(",") for t in texts), default=0) + 2)]


def _object(text: str) -> dict[str, object] | None:
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _paths(item: dict[str, object], before: str = "", depth: int = 0) -> Iterator[str]:
    for key, value in item.items():
        if isinstance(value, dict) and depth < 4:
            yield from _paths(value, f"{before}{key}.", depth + 1)
        else:
            yield before + key


def _guesses(fields: list[str]) -> Iterator[tuple[str, str]]:
    last: dict[str, str] = {}
    for name in fields:
        last.setdefault(_plain(name.rsplit(".", 1)[-1]), name)
    for column, wanted in NAMES.items():
        found = next((last[w] for w in wanted if w in last), None)
        if found is not None:
            yield column, found


def _match(form: str, keys: list[str], texts: list[str]) -> Iterator[str]:
    if form == "json" and keys:
        yield f"keys = {_list(keys)}"
    elif form == "pairs" and keys:
        yield f"contains = {_list([key + '=' for key in keys])}"
    else:
        start = re.escape((texts or [""])[0][:12])
        yield f"pattern = '^{start}'   # RE2; loosen it to fit every record"


def _list(items: list[str]) -> str:
    return "[" + ", ".join(map(_quoted, items)) + "]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
