"""Ordinary mail: partners, newsletters, zips with the password in the next mail, broken SPF."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from kizashi.measure.events import seconds
from kizashi.measure.mailbox import Attachment, Message, deliver
from kizashi.measure.organisation import Person, Site
from kizashi.measure.recorder import Recorder

_PARTNERS = (
    ("tanaka@kawaguchi-trading.example", "川口商事 田中"),
    ("info@boru-energy.example", "Boru Energy"),
    ("s.wright@northgate-survey.example", "Sam Wright"),
    ("eigyo@minato-logistics.example", "港ロジスティクス 営業部"),
    ("muhasebe@anadolu-lojistik.example", "Anadolu Lojistik Muhasebe"),
)
# Partners whose mail goes out through a forwarder that their SPF does not name.
_BROKEN = (
    ("jimukyoku@gakkai-office.example", "学会事務局"),
    ("bulten@ticaret-odasi.example", "Ticaret Odası"),
)
_SUBJECTS = {
    "tokyo": ("見積書の件", "議事録のご送付", "Re: 来週の打合せ", "請求書 4月分", "ご確認のお願い"),
    "ankara": (
        "Toplantı notları",
        "Re: Teklif",
        "Fatura Nisan",
        "Program taslağı",
        "Re: Visit in May",
    ),
}


def correspond(recorder: Recorder) -> None:
    """Everybody's mail of all days, with the look-ups that the mail server makes for each."""
    for site in recorder.organisation.sites:
        people = [p for p in recorder.organisation.people if p.site == site.name]
        for day in recorder.organisation.days:
            if not site.works(day):
                continue
            random = recorder.random("mail", site.name, day)
            for _ in range(max(3, len(people) // 2)):
                at = site.utc(day, random.uniform(8, 18.5))
                _one(recorder, at, site, random.choice(people), random)


def _one(recorder: Recorder, at: datetime, site: Site, person: Person, random: Random) -> None:
    kind = random.random()
    if kind < 0.16:
        _password_zip(recorder, at, site, person, random)
    elif kind < 0.28:
        _broken_sender(recorder, at, site, person, random)
    elif kind < 0.5:
        _newsletter(recorder, at, site, person, random)
    else:
        sender, name = random.choice(_PARTNERS)
        attached = (Attachment(f"{at:%Y%m%d}_{random.randrange(100, 999)}.pdf", "application/pdf"),)
        subject = random.choice(_SUBJECTS[site.name])
        _deliver(
            recorder,
            at,
            site,
            person,
            Message(sender, name, subject, subject, attached if kind < 0.8 else ()),
        )


def _password_zip(
    recorder: Recorder, at: datetime, site: Site, person: Person, random: Random
) -> None:
    sender, name = random.choice(_PARTNERS)
    archive = Attachment(f"資料_{at:%m%d}.zip", "application/zip")
    _deliver(
        recorder,
        at,
        site,
        person,
        Message(
            sender,
            name,
            "資料送付の件",
            "添付のとおりお送りします。パスワードは別便です。",
            (archive,),
        ),
    )
    _deliver(
        recorder,
        at + timedelta(seconds=random.uniform(40, 120)),
        site,
        person,
        Message(sender, name, "パスワードのお知らせ", f"Pass{random.randrange(1000, 9999)}"),
    )


def _broken_sender(
    recorder: Recorder, at: datetime, site: Site, person: Person, random: Random
) -> None:
    sender, name = random.choice(_BROKEN)
    spf = random.choice(("fail", "softfail"))
    _deliver(
        recorder,
        at,
        site,
        person,
        Message(
            sender,
            name,
            random.choice(_SUBJECTS[site.name]),
            "本文",
            (),
            spf,
            "none",
            "fail",
            sender_ip="203.0.113.58",
        ),
    )


def _newsletter(
    recorder: Recorder, at: datetime, site: Site, person: Person, random: Random
) -> None:
    topic = random.choice(("energy", "trade", "science"))
    _deliver(
        recorder,
        at,
        site,
        person,
        Message(
            f"news@{topic}-digest.example",
            f"{topic.title()} Digest",
            f"{topic.title()} weekly",
            "This week's stories",
            return_path=f"bounce@{topic}.mailings.example",
            links=(f"https://www.{topic}-digest.example/issue/{random.randrange(100, 400)}",),
        ),
    )


def _deliver(
    recorder: Recorder, at: datetime, site: Site, person: Person, message: Message
) -> None:
    deliver(recorder, at, site, person, message)
    server = recorder.organisation.server("tokyo", "mail")
    random = recorder.random("gateway", at, person.account)
    reverse = f"{20 + random.randrange(40)}.113.0.203"
    for i, zone in enumerate(("zen.dnsbl.example", "bl.spamwatch.example")):
        # Not listed means: the name does not exist.
        recorder.lookup(
            server, at - seconds(1.2 - 0.2 * i), f"{reverse}.{zone}", types=("A",), rcode="NXDOMAIN"
        )
    domain = message.sender.rsplit("@", 1)[1]
    recorder.lookup(
        server, at - seconds(0.7), domain, types=("TXT",), answer="v=spf1 -all", ttl_s=3600
    )
    recorder.lookup(
        server,
        at - seconds(0.5),
        f"_dmarc.{domain}",
        types=("TXT",),
        answer="v=DMARC1; p=none",
        ttl_s=3600,
    )
