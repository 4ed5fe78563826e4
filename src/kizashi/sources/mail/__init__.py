"""Mail as files: one message (.eml) or a box of them (mbox), known by content and not by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any

import duckdb
import pyarrow as pa

from kizashi.sources import Batch, InputFile, Reject, table_sql
from kizashi.sources.mail.mailbox import RawMessage, is_mbox, read_mbox, read_single
from kizashi.sources.mail.message import NotAMessageError, message_start, to_row

TITLE = "Mail (.eml, mbox)"
STATUS = "stable"

_BATCH_MESSAGES = 500
_FIELD = re.compile(rb"^([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:", re.M)
_STRONG = frozenset(
    [
        "received",
        "return-path",
        "delivered-to",
        "message-id",
        "from",
        "mime-version",
        "authentication-results",
        "dkim-signature",
        "arc-seal",
        "received-spf",
        "x-original-to",
    ]
)
_WEAK = frozenset(
    ["to", "subject", "date", "cc", "reply-to", "sender", "content-type", "list-id", "x-mailer"]
)
_ATTACHMENT = pa.struct(
    {
        "name": pa.string(),
        "mime_type": pa.string(),
        "bytes": pa.uint64(),
        "md5": pa.string(),
        "sha256": pa.string(),
    }
)
_COLUMNS = pa.schema(
    {
        "record_no": pa.uint64(),
        "natural_key": pa.uint64(),
        "time": pa.timestamp("us"),
        "time_alt": pa.timestamp("us"),
        "clock_id": pa.string(),
        "message_id": pa.string(),
        "subject": pa.string(),
        "from_address": pa.string(),
        "from_name": pa.string(),
        "reply_to": pa.string(),
        "return_path": pa.string(),
        "to_addresses": pa.list_(pa.string()),
        "spf": pa.string(),
        "spf_domain": pa.string(),
        "dkim": pa.string(),
        "dkim_domain": pa.string(),
        "dmarc": pa.string(),
        "compauth": pa.string(),
        "arc": pa.string(),
        "sender_ip": pa.string(),
        "received_hops": pa.uint16(),
        "links": pa.list_(pa.string()),
        "attachments": pa.list_(_ATTACHMENT),
        "findings": pa.list_(pa.string()),
        "members": pa.list_(pa.string()),
        "bytes": pa.uint64(),
        "truncated": pa.bool_(),
        "unmapped": pa.string(),
    }
)


def claims(file: InputFile) -> int:
    """95 for an mbox, 90 for a header that only mail has, 40 for a bare one, 0 otherwise."""
    if is_mbox(file.head):
        return 95
    start = message_start(file.head)
    block = re.split(rb"\n\r?\n", file.head[start:], maxsplit=1)[0]
    first = _FIELD.match(block)
    # A screenful of mail-like lines somewhere in a log is not a message: it has to begin the file.
    if first is None or b"\0" in block:
        return 0
    names = {name.decode("ascii").lower() for name in _FIELD.findall(block)}
    if len(names & _STRONG) >= 2 or (names & _STRONG and names & _WEAK):
        return 90
    return 40 if {"subject", "to"} <= names or names & {"from", "received"} else 0


def read(file: InputFile, con: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
    """Batches of rows; a message that cannot be read becomes a reject."""
    messages: Iterable[RawMessage]
    plain = file.uncut or file.plain
    if is_mbox(file.head):
        messages = read_mbox(plain, file.first_record)
    else:
        # A single message that grew was stored when it was first seen.
        messages = [] if file.first_record else [read_single(plain)]
    pending = iter(messages)
    for number in count():
        rows, rejects = _rows(islice(pending, _BATCH_MESSAGES))
        if not rows and not rejects:
            return
        yield from _batches(con, f"mail_{file.file_id}_{number}", rows, rejects)


def _rows(messages: Iterable[RawMessage]) -> tuple[list[dict[str, Any]], tuple[Reject, ...]]:
    rows, rejects = [], []
    for message in messages:
        try:
            rows.append(to_row(message))
        except NotAMessageError as error:
            rejects.append(_reject(message, str(error)))
        except RecursionError:
            rejects.append(_reject(message, "nested too deeply to read"))
    return rows, tuple(rejects)


def _reject(message: RawMessage, reason: str) -> Reject:
    return Reject(message.record_no, reason, message.raw[:200].decode("utf-8", "replace"))


def _batches(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    rows: list[dict[str, Any]],
    rejects: tuple[Reject, ...],
) -> Iterator[Batch]:
    total = len(rows) + len(rejects)
    con.register(relation, pa.Table.from_pylist(rows, schema=_COLUMNS))
    try:
        select = table_sql("mail", "email_activity").replace("mail_message", relation)
        yield Batch({"email_activity": select} if rows else {}, total, rejects)
    finally:
        con.unregister(relation)
