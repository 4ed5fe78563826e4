"""The hunts of a pack in words: what was found and where, what could not be looked at, and when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from kizashi.incidents import HuntResult, PackHunt
from kizashi.report.moments import date, stamp
from kizashi.report.wording import Wording

STATES = ("fired", "lead", "blind", "nothing")
_HOSTS, _RANKS, _PROOFS, _LACKING, _PAST = 3, 5, 2, 4, 5


def packs(result: HuntResult) -> Iterator[tuple[str, tuple[PackHunt, ...]]]:
    """The packs of a result, each with its hunts: what was found first, what was not last."""
    for pack, hunts in groupby(result.pack_hunts, key=lambda hunt: hunt.pack):
        yield pack, tuple(sorted(hunts, key=lambda hunt: STATES.index(hunt.state)))


def looked(hunt: PackHunt) -> str:
    """The days that the logs of a hunt cover."""
    if hunt.first_looked is None or hunt.last_looked is None:
        return "-"
    first, last = date(hunt.first_looked), date(hunt.last_looked)
    return first if first == last else f"{first} - {last}"


def found(hunt: PackHunt, words: Wording) -> Iterator[str]:
    """A line each: what was found and where, its incidents, its records, and which logs lack."""
    if hunt.first_seen is not None:
        yield words.say(
            "pack.found",
            n=f"{hunt.records:,}",
            first=stamp(hunt.first_seen),
            last=stamp(hunt.last_seen or hunt.first_seen),
            hosts=_some([host.removeprefix("/") for host in hunt.hosts], _HOSTS, words),
        )
    if hunt.incidents:
        ranks = _some([str(rank) for rank in hunt.incidents], _RANKS, words)
        yield words.say("pack.in_incidents", ranks=ranks)
    elif hunt.state == "fired":
        yield words.say("pack.alone")
    yield from (f"{proof.file}:{proof.line}" for proof in hunt.evidence[:_PROOFS])
    yield from (words.pick(note.text, note.text_ja) for note in hunt.past[:_PAST])
    if hunt.lacking:
        yield words.say("pack.partly", lacking=_some(list(hunt.lacking), _LACKING, words))


def _some(names: list[str], most: int, words: Wording) -> str:
    more = " " + words.say("count.more", n=len(names) - most) if len(names) > most else ""
    return ", ".join(names[:most]) + more
