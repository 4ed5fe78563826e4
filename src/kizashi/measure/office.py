"""Ordinary life of the whole organisation, day after day."""

from __future__ import annotations

from kizashi.measure import browsing, correspondence, machinery, startup
from kizashi.measure.recorder import Recorder
from kizashi.measure.workday import Sessions


def live(recorder: Recorder, sessions: Sessions) -> None:
    """Record everything honest that happens."""
    finance = {h.name for h in recorder.organisation.department("finance")}
    forgetful = {h.name for h in recorder.organisation.department("sales")[1:3]}
    for session in sessions.all():
        startup.begin(recorder, session)
        browsing.read_the_web(recorder, session)
        machinery.reputation(recorder, session)
        machinery.office_work(recorder, session)
        machinery.chat(recorder, session)
        if session.host.name in forgetful:
            machinery.dead_printer(recorder, session)
        if session.host.name in finance:
            machinery.macros(recorder, session)
    for host in recorder.organisation.workstations():
        browsing.background(recorder, sessions, host)
        machinery.updates(recorder, sessions, host)
    machinery.pollers(recorder, sessions)
    machinery.deployment(recorder, sessions)
    machinery.installs(recorder, sessions)
    machinery.administration(recorder, sessions)
    correspondence.correspond(recorder)
