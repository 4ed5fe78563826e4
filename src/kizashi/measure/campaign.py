"""What tells one emulated attack from another: its lure, its programs, its names and its pace.

Everything is made up: names end in `.example`, addresses are for documentation, and no program
stands behind a file name.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from kizashi.measure.events import CONTROL_ADDRESS

_HEX = "0123456789abcdef"
_LETTERED = str.maketrans(_HEX, "ijklmnopqrstuvwx")
_WORDS = (
    "amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty",
    "knoll", "ledge", "maple", "north", "ocean", "pearl", "quilt", "ridge", "stone", "tidal",
)  # fmt: skip
_PARENTS = ("space", "site", "top", "click", "dynip", "hotspot", "privatehost", "lan-ip")
_PRODUCTS = (
    "MediaSync", "AudioHelper", "PrintQueue", "DiskCheck", "FontCache2", "LanguagePack",
    "TabletInput", "NetProfile", "CertRefresh", "ColorSync",
)  # fmt: skip
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:102.0) Gecko/20100101 Firefox/102.0",
    "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)",
)


@dataclass(frozen=True, slots=True)
class Lure:
    """The message that begins it, and what it carries or points to."""

    sender: str
    sender_name: str
    subject: str
    body: str
    document: str
    mime_type: str
    return_path: str
    sender_ip: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """One attacker's choices. `key` keeps the draws of two attacks on one seed apart."""

    key: str
    lure: Lure
    script: str  # wscript, powershell, mshta or cmd: what the document starts
    persistence: str  # task, run_key or startup
    product: str  # what its files and tasks call themselves
    short: str
    is_library: bool  # the implant is a library that rundll32 runs, else a program
    parents: tuple[str, ...]
    names_tried: int
    name_gap_s: tuple[float, float]
    control_address: str
    agent: str
    contact_hours: float
    jitter: float
    post_bytes: tuple[int, int]


_INVITATION = Lure(
    sender="protokol@disisleri-protokol.example",
    sender_name="Protokol Dairesi",
    subject="23 Nisan Resepsiyonu - Davetiye ve katılımcı listesi",
    body="Sayın yetkili,\n\nResepsiyon davetiyesi ve katılımcı listesi ektedir. "
    "Listeyi açıp düzenlemeyi etkinleştirdikten sonra onaylayınız.\n\nProtokol Dairesi",
    document="Davetiye_23_Nisan_Resepsiyonu.xlsm",
    mime_type="application/vnd.ms-excel.sheet.macroEnabled.12",
    return_path="bounce@mailer-77.example",
    sender_ip="203.0.113.61",
)
# The attack of the bundled example.
EXAMPLE = Campaign(
    key="attack",
    lure=_INVITATION,
    script="wscript",
    persistence="task",
    product="MediaSync",
    short="msync",
    is_library=True,
    parents=("space.example", "site.example", "top.example"),
    names_tried=28,
    name_gap_s=(2.0, 6.0),
    control_address=CONTROL_ADDRESS,
    agent=_AGENTS[0],
    contact_hours=4.0,
    jitter=0.2,
    post_bytes=(300, 900),
)
# What each scenario writes in its mail: (subject, body, document).
_LETTERS = {
    1: (
        ("Diplomatik resepsiyon davetiyesi", "Davetiye ektedir.", "Davetiye_{n}.xlsm"),
        ("公式行事のご案内", "詳細は添付をご覧ください。", "ご案内_{n}.docm"),
        ("Note verbale and list of guests", "Please find the note attached.", "Note_{n}.xls"),
    ),
    2: (
        ("Tender documents, revision {n}", "Revised bill attached.", "Tender_{n}_BoQ.xlsm"),
        ("Proje ödeme planı", "Plan ektedir.", "OdemePlani_{n}.xls"),
        ("見積書の差し替え", "差し替え版を送ります。", "見積書_{n}.xlsm"),
    ),
    3: (
        ("Invitation to review: grant {n}", "Forms at the link below.", "GrantReview_{n}.exe"),
        ("Konferans kabul mektubu", "Form bağlantıdadır.", "KabulMektubu_{n}.exe"),
        ("共同研究のお誘い", "下のリンクから様式をご確認ください。", "研究計画_{n}.exe"),
    ),
}


def draw(random: Random, key: str, scenario: int) -> Campaign:
    """Another attacker: every name and pace drawn anew."""
    number = str(random.randrange(100, 10_000))
    subject, body, document = (text.format(n=number) for text in random.choice(_LETTERS[scenario]))
    sender = f"{random.choice(_WORDS)}-{random.choice(_WORDS)}{random.randrange(100)}.example"
    lure = Lure(
        f"office@{sender}",
        random.choice(("Secretariat", "Protokol", "事務局")),
        subject,
        body,
        document,
        _mime(document),
        f"bounce@mailer-{random.randrange(10, 99)}.example",
        f"203.0.113.{random.randrange(50, 60)}",
    )
    product = random.choice(_PRODUCTS)
    parents = random.sample(_PARENTS, random.randrange(2, 5))
    gap = random.uniform(0.5, 8.0)
    size = random.randrange(120, 900)
    return Campaign(
        key=key,
        lure=lure,
        script=random.choice(("wscript", "powershell", "mshta", "cmd")),
        persistence=random.choice(("task", "run_key", "startup")),
        product=product,
        short=product[:3].lower() + random.choice(_WORDS)[:3],
        is_library=random.random() < 0.5,
        parents=tuple(f"{parent}.example" for parent in parents),
        names_tried=random.randrange(14, 60),
        name_gap_s=(gap, gap * random.uniform(1.2, 4)),
        control_address=f"203.0.113.{random.randrange(62, 98)}",
        agent=random.choice(_AGENTS),
        contact_hours=random.choice((0.5, 1.0, 2.0, 4.0)),
        jitter=random.uniform(0.05, 0.5),
        post_bytes=(size, size * random.randrange(2, 4)),
    )


def _mime(document: str) -> str:
    ending = document.rpartition(".")[2]
    return {
        "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
        "docm": "application/vnd.ms-word.document.macroEnabled.12",
        "xls": "application/vnd.ms-excel",
    }.get(ending, "application/x-dosexec")


def names(campaign: Campaign, random: Random) -> list[str]:
    """The week's names in the order of trying: each label under one suffix or two. Labels have two
    shapes: eight hexadecimal digits, and eight letters from i to x."""
    count, parents = campaign.names_tried, campaign.parents
    hexadecimal = [f"{random.getrandbits(32):08x}" for _ in range(count)]
    lettered = [f"{random.getrandbits(32):08x}".translate(_LETTERED) for _ in range(count)]
    found: list[str] = []
    for i in range(count):
        label = hexadecimal[i] if i % 4 else lettered[i]
        found.append(f"{label}.{parents[i % len(parents)]}")
        if i % 3 == 0:
            found.append(f"{label}.{parents[(i + 1) % len(parents)]}")
    return found[:count]
