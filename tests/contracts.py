"""What a folder of the product must hold: one function per kind, from a folder to its problems.

The walk over the repository and the tests that break a folder on purpose call the same functions. A
problem is one line: where, what, and what would be right.
"""

from __future__ import annotations

import ast
import ipaddress
import re
import sys
import tomllib
from collections.abc import Collection, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import duckdb
import yaml

from kizashi import schema
from kizashi.chains import ChainStage
from kizashi.chains import cases as chain_cases
from kizashi.chains import load as load_chain
from kizashi.chains.rivals import load as load_rival
from kizashi.detectors import Detector, cases, run
from kizashi.detectors.folder import CHOICES, TACTICS, load
from kizashi.errors import KizashiError
from kizashi.pipeline import derive
from kizashi.sources.mapping import load as load_mapping

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "kizashi"

HEADINGS = (
    "What it sees",
    "Why it matters",
    "What it misses",
    "What looks like it",
    "First five minutes",
    "Tuning",
    "References",
)
DETECTOR_FILES = ("detector.toml", "README.md", "cases.yaml")
DETECTOR_CASES = frozenset(cases.KINDS)
# Identities and units of time and size, which a name would only obscure.
PLAIN_NUMBERS = frozenset({"0", "1", "24", "60", "3600", "86400", "1000", "1024", "0.0", "1.0"})
KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """select from where join left inner full on using group by order having limit union all
        with as and or not in is null case when then else end distinct over partition between
        exists lateral qualify filter cast interval asc desc create table view macro insert into
        values""",
    )
)
CHAIN_FILES = ("chain.toml", "README.md", "cases.yaml")
CHAIN_CASES = frozenset(chain_cases.KINDS)
SOURCE_STATUSES = frozenset({"preview", "stable", "from documentation"})
SAMPLE_BYTES = 65_536
VAGUE_MODULES = frozenset({"utils", "util", "helpers", "common", "manager", "core", "misc"})
MODULE_LINES = 800
FUNCTION_LINES = 100
DOCUMENTATION_NETS = tuple(
    ipaddress.ip_network(net)
    for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
DOCUMENTATION_NAME = re.compile(
    r"(^|\.)(example|test|invalid|localhost|local|lan|internal|home|corp|arpa|onion)$"
    r"|(^|\.)example\.(com|net|org|co\.jp|jp)$"
)
NAME_COLUMNS = frozenset({"query", "host", "sni", "server_name", "destination"})


# ---------------------------------------------------------------- pieces


def missing_files(folder: Path, names: tuple[str, ...]) -> list[str]:
    """A line for every named file that the folder lacks or that is empty."""
    return [
        f"{folder.name}: has no {name}"
        for name in names
        if not (folder / name).is_file() or not (folder / name).read_text("utf-8").strip()
    ]


def heading_problems(readme: Path) -> list[str]:
    """A line when the second-level headings are not exactly the seven, in order, each with text."""
    label = f"{readme.parent.name}/{readme.name}"
    text = readme.read_text("utf-8")
    parts = re.split(r"^## +(.+?) *$", text, flags=re.M)
    found = tuple(parts[1::2])
    if found != HEADINGS:
        return [f"{label}: headings are {list(found)}, must be {list(HEADINGS)}"]
    return [
        f"{label}: nothing stands under {heading!r}"
        for heading, body in zip(found, parts[2::2], strict=True)
        if not body.strip()
    ]


def setting_problems(label: str, settings: dict[str, Any]) -> list[str]:
    """A line for every setting without a default, a unit or a reason, or with anything else."""
    problems = []
    for name, setting in settings.items():
        if not isinstance(setting, dict):
            problems.append(f"{label}: setting {name} must be {{ default, unit, why }}")
            continue
        problems += [
            f"{label}: setting {name} has no {key}"
            for key in ("default", "unit", "why")
            if setting.get(key) in (None, "")
        ]
        extra = sorted(set(setting) - {"default", "unit", "why"})
        problems += [f"{label}: setting {name} has an unknown key {key}" for key in extra]
    return problems


# ---------------------------------------------------------------- SQL


def bare_sql(text: str) -> str:
    """The SQL with comments, strings and quoted names blanked out."""
    return re.sub(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"", " ", text, flags=re.S)


def number_problems(label: str, text: str) -> list[str]:
    """A line for every number that should be a named setting (style 14)."""
    found = re.findall(r"(?<![\w.$])\d+(?:\.\d+)?(?:[eE]-?\d+)?(?![\w.])", bare_sql(text))
    bare = sorted({number for number in found if number not in PLAIN_NUMBERS})
    return [f"{label}: bare number {number}; make it a setting" for number in bare]


def sql_style_problems(label: str, text: str) -> list[str]:
    """A line for lower-case keywords and for a star where columns should be listed (style 12)."""
    bare = bare_sql(text)
    words = {word for word in re.findall(r"(?<![\w.])[a-z]+(?![\w(.])", bare) if word in KEYWORDS}
    problems = [f"{label}: keyword {word} must be {word.upper()}" for word in sorted(words)]
    if re.search(r"(SELECT|,)\s+(DISTINCT\s+)?(\w+\.)?\*(?!\s*(EXCLUDE|REPLACE))", bare):
        problems.append(f"{label}: SELECT * hides the columns; list them")
    return problems


# ---------------------------------------------------------------- cases


def load_cases(path: Path) -> list[dict[str, Any]]:
    """The cases of a folder; an empty list where the file is not a list of mappings."""
    loaded = yaml.safe_load(path.read_text("utf-8"))
    is_list = isinstance(loaded, list) and all(isinstance(case, dict) for case in loaded)
    return loaded if is_list else []


def case_problems(path: Path, kinds: frozenset[str]) -> list[str]:
    """A line for every kind without a case, and for every case that cannot be understood."""
    label = f"{path.parent.name}/{path.name}"
    found = load_cases(path)
    if not found:
        return [f"{label}: must be a list of cases"]
    covered = {case.get("kind") for case in found}
    problems = [f"{label}: no case of kind {kind}" for kind in sorted(kinds - covered)]
    names = [str(case.get("name", "")) for case in found]
    problems += [
        f"{label}: two cases are named {name!r}"
        for name in {n for n in names if names.count(n) > 1}
    ]
    for case in found:
        problems += one_case_problems(label, case, kinds)
    return problems


def one_case_problems(label: str, case: dict[str, Any], kinds: frozenset[str]) -> list[str]:
    """What is wrong with one case of a detector or a chain."""
    name = str(case.get("name", ""))
    where = f"{label}: {name!r}"
    problems = []
    if len(name.split()) < 4:
        problems.append(f"{where}: a case's name is a sentence about behaviour")
    if case.get("kind") not in kinds:
        problems.append(f"{where}: kind must be one of {', '.join(sorted(kinds))}")
    if not isinstance(case.get("expect"), list):
        problems.append(f"{where}: has no expect; write [] for quiet")
    return problems + address_problems(where, case)


def address_problems(where: str, case: dict[str, Any]) -> list[str]:
    """A line for every public address or real name in a case's events."""
    problems = []
    for key, value in leaves([case.get("events", {}), case.get("signals", [])]):
        if key in NAME_COLUMNS and not is_documentation_name(value):
            problems.append(f"{where}: {value!r} is not a documentation name (.example)")
        if not is_documentation_address(value):
            problems.append(f"{where}: {value} is not a documentation or private address")
    return sorted(set(problems))


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string in nested lists and mappings, with the key it stands under."""
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from leaves(item, str(inner))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, key)
    elif isinstance(value, str):
        yield key, value


def is_documentation_name(value: str) -> bool:
    """True for a name that nobody can own, a single label, or an address."""
    host = value.rsplit(":", 1)[0] if value.count(":") == 1 else value
    if "." not in host or re.fullmatch(r"[\d.]+|[\da-f:]+", host):
        return True
    return bool(DOCUMENTATION_NAME.search(host.lower().rstrip(".")))


def is_documentation_address(value: str) -> bool:
    """False only for a text that is a public address outside the documentation networks."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return True
    documented = any(address in net for net in DOCUMENTATION_NETS if net.version == address.version)
    return documented or not address.is_global


# ---------------------------------------------------------------- detectors


def detector_problems(folder: Path) -> list[str]:
    """Everything that a detector folder lacks or says wrongly; empty when it keeps the contract."""
    problems = missing_files(folder, DETECTOR_FILES)
    if problems:
        return problems
    if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", folder.name):
        problems.append(f"{folder.name}: an id reads table_behaviour")
    problems += heading_problems(folder / "README.md")
    problems += case_problems(folder / "cases.yaml", DETECTOR_CASES)
    problems += blind_case_problems(folder / "cases.yaml")
    problems += detector_sql_problems(folder)
    return problems + loading_problems(folder)


def loading_problems(folder: Path) -> list[str]:
    """The first thing that keeps the folder from loading, and what its settings leave unsaid."""
    try:
        detector = load(folder)
        cases.load_cases(folder)
    except KizashiError as error:
        return [str(error)]
    problems = []
    if not detector.attack:
        problems.append(f"{folder.name}/detector.toml: attack names no technique")
    problems += [
        f"{folder.name}/detector.toml: setting {name} leaves its unit or reason empty"
        for name, setting in detector.settings.items()
        if not setting.unit.strip() or len(setting.why.split()) < 3
    ]
    return problems + running_problems(detector)


def running_problems(detector: Detector) -> list[str]:
    """What keeps the query from running, or its columns from being a signal's."""
    con = cases.connect({}, (), derive)
    try:
        run(detector, con)
    except KizashiError as error:
        return [str(error)]
    finally:
        con.close()
    return []


def blind_case_problems(path: Path) -> list[str]:
    """A line for a missing_column case that does not say which column is absent."""
    return [
        f"{path.parent.name}/{path.name}: {case.get('name')!r} names no absent column"
        for case in load_cases(path)
        if case.get("kind") == "missing_column" and not case.get("absent")
    ]


def detector_sql_problems(folder: Path) -> list[str]:
    """What is wrong with detector.sql, as text; a Sigma rule has none."""
    if not (folder / "detector.sql").is_file():
        return []
    label, text = f"{folder.name}/detector.sql", (folder / "detector.sql").read_text("utf-8")
    return number_problems(label, text) + sql_style_problems(label, text)


# ---------------------------------------------------------------- tables and modules


def table_problems(path: Path) -> list[str]:
    """A line for every column that DuckDB creates and the schema reader does not see."""
    text = path.read_text("utf-8")
    con = duckdb.connect()
    con.execute(text)
    name = re.search(r"CREATE TABLE (\w+)", text)
    assert name is not None, f"{path.name}: holds no CREATE TABLE"
    created = {row[0]: row[1] for row in con.execute(f"DESCRIBE {name[1]}").fetchall()}
    read = {m[2] for m in map(schema._COLUMN.match, text.splitlines()) if m}
    return [
        f"{path.name}: column {column} has no comment of its own"
        for column in sorted(set(created) ^ read)
    ]


def module_problems(path: Path) -> list[str]:
    """A line for a vague name, a missing opening sentence, and anything too long to read."""
    label, text = path.name, path.read_text("utf-8")
    tree = ast.parse(text)
    problems = []
    if path.stem in VAGUE_MODULES:
        problems.append(f"{label}: says nothing about what it is for; name it by its noun")
    if ast.get_docstring(tree) is None and text.strip():
        problems.append(f"{label}: does not open with what it is for")
    if len(text.splitlines()) > MODULE_LINES:
        problems.append(f"{label}: {len(text.splitlines())} lines, at most {MODULE_LINES}")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                problems.append(
                    f"{label}: {node.name} has {length} lines, at most {FUNCTION_LINES}"
                )
    return problems


def import_problems(path: Path, declared: Collection[str]) -> list[str]:
    """A line for every import of a package that pyproject.toml does not declare.

    A package that only a development tool brings along is missing where users install Kizashi.
    """
    modules = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.partition(".")[0])
    foreign = modules - sys.stdlib_module_names - {"kizashi"}
    owners = packages_distributions()
    return [
        f"{path.name}: imports {module}, which pyproject.toml does not declare"
        for module in sorted(foreign)
        # What is not installed here goes by its own name.
        if not {plain(n) for n in owners.get(module, [module])} & {plain(n) for n in declared}
    ]


