"""Who stands behind the names of an account."""

from __future__ import annotations

from tests.entities.lake_tables import add, at, derived, empty_lake


def test_address_upn_windows_account_and_display_name_are_one_person() -> None:
    con = empty_lake()
    for user in ("hana@acme.example", "hana@acme.onmicrosoft.com", "ACME\\hana", "Hana"):
        add(con, "authentication", {"time": at(), "user": user})
    add(
        con,
        "email_activity",
        {
            "time": at(),
            "from_address": "hana@acme.example",
            "from_name": "Mori Hana",
            "to_addresses": ["ken@acme.example"],
        },
    )
    assert derived(con, "person", "name, person") == [
        ("acme\\hana", "hana@acme.example"),
        ("hana", "hana@acme.example"),
        ("hana@acme.example", "hana@acme.example"),
        ("hana@acme.onmicrosoft.com", "hana@acme.example"),
        ("ken@acme.example", "ken@acme.example"),
        ("mori hana", "hana@acme.example"),
    ]


def test_a_partner_of_the_same_name_is_another_person() -> None:
    con = empty_lake()
    add(con, "authentication", {"time": at(), "user": "sato@acme.example"})
    add(con, "authentication", {"time": at(), "user": "ACME\\sato"})
    add(
        con,
        "email_activity",
        {
            "time": at(),
            "from_address": "sato@acme.example",
            "to_addresses": ["sato@partner.example", "ken@acme.example"],
        },
    )
    assert derived(con, "person", "name, person") == [
        ("acme\\sato", "sato@acme.example"),
        ("ken@acme.example", "ken@acme.example"),
        ("sato@acme.example", "sato@acme.example"),
        ("sato@partner.example", "sato@partner.example"),
    ]


def test_an_account_that_two_persons_could_own_stays_alone() -> None:
    con = empty_lake()
    for user in ("sato@acme.example", "sato@affiliate.example", "sato", "administrator"):
        add(con, "authentication", {"time": at(), "user": user})
    add(con, "authentication", {"time": at(), "user": "administrator@acme.example"})
    found = derived(con, "person", "name, person")
    assert ("sato", "sato") in found
    assert ("administrator", "administrator") in found


def test_a_sign_in_has_its_person_network_and_client() -> None:
    con = empty_lake()
    phone = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Version/18.0 Mobile Safari/604"
    )
    add(
        con,
        "authentication",
        {"time": at(), "user": "Hana@acme.example", "vantage": "cloud", "success": True,
         "client_ip": "203.0.113.9", "user_agent": phone},
        {"time": at(1), "user": "ken@acme.example", "vantage": "cloud", "success": True,
         "client_ip": "203.0.113.9", "asn": 64500, "user_agent": "python-requests/2.28.1"},
        {"time": at(2), "user": "ACME\\ken", "vantage": "endpoint", "logon_type": 3,
         "client_ip": "203.0.113.9"},
    )  # fmt: skip
    assert derived(con, "sign_in", "person, network, client") == [
        ("hana@acme.example", "203.0", "iPhone Safari"),
        ("ken@acme.example", "AS64500", "python-requests"),
    ]
