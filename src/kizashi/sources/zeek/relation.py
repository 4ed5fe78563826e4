"""SELECTs that give a Zeek file's fields as text, one row a record, with record_no."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kizashi.sources.zeek.header import Header

LONGEST_RECORD_BYTES = 2_097_152


def literal(text: str) -> str:
    """A string quoted for SQL."""
    return "'" + text.replace("'", "''") + "'"


def tsv_relation(plain: Path, header: Header, skip: int, first_record: int) -> str:
    """Fields of a TSV; `skip` lines come before the first record."""
    rows = _read_csv(plain, header, header.columns, skip)
    return f"SELECT row_number() OVER () + {skip + first_record} AS record_no, * FROM {rows}"


def numbered_tsv_relation(plain: Path, header: Header) -> str:
    """Fields of a scratch TSV whose last column, `kizashi_line`, is the record's line number."""
    rows = _read_csv(plain, header, (*header.columns, "kizashi_line"), 0)
    return f"SELECT kizashi_line::UBIGINT AS record_no, * EXCLUDE (kizashi_line) FROM {rows}"


def _read_csv(plain: Path, header: Header, names: tuple[str, ...], skip: int) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({literal(str(plain))}, skip={skip}, header=false, auto_detect=false, "
        f"delim={literal(header.separator)}, quote='', escape='', new_line='\\n', "
        f"nullstr={literal(header.unset)}, columns={{{columns}}}, ignore_errors=true, "
        f"max_line_size={LONGEST_RECORD_BYTES})"
    )


def json_relation(
    plain: Path, fields: tuple[str, ...], typed: Mapping[str, str], first_record: int
) -> str:
    """Fields of JSON records, typed as `typed` says, else as text; nested values stay JSON text."""
    rows = _read_json(plain, fields, typed)
    return f"SELECT row_number() OVER () + {first_record} AS record_no, * FROM {rows}"


def numbered_json_relation(plain: Path, fields: tuple[str, ...]) -> str:
    """Fields of scratch JSON records that carry their line number as `kizashi_line`."""
    rows = _read_json(plain, (*fields, "kizashi_line"), {})
    return f"SELECT kizashi_line::UBIGINT AS record_no, * EXCLUDE (kizashi_line) FROM {rows}"


def _read_json(plain: Path, fields: tuple[str, ...], typed: Mapping[str, str]) -> str:
    columns = ", ".join(f"{literal(name)}: '{typed.get(name, 'VARCHAR')}'" for name in fields)
    return (
        f"read_json({literal(str(plain))}, format='newline_delimited', columns={{{columns}}}, "
        f"ignore_errors=true, maximum_object_size={LONGEST_RECORD_BYTES})"
    )
