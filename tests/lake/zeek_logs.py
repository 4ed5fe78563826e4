"""Small Zeek logs for the lake's tests, made here."""

from __future__ import annotations

from pathlib import Path

FIELDS = [
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
HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n"
    "#fields\t" + "\t".join(FIELDS) + "\n#types\t" + "\t".join(["string"] * len(FIELDS)) + "\n"
)
FIRST_RECORD = HEADER.count("\n") + 1


def dns_line(number: int, query: str | None = None, start: float = 1_772_409_600.0) -> str:
    """One record, a second after the one before."""
    return "\t".join(
        [
            f"{start + number:.6f}",
            f"C{number}",
            "192.0.2.7",
            "50000",
            "192.0.2.53",
            "53",
            "udp",
            str(number % 65_536),
            "0.001000",
            query or f"n{number}.example",
            "1",
            "C_INTERNET",
            "1",
            "A",
            "0",
            "NOERROR",
            "F",
            "F",
            "T",
            "T",
            "0",
            "198.51.100.1",
            "60.000000",
            "F",
        ]
    )


def dns_log(path: Path, count: int, first: int = 0, *, close: bool = True) -> Path:
    """A dns.log of `count` records."""
    lines = [dns_line(n) for n in range(first, first + count)]
    path.write_text(HEADER + "\n".join(lines) + "\n" + ("#close\t2026\n" if close else ""))
    return path