def plain(distribution: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def declared_packages() -> list[str]:
    """Names of the packages that Kizashi needs to run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [re.split(r"[^\w.-]", line)[0] for line in project["dependencies"]]


# ---------------------------------------------------------------- sources


def source_problems(folder: Path) -> list[str]:
    """Everything that a source folder lacks or says wrongly; empty when it keeps the contract."""
    is_mapping = (folder / "mapping.toml").is_file()
    problems = missing_files(folder, ("mapping.toml" if is_mapping else "__init__.py", "README.md"))
    if problems:
        return problems
    problems += source_mapping_problems(folder) if is_mapping else source_module_problems(folder)
    if not (folder / "README.md").read_text("utf-8").startswith("# "):
        problems.append(f"{folder.name}/README.md: does not open with a heading")
    for path in sorted(folder.rglob("*.sql")):
        label = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        problems += sql_style_problems(label, path.read_text("utf-8"))
    return problems + source_sample_problems(folder)


def source_mapping_problems(folder: Path) -> list[str]:
    """A line when the mapping is wrong, its status unknown, or no sample says what comes of it."""
    try:
        layout = load_mapping(folder / "mapping.toml", folder.name)
    except KizashiError as error:
        return [str(error)]
    problems = missing_files(folder, ("samples/expected.jsonl",))
    if layout.status not in SOURCE_STATUSES:
        problems.append(f"{folder.name}/mapping.toml: status {layout.status!r}")
    return problems


def source_module_problems(folder: Path) -> list[str]:
    """A line for every name of the source contract that the module does not define."""
    label = f"{folder.name}/__init__.py"
    tree = ast.parse((folder / "__init__.py").read_text("utf-8"))
    values: dict[str, Any] = {}
    defined: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            defined |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            values |= {t.id: node.value.value for t in node.targets if isinstance(t, ast.Name)}
    problems = [f"{label}: has no {name}()" for name in ("claims", "read") if name not in defined]
    if not values.get("TITLE"):
        problems.append(f"{label}: has no TITLE")
    if values.get("STATUS") not in SOURCE_STATUSES:
        said = ", ".join(sorted(SOURCE_STATUSES))
        problems.append(f"{label}: STATUS {values.get('STATUS')!r} must be one of {said}")
    return problems


def source_sample_problems(folder: Path) -> list[str]:
    """A line when there is no sample, or one larger than a fixture should be."""
    samples = [path for path in folder.glob("samples/**/*") if path.is_file()]
    if not samples:
        return [f"{folder.name}: samples/ holds nothing"]
    return [
        f"{folder.name}/samples/{path.name}: {path.stat().st_size} bytes, at most {SAMPLE_BYTES}"
        for path in samples
        if path.stat().st_size > SAMPLE_BYTES
    ]


# ---------------------------------------------------------------- chains


def chain_problems(folder: Path, detectors: Collection[str]) -> list[str]:
    """Everything that a chain folder lacks or says wrongly, given the ids of the detectors."""
    problems = missing_files(folder, CHAIN_FILES)
    if problems:
        return problems
    problems += heading_problems(folder / "README.md")
    problems += case_problems(folder / "cases.yaml", CHAIN_CASES)
    label = f"{folder.name}/chain.toml"
    values = tomllib.loads((folder / "chain.toml").read_text("utf-8"))
    if values.get("status") not in CHOICES["status"]:
        problems.append(f"{label}: status must be one of {', '.join(CHOICES['status'])}")
    problems += setting_problems(label, values.get("settings", {}))
    try:
        chain = load_chain(folder)
        chain_cases.load_cases(folder)
    except KizashiError as error:
        return [*problems, str(error)]
    return problems + stage_problems(label, chain.stages, detectors)


RIVAL_FILES = ("rival.toml", "rival.sql", "README.md", "cases.yaml")
RIVAL_CASES = frozenset({"fits", "attacker", "one_short"})


def rival_problems(folder: Path, families: Collection[str]) -> list[str]:
    """Everything that a folder of a rival story lacks, given the families of the detectors."""
    problems = missing_files(folder, RIVAL_FILES)
    if problems:
        return problems
    problems += case_problems(folder / "cases.yaml", RIVAL_CASES)
    label = f"{folder.name}/rival.toml"
    values = tomllib.loads((folder / "rival.toml").read_text("utf-8"))
    problems += setting_problems(label, values.get("settings", {}))
    problems += sql_style_problems(
        f"{folder.name}/rival.sql", (folder / "rival.sql").read_text("utf-8")
    )
    try:
        rival = load_rival(folder)
        chain_cases.load_cases(folder)
    except KizashiError as error:
        return [*problems, str(error)]
    unknown = sorted(set(rival.families) - set(families))
    return problems + [f"{label}: no detector of the family {name}" for name in unknown]


def stage_problems(
    label: str, stages: tuple[ChainStage, ...], detectors: Collection[str]
) -> list[str]:
    """A line for a stage that ATT&CK does not have and for a detector that is not there."""
    problems = [
        f"{label}: unknown stage {stage.stage!r}" for stage in stages if stage.stage not in TACTICS
    ]
    named = {name for stage in stages for name in stage.detectors}
    return problems + [f"{label}: no detector {name}" for name in sorted(named - set(detectors))]
