"""Writes the samples of this folder anew: the same three look-ups as TSV and as JSON.

Run it from the repository: python src/kizashi/sources/zeek/samples/make.py
"""

from __future__ import annotations

import json
from pathlib import Path

FIELDS = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "trans_id",
          "rtt", "query", "qtype_name", "rcode_name", "answers", "TTLs", "label"]  # fmt: skip
TYPES = ["time", "string", "addr", "port", "addr", "port", "enum", "count", "interval", "string",
         "string", "string", "vector[string]", "vector[interval]", "string"]  # fmt: skip
NAMES = [("www.shop.example", "NOERROR", ["198.51.100.7"]), ("gone.example", "NXDOMAIN", None),
         ("tab\there.example", "NOERROR", ["alias.example", "2001:db8::7"])]  # fmt: skip


def main() -> None:
    folder = Path(__file__).parent
    tsv = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-"]
    tsv += ["#path\tdns", "\t".join(["#fields", *FIELDS]), "\t".join(["#types", *TYPES])]
    lines = []
    for n, (query, rcode, answers) in enumerate(NAMES):
        ttls = [60.0] * len(answers) if answers else None
        row = [1772409600.25 + n, f"C{n}", "192.0.2.7", 50000 + n, "192.0.2.53", 53, "udp", n,
               0.00125, query, "A", rcode, answers, ttls, "benign"]  # fmt: skip
        tsv.append("\t".join(_tsv(value) for value in row))
        said = {f: v for f, v in zip(FIELDS, row, strict=True) if v is not None}
        lines.append(json.dumps({"_path": "dns"} | said))
    (folder / "dns.log").write_text(
        "\n".join([*tsv, "#close\t2026-03-02-00-00-03"]) + "\n", "utf-8"
    )
    (folder / "dns.json").write_text("\n".join(lines) + "\n", "utf-8")


def _tsv(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(_tsv(part) for part in value)
    if isinstance(value, float):
        return f"{value:.6f}"
    return str(value).replace("\t", "\\x09")


if __name__ == "__main__":
    main()
