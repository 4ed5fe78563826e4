"""Records of one message are one row."""

from __future__ import annotations

from tests.entities.lake_tables import add, at, derived, empty_lake

COLUMNS = "from_address, to_addresses, message_id, dmarc, sender_ip, bytes, disposition, record_no"


def test_lines_of_a_queue_id_are_one_message_and_a_reused_id_is_another() -> None:
    con = empty_lake()
    for start in (0, 600):
        shared = {
            "source": "postfix",
            "vantage": "gateway",
            "clock_id": "postfix:mx1",
            "uid": "4B2F81",
        }
        add(
            con,
            "email_activity",
            {"time": at(start), "sender_ip": "198.51.100.7", "record_no": start + 1, **shared},
            {"time": at(start), "message_id": f"m{start}", "record_no": start + 2, **shared},
            {"time": at(start), "dmarc": "fail", "record_no": start + 3, **shared},
            {"time": at(start), "return_path": "sato@partner.example", "bytes": 9,
             "record_no": start + 4, **shared},
            {"time": at(start, 1), "to_addresses": ["hana@acme.example"], "disposition": "allowed",
             "record_no": start + 5, **shared},
        )  # fmt: skip
    assert derived(con, "message", COLUMNS, "time") == [
        ("sato@partner.example", ["hana@acme.example"], f"m{start}", "fail", "198.51.100.7", 9,
         "allowed", start + 5)
        for start in (0, 600)
    ]  # fmt: skip


def test_attachments_and_links_of_a_message_join_it_and_mail_files_stand_alone() -> None:
    con = empty_lake()
    shared = {"source": "defender", "vantage": "cloud", "uid": "n-1", "time": at()}
    file = {"name": "guests.doc", "sha256": "ab", "bytes": 1, "mime_type": "doc", "md5": None}
    add(
        con,
        "email_activity",
        {"from_address": "a@b.example", "to_addresses": ["hana@acme.example"], "subject": "s",
         **shared},
        {"from_address": "a@b.example", "to_addresses": ["hana@acme.example"],
         "attachments": [file], **shared},
        {"links": ["http://a.example/x"], **shared},
        {"time": at(1), "from_address": "c@d.example", "to_addresses": ["ken@acme.example"]},
        {"time": at(2), "from_address": "c@d.example", "to_addresses": ["ken@acme.example"]},
    )  # fmt: skip
    assert derived(con, "message", "subject, links, len(attachments)", "time") == [
        ("s", ["http://a.example/x"], 1),
        (None, None, None),
        (None, None, None),
    ]
