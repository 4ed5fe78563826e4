"""What is asked first and done first follows from what was seen."""

from __future__ import annotations

from dataclasses import replace

from kizashi.incidents import Incident
from kizashi.report.story import story
from kizashi.report.wording import wording
from tests.report import hunt_results


def only(detector: str, stage: str, hosts: tuple[str, ...] = ()) -> Incident:
    """An incident of one stage that some detector told."""
    mail = hunt_results.mail_to_c2()
    first = replace(mail.stages[0], detector=detector, stage=stage)
    return replace(mail, stages=(first,), missing=(), hosts=hosts, users=("hana",))


def test_a_risky_sign_in_is_no_mail() -> None:
    told = story(only("authentication_risky", "initial-access"), 100.0, wording("en"))
    assert told.checks == (
        "Does hana know of this? What else did that session, address or device do, in mail and in "
        "files?",
    )
    assert told.contain == (
        "End the sessions and tokens of hana, reset the password, take back consents and rules "
        "made since.",
    )


def test_a_mail_is_asked_after_and_its_host_is_kept() -> None:
    told = story(only("mail_auth_failed", "initial-access", ("tokyo/pc-07",)), 100.0, wording("en"))
    assert told.checks[0].startswith("Who else received a message")
    assert told.contain[-1].startswith("Isolate tokyo/pc-07")
