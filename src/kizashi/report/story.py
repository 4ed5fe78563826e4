"""An incident told in words: one paragraph, what to check first, and what to contain.

Facts and inference stay apart: a stage that only inference ties is marked so. Every name that
comes from a log is shortened here and escaped by whoever writes it out.
"""

from __future__ import annotations

from dataclasses import dataclass

from kizashi.incidents import Incident, Stage
from kizashi.report.attack import tactic_order
from kizashi.report.escape import shorten
from kizashi.report.moments import stamp
from kizashi.report.wording import Wording, chance

_NAMES, _NAME_LIMIT, _SUMMARY_LIMIT = 3, 60, 160
_SIBLINGS = 20
# What a person looks at first, and what is done first, by tactic; the words stand in messages.
_OF_ACCOUNTS = frozenset({"authentication", "account", "consent"})
_MOST_CHECKS, _MOST_CONTAINED = 5, 5


@dataclass(frozen=True, slots=True)
class Story:
    """The paragraph, and the two lists under it."""

    paragraph: str
    checks: tuple[str, ...]
    contain: tuple[str, ...]


def story(incident: Incident, host_days: float, words: Wording) -> Story:
    """The incident in one language."""
    sentences = [
        _opening(incident, words),
        *_steps(incident, words),
        _certainty(incident, words),
        *_gaps(incident, words),
        words.say("story.chance", chance=_sentence(chance(incident, host_days, words))),
        *_honest(incident, words),
    ]
    return Story(
        words.say("story.joint").join(s for s in sentences if s),
        (*_listed(incident, words, "check")[:_MOST_CHECKS], *_others(incident, words)),
        (*_listed(incident, words, "contain")[:_MOST_CONTAINED], *_siblings(incident, words)),
    )


def _opening(incident: Incident, words: Wording) -> str:
    key = "story.opening" if len(incident.stages) > 1 else "story.opening_single"
    if len(incident.stages) > 1 and incident.first_seen == incident.last_seen:
        key = "story.opening_moment"
    return words.say(
        key,
        first=stamp(incident.first_seen),
        last=stamp(incident.last_seen),
        where=_some(incident.hosts or incident.users, words),
        stages=len(incident.stages),
    )


def _steps(incident: Incident, words: Wording) -> list[str]:
    """The first stage of each tactic, in order of time."""
    told: dict[str, Stage] = {}
    for stage in incident.stages:
        told.setdefault(stage.stage, stage)
    return [
        words.say(
            "story.step_inferred" if stage.inferred else "story.step",
            time=stamp(stage.time),
            tactic=_short(words.term("tactic", stage.stage)),
            entity=shorten(stage.entity.removeprefix("/"), _NAME_LIMIT),
            summary=_short(words.pick(stage.summary, stage.summary_ja)),
        )
        for stage in told.values()
    ]


def _certainty(incident: Incident, words: Wording) -> str:
    tied = [stage for stage in incident.stages if stage.link]
    if not tied:
        return ""
    inferred = sum(stage.inferred for stage in tied)
    key = "story.certain_some" if inferred else "story.certain_all"
    return words.say(key, logged=len(tied) - inferred, inferred=inferred)


def _gaps(incident: Incident, words: Wording) -> list[str]:
    if not incident.missing:
        return []
    said = [
        f"{_short(words.term('tactic', m.stage))} ({_short(words.term('reason', m.reason))})"
        for m in incident.missing
    ]
    return [words.say("story.missing", stages=words.say("story.comma").join(said))]


def _honest(incident: Incident, words: Wording) -> list[str]:
    said = _sentence(words.pick(incident.benign_story, incident.benign_story_ja))
    return [words.say("story.benign", story=said)] if said else []


def _listed(incident: Incident, words: Wording, group: str) -> tuple[str, ...]:
    """What to do for each tactic that was seen, and for each log that was not there."""
    values = {
        "hosts": _some(incident.hosts, words) or words.say("story.unknown_host"),
        "users": _some(incident.users, words) or words.say("story.unknown_user"),
        "destinations": _some(incident.destinations, words) or words.say("story.unknown_place"),
    }
    stages = sorted(incident.stages, key=lambda stage: tactic_order(stage.stage))
    topics = dict.fromkeys(_topic(stage) for stage in stages)
    found = [
        words.say(f"{group}.{topic}", **values)
        for topic in topics
        if f"{group}.{topic}" in words.texts
    ]
    if group == "check" and not found:
        found.append(words.say("check.other", **values))
    if group == "check" and any(m.reason == "no_such_log" for m in incident.missing):
        found.append(words.say("check.no_such_log", **values))
    if group == "contain" and incident.hosts:
        found.append(words.say("contain.keep", **values))
    return tuple(dict.fromkeys(found))


def _others(incident: Incident, words: Wording) -> tuple[str, ...]:
    """The other hosts, of any site, that asked for names of the sets told of."""
    hosts = {host for stage in incident.stages for host in stage.other_hosts}
    named = tuple(sorted(host.removeprefix("/") for host in hosts - set(incident.hosts)))
    return (words.say("check.other_hosts", hosts=_some(named, words)),) if named else ()


def _siblings(incident: Incident, words: Wording) -> tuple[str, ...]:
    """The other names of the sets told of."""
    names = {name for stage in incident.stages for name in stage.siblings}
    named = tuple(sorted(names - set(incident.destinations)))
    return (words.say("contain.siblings", names=_some(named, words, _SIBLINGS)),) if named else ()


def _sentence(text: str) -> str:
    """A text as the beginning of a sentence, its full stop left to the sentence."""
    said = _short(text.rstrip("。."))
    return said[:1].upper() + said[1:]


def _topic(stage: Stage) -> str:
    """What a stage asks for: its tactic, but an account where the identity service saw it."""
    table = stage.detector.partition("_")[0]
    return "account" if table in _OF_ACCOUNTS else stage.stage


def _short(text: str) -> str:
    return shorten(text, _SUMMARY_LIMIT)


def _some(names: tuple[str, ...], words: Wording, most: int = _NAMES) -> str:
    shown = [shorten(name.removeprefix("/"), _NAME_LIMIT) for name in names[:most]]
    more = [words.say("count.more", n=len(names) - most)] if len(names) > most else []
    return ", ".join(shown + more)
