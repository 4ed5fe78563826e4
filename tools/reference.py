"""Writes docs/reference from the code: tables, sources, detectors, chains, packs, the command line.

Each page is made from the one place that already says the thing, so a page cannot disagree with it.
`python -m tools.reference` writes the pages; `--check` only says which are out of date, exit 1.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from kizashi import cli, entities, schema
from kizashi.packs import Hunt, packs
from kizashi.sources.mapping import load as load_mapping

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "kizashi"
PAGES = ROOT / "docs" / "reference"
# Fixed, because a page must not depend on the width of the terminal that makes it.
HELP_COLUMNS = 90
NOTE = "<!-- Made from the code by `make docs`; change it there. -->\n"


def cell(text: object) -> str:
    """A value as one Markdown table cell."""
    return " ".join(str(text).split()).replace("|", "\\|")


def grid(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    heads = tuple(heads)
    lines = [heads, tuple("---" for head in heads), *rows]
    return "".join(f"| {' | '.join(cell(value) for value in line)} |\n" for line in lines)


def folders(kind: str, marker: str) -> list[Path]:
    """The folders of one extension point, by id."""
    return sorted(path.parent for path in (PACKAGE / kind).glob(f"*/{marker}"))


def body(readme: Path) -> str:
    """A README without its title, its headings one level lower."""
    lines = readme.read_text("utf-8").splitlines()
    kept = [line for number, line in enumerate(lines) if number or not line.startswith("# ")]
    lower = [f"#{line}" if line.startswith("##") else line for line in kept]
    return "\n".join(lower).strip() + "\n"


def columns_page() -> str:
    """Every event table with its columns, and every derived table."""
    common = schema.event_columns()
    parts = [
        "# Tables\n",
        "Every record that Kizashi can read becomes a row of one of these tables; a column means\n"
        'one thing everywhere. Query them with `kizashi query "SELECT ..." --lake DIR`.\n',
        "## Columns that every table has\n",
        grid(("column", "type", "meaning"), ((f"`{c.name}`", c.type, c.comment) for c in common)),
        "After settling, `host_id` (site and machine) and `bucket` (a share of the hosts) join.\n",
    ]
    for name, table in schema.tables().items():
        own = table.columns[len(common) :]
        parts += [
            f"## {name}\n",
            f"{table.comment}\n",
            grid(("column", "type", "meaning"), ((f"`{c.name}`", c.type, c.comment) for c in own)),
        ]
    parts += [
        "# Derived tables\n",
        "Made anew from the tables above whenever a lake is settled; query them in the same way.\n",
    ]
    for name in sorted({*entities.TABLES, *entities.VIEWS}):
        parts += [f"## {name}\n", f"```text\n{opening_comment(entities.sql(name))}\n```\n"]
    return "\n".join(parts)


def opening_comment(sql: str) -> str:
    """The comment that a .sql file opens with: its signature, and what it holds."""
    lines = itertools.takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines)


def module_constants(path: Path) -> dict[str, Any]:
    """The constants that a module assigns at its top, read without running it."""
    found: dict[str, Any] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found |= {t.id: node.value.value for t in node.targets if isinstance(t, ast.Name)}
    return found


def sources_page() -> str:
    """Every source: its status, the tables it fills, and its README."""
    parts = ["# Sources\n", "A file is given to the source that is surest of its content.\n"]
    known = set(schema.tables())
    for folder in folders("sources", "README.md"):
        if (folder / "mapping.toml").is_file():
            layout = load_mapping(folder / "mapping.toml", folder.name)
            title, status = layout.title, layout.status
            fills = sorted({table.name for table in layout.tables})
        else:
            constants = module_constants(folder / "__init__.py")
            title, status = constants["TITLE"], constants["STATUS"]
            fills = sorted({path.stem for path in folder.rglob("*.sql")} & known)
        parts += [
            f"## {title}\n",
            f"Id `{folder.name}`, status: {status}."
            + (f" Fills {', '.join(f'`{name}`' for name in fills)}." if fills else "")
            + "\n",
            body(folder / "README.md"),
        ]
    return "\n".join(parts)


def settings_grid(settings: dict[str, dict[str, Any]]) -> str:
    """The settings of a detector or a chain, with unit and reason."""
    return grid(
        ("setting", "default", "unit", "why"),
        ((f"`{name}`", s["default"], s["unit"], s["why"]) for name, s in settings.items()),
    )


def detector_facts(values: dict[str, Any]) -> str:
    """What detector.toml says of a detector, as a table of two columns."""
    needed = dict(values["reads"])
    either = needed.pop("any_of", {})
    reads = "; ".join(filter(None, (_tables(needed, "; "), _tables(either, " or "))))
    chance = values["chance"]
    return grid(
        ("", ""),
        (
            ("ATT&CK", f"{', '.join(values['attack'])} ({values['stage']})"),
            ("status", values["status"]),
            ("family", f"`{values['family']}`"),
            ("blind without", reads),
            ("by chance", f"{chance['per_host_day']} a host-day ({chance['source']})"),
            ("likeliest honest story", values["benign"]),
        ),
    )


def _tables(reads: dict[str, list[str]], between: str) -> str:
    return between.join(f"`{table}` ({', '.join(columns)})" for table, columns in reads.items())


def detectors_page() -> str:
    """Every detector: an overview, then each with its settings and its README."""
    loaded = [
        (folder, tomllib.loads((folder / "detector.toml").read_text("utf-8")))
        for folder in folders("detectors", "detector.toml")
    ]
    overview = (
        (f"[`{f.name}`](#{f.name})", v["title"], ", ".join(v["attack"]), v["stage"], v["status"])
        for f, v in loaded
    )
    parts = [
        "# Detectors\n",
        "A detector states a signal about one host, with its evidence. A signal never alerts by\n"
        "itself: chains tie signals into incidents. `kizashi detectors show ID` prints one.\n",
        grid(("detector", "sees", "ATT&CK", "stage", "status"), overview),
    ]
    for folder, values in loaded:
        parts += [f"## {folder.name}\n", f"{values['title']} / {values['title_ja']}\n"]
        parts += [detector_facts(values), settings_grid(values["settings"])]
        parts += [body(folder / "README.md")]
    return "\n".join(parts)


def chains_page() -> str:
    """Every chain with its settings and its README."""
    parts = ["# Chains\n", "A chain ties signals by cause and time into one incident.\n"]
    for folder in folders("chains", "chain.toml"):
        values = tomllib.loads((folder / "chain.toml").read_text("utf-8"))
        parts += [f"## {folder.name}\n", f"{values['title']} / {values['title_ja']}\n"]
        stages = (
            (
                s["stage"],
                ", ".join(f"`{name}`" for name in s["detectors"]),
                s.get("required", False),
            )
            for s in values["stages"]
        )
        parts.append(f"At least {values['minimum']} of these stages, in order:\n")
        parts.append(
            grid(("stage", "any of", "needed"), ((s, d, "yes" if r else "") for s, d, r in stages))
        )
        parts.append(f"Likeliest honest story: {values['benign']}.\n")
        parts.append(body(folder / "README.md"))
    return "\n".join([*parts, *rival_parts()])


def rival_parts() -> Iterator[str]:
    """Every rival story with what it explains."""
    yield "# Rival stories\n"
    yield "Honest work that leaves the same traces, each with evidence of its own.\n"
    for folder in folders("chains/rivals", "rival.toml"):
        values = tomllib.loads((folder / "rival.toml").read_text("utf-8"))
        yield f"## {folder.name}\n"
        yield f"{values['title']} / {values['title_ja']}\n"
        yield f"Families that it may explain: {', '.join(values['families'])}.\n"
        yield settings_grid(values["settings"])
        yield body(folder / "README.md")


def packs_page() -> str:
    """Every pack: its hunts with their grade, what each goes by, and what is known."""
    parts = [
        "# Packs\n",
        "What is published about a campaign, as hunts: [how to use them](../packs.md).\n",
    ]
    for one in packs().values():
        parts += [f"## {one.id}\n", f"{one.title} / {one.title_ja}\n", f"{one.about}\n"]
        heads = ("hunt", "grade", "goes by", "what is known", "sources")
        parts.append(
            grid(
                heads,
                (
                    (f"{h.id} {h.title}", h.grade, goes_by(h), h.about, ", ".join(h.sources))
                    for h in one.hunts
                ),
            )
        )
        parts.append(grid(("source", "what it is"), one.sources.items()))
    return "\n".join(parts)


def goes_by(hunt: Hunt) -> str:
    """The detectors, chains, names and patterns of a hunt."""
    said = [f"`{name}`" for name in (*hunt.detectors, *hunt.chains)]
    said += [f"names of {family}" for family in hunt.names]
    said += ["indicators of the pack"] if hunt.indicators else []
    if hunt.look:
        said.append(f"a look at `{hunt.look.table}.{hunt.look.column}`: `{hunt.look.pattern}`")
    return "; ".join(said)


def command_part(command: Any, path: str) -> list[str]:
    """The help text of one verb, or of a group and its verbs, as Markdown parts."""
    context = command.make_context(path, [], resilient_parsing=True, terminal_width=HELP_COLUMNS)
    parts = [f"## {path}\n", f"```text\n{command.get_help(context).strip()}\n```\n"]
    for name, verb in sorted(getattr(command, "commands", {}).items()):
        if not verb.hidden:
            parts += command_part(verb, f"{path} {name}")
    return parts


def commands_page() -> str:
    """Every verb of the command line with its options."""
    command = typer.main.get_command(cli.app)
    return "\n".join(["# Command line\n", *command_part(command, "kizashi")])


MAKERS: dict[str, Callable[[], str]] = {
    "tables.md": columns_page,
    "sources.md": sources_page,
    "detectors.md": detectors_page,
    "chains.md": chains_page,
    "packs.md": packs_page,
    "cli.md": commands_page,
}


def out_of_date() -> dict[Path, str]:
    """The pages whose file differs from what the code says now, with the text they should hold."""
    made = {PAGES / name: f"{NOTE}\n{maker()}" for name, maker in MAKERS.items()}
    return {
        path: text
        for path, text in made.items()
        if not path.is_file() or path.read_text("utf-8") != text
    }


def main() -> int:
    """Write the pages, or with --check name those out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a page is old"
    )
    check = parser.parse_args().check
    stale = out_of_date()
    for path, text in stale.items():
        name = path.relative_to(ROOT).as_posix()
        if check:
            print(f"{name}: out of date. Run: make docs", file=sys.stderr)
        else:
            PAGES.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"{name}: written")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
