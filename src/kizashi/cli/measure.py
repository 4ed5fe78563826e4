"""measure: how much a lake would have shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kizashi.cli.console import JsonOption, LakeRequired, TableOption, app, print_rows, talk

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(group, name="measure")


@group.callback()
def measure() -> None:
    """How much would have been seen. Example: kizashi measure beacons --lake ./lake"""


@group.command()
def beacons(
    lake: LakeRequired,
    trials: Annotated[int, typer.Option("--trials", min=1, help="Implants a cell.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 7,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Lay implants that call at many rhythms over the lake's hosts; the share that is found.

    Example: kizashi measure beacons --lake ./lake --trials 50
    """
    from kizashi.measure.beacons import Outcome, wilson
    from kizashi.measure.beacons import measure as run

    def step(outcome: Outcome) -> None:
        talk.print(f"{outcome.cell.name}: {outcome.found} of {outcome.trials}", markup=False)

    rows: list[dict[str, object]] = []
    for cell, count, found, told in run(Path(lake), trials, seed, step=step):
        low, high = wilson(found, count)
        rows.append(
            {
                "implant": cell.name,
                "within_days": cell.days,
                "goal": cell.goal,
                "must": cell.must,
                "found": round(found / count, 3),
                "interval": f"{low:.3f} - {high:.3f}",
                "any_signal": round(told / count, 3),
            }
        )
    print_rows(rows, list(rows[0]) if rows else [], as_json, as_table)


@group.command()
def chains(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where organisations are kept.", metavar="DIR")
    ] = Path(".bench/chains"),
    quick: Annotated[
        bool, typer.Option("--quick", help="One organisation and 60 attacks.")
    ] = False,
    attacks: Annotated[
        int | None, typer.Option("--attacks", min=6, help="Attacks of the first row.")
    ] = None,
    organisations: Annotated[
        int | None, typer.Option("--organisations", min=1, max=10, help="The smallest so many.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 2,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 7,
    row: Annotated[list[str] | None, typer.Option("--row", help="Only this goal.")] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0, help="Begin no hunt after; 0: none.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the calibration (SVG).", metavar="FILE")
    ] = None,
    knots: Annotated[
        Path | None,
        typer.Option("--knots", help="Write how often each score arises.", metavar="FILE"),
    ] = None,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Lay attacks over emulated organisations and judge the incidents against what was planted. A
    stopped call goes on where it was.

    Example: kizashi measure chains --quick --table
    """
    from kizashi.measure import calibration
    from kizashi.measure.chains import LARGE, QUICK, Verdict, lives, summary
    from kizashi.measure.chains import measure as run

    def step(verdict: Verdict) -> None:
        said = "good" if verdict.good else verdict.why
        job = verdict.job
        talk.print(
            f"{job.row} {job.number} ({job.variant.name}, scenario {job.scenario}): {said}",
            markup=False,
        )

    size = QUICK if quick else LARGE
    size = size._replace(
        attacks=attacks or size.attacks,
        organisations=min(organisations or size.organisations, len(size.hosts)),
    )
    outcome = run(folder.resolve(), size, seed, workers, tuple(row or ()), step, minutes)
    for one in outcome.quiet:
        for said in one.told:
            talk.print(f"{one.name}: {said}", markup=False)
    calm = lives(outcome)
    if plot:
        title = f"Calibration over {sum(life.host_days for life in calm):,.0f} emulated host-days"
        plot.write_text(calibration.plot(calibration.check(calm), title), "utf-8")
    if knots:
        source = f"{len(calm)} emulated organisations without attack, {size.days} days"
        knots.write_text(calibration.as_toml(calm, source), "utf-8")
    names = ["goal", "must", "share", "interval", "of"]
    print_rows(summary(outcome), names, as_json, as_table)


@group.command()
def dns(
    lake: LakeRequired,
    names: Annotated[str, typer.Option("--names", help="Folder of labelled names.", metavar="DIR")],
    folds: Annotated[
        str | None,
        typer.Option("--folds", help="Models that never saw the families they judge."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option("--classes", help="TOML of families by class.", metavar="FILE")
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", min=0, help="A family and pace; 0: honest life alone.")
    ] = 4,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 7,
    evidence: Annotated[
        str, typer.Option("--evidence", help="What is logged: name, flow or process.")
    ] = "name",
    regimes: Annotated[
        bool, typer.Option("--regimes", help="One search a family at six paces instead.")
    ] = False,
    as_json: JsonOption = False,
    as_table: TableOption = False,
) -> None:
    """Lay honest failures, then infected host-days, over a lake; what is found from DNS alone.

    Example: kizashi measure dns --lake ./lake --names ../shared/data/domains --trials 2
    """
    from kizashi.measure.dns import kinds
    from kizashi.measure.dns import measure as run

    if regimes:
        _regimes(Path(lake), Path(names), Path(folds) if folds else None, seed, as_json, as_table)
        return

    report = run(
        Path(lake), Path(names), Path(folds) if folds else None, trials, seed, evidence=evidence
    )
    kind = kinds(Path(classes) if classes else None, {o.family for o in report.outcomes})
    rows: list[dict[str, object]] = [
        {
            "family": outcome.family,
            "class": kind[outcome.family],
            "seconds_a_name": outcome.pace_s,
            "host_days": outcome.trials,
            "found": round(outcome.found / outcome.trials, 3),
            "named": round(outcome.named / outcome.trials, 3),
            "misnamed": round(outcome.misnamed / outcome.trials, 3),
        }
        for outcome in report.outcomes
    ]
    print_rows(rows, list(rows[0]) if rows else [], as_json, as_table)
    for name in sorted({*kind.values(), "all"} if rows else ()):
        own = [o for o in report.outcomes if name in ("all", kind[o.family])]
        count = sum(o.trials for o in own)
        shares = [
            sum(getattr(o, what) for o in own) / count for what in ("found", "named", "misnamed")
        ]
        talk.print(
            f"{name}: found {shares[0]:.1%}, named {shares[1]:.1%}, misnamed {shares[2]:.1%} "
            f"of {count} host-days with 20 failed names"
        )
    for told in report.examples:
        talk.print(f"honest, yet medium: {told[:300]}", markup=False)
    rate = 1000 * sum(report.blamed.values()) / report.host_days
    talk.print(f"honest host-days blamed: {rate:.2f} per 1,000 of {report.host_days:,.0f}")


def _regimes(
    lake: Path, names: Path, folds: Path | None, seed: int, as_json: bool, as_table: bool
) -> None:
    from kizashi.measure.beacons import wilson
    from kizashi.measure.dns_regimes import measure as run

    rows: list[dict[str, object]] = []
    for regime, count, found, missed in run(lake, names, folds, seed, talk.print):
        low, high = wilson(found, count)
        rows.append(
            {
                "regime": regime.name,
                "judged_by": "DNS alone" if regime.alone else "incidents",
                "must": regime.must,
                "found": round(found / max(1, count), 3),
                "interval": f"{low:.3f} - {high:.3f}",
                "of": count,
                "missed": ", ".join(missed),
            }
        )
    print_rows(rows, list(rows[0]) if rows else [], as_json, as_table)
