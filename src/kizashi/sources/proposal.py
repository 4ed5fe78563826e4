"""A mapping to begin with, for a log that none fits: its format, fields, and guesses at columns.

A person reviews it; nothing here is used to read a log.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from kizashi.sources import InputFile
from kizashi.sources.records import sampled

_PAIR = re.compile(r"([A-Za-z_][\w.()-]*)=(?:\"[^\"]*\"|[^\s,;]*)")
_PLAIN = re.compile(r"[^a-z0-9\u3040-\u9fff]")
_MOST_FIELDS = 60
# What products call a column, letters and digits only; the first that a log has is proposed.
NAMES = {
    "client_ip": ("srcip", "src", "sourceip", "clientip", "cip", "sourceaddress", "saddr", "userip",
                  "送信元ip", "送信元ipアドレス", "送信元アドレス", "クライアントip"),
    "client_port": ("srcport", "spt", "sourceport", "sport", "clientport", "送信元ポート"),
    "server_ip": ("dstip", "dst", "destinationip", "destip", "serverip", "daddr", "remoteip",
                  "宛先ip", "宛先ipアドレス", "宛先アドレス"),
    "server_port": ("dstport", "dpt", "destinationport", "dport", "destport", "宛先ポート"),
    "query": ("qname", "query", "dnsquery", "rrname", "domainname", "問い合わせ名"),
    "host": ("host", "hostname", "domain", "desthost", "ホスト"),
    "url": ("url", "uri", "request", "requesturl", "アクセス先", "アクセス先url"),
    "user": ("user", "username", "usr", "suser", "account", "login", "ユーザー", "ユーザー名",
             "利用者"),
    "device": ("devicename", "computername", "computer", "workstation", "端末名", "コンピュータ名"),
    "disposition": ("action", "act", "verdict", "disposition", "result", "処理", "動作"),
    "user_agent": ("useragent", "agent", "ua", "ユーザーエージェント"),
    "method": ("method", "requestmethod", "メソッド"),
    "status_code": ("status", "statuscode", "httpstatus", "ステータス"),
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
    form, fields = _form(texts)
    guessed = dict(_guesses(fields))
    url = guessed.pop("url", None)
    time = [f for wanted in TIMES for f in fields if _PLAIN.sub("", f.lower()) == wanted]
    table = "dns_activity" if "query" in guessed else "http_activity" if url else "network_activity"
    keys = [f for f in fields if _PLAIN.fullmatch(f) is None][:3]
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
        lines += [
            f'host = {{ field = {_quoted(url)}, part = "host" }}',
            f'uri = {{ field = {_quoted(url)}, part = "path" }}',
        ]
    rest = [f for f in fields if f not in guessed.values() and f not in time and f != url]
    if rest:
        lines += ["", f"# fields not used yet: {', '.join(rest[:_MOST_FIELDS])}"]
    return "\n".join(lines) + "\n"


FORMS = {"json": "JSON", "pairs": "key=value", "cef": "CEF", "leef": "LEEF", "list": "cells"}
_MOST_NAMED = 8


def hint(file: InputFile) -> str:
    """What a log that none fits seems to be, and what a mapping of it would have to name."""
    texts = sampled(file, as_table=True)
    if not texts:
        return ""
    form, fields = _form(texts)
    guessed = [f"{column} = {name}" for column, name in _guesses(fields)]
    if guessed:
        return f"{FORMS[form]}, perhaps {', '.join(guessed[:_MOST_NAMED])}"
    named = f"the fields {', '.join(fields[:_MOST_NAMED])}" if form in ("json", "pairs") else ""
    return f"{FORMS[form]}; map {named or 'its time, addresses and names by place or by pattern'}"


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
        last.setdefault(_PLAIN.sub("", name.rsplit(".", 1)[-1].lower()), name)
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
