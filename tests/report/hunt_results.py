"""Hunt results for the tests of the reports: realistic, hostile, large and empty.

`python -m tests.report.hunt_results FOLDER` writes the page of each, for the eye.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kizashi.incidents import (
    Blind,
    Evidence,
    HuntResult,
    Incident,
    Missing,
    Note,
    SourceHealth,
    Stage,
)

MONDAY = datetime(2026, 3, 2, 0, 12, 5, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "</style></title></svg><b>out</b>",
    "\x1b[2J\x1b[31mred\x07\x9b1m",
    "invoice\u202ecod.exe",
    "\u2066\u2067isolated\u2069\u200b\ufeff",
    '=HYPERLINK("http://a.example","x")',
    "line one\r\nline two\u2028line three",
    "[bold red]markup[/bold red] :smile: {0} {{ 7*7 }} {% raw %}",
    "\udcff\ud800 lone surrogates",
    "a" + "\u0301" * 60,
    "n" * 10_000,
)


def stage(
    tactic: str,
    minutes: float,
    detector: str,
    technique: str,
    said: tuple[str, str],
    *evidence: tuple[str, int],
    inferred: bool = False,
    link: tuple[str, str] = ("", ""),
    entity: str = "tokyo/pc-07",
) -> Stage:
    """A stage so many minutes after MONDAY; `said` and `link` are English and Japanese."""
    return Stage(
        tactic,
        MONDAY + timedelta(minutes=minutes),
        detector,
        (technique,),
        entity,
        *said,
        tuple(Evidence(*item) for item in evidence),
        inferred,
        *link,
    )


def mail_to_c2() -> Incident:
    """A chain over two and a half days: mail, document, script, task, failed names, C2, theft."""
    sysmon, zeek = "tokyo/sysmon-pc-07.json", "tokyo/zeek"
    stages = (
        stage(
            "initial-access",
            0,
            "mail_auth_failed",
            "T1566.001",
            (
                "Mail “Invitation: joint reception” from protocol@ministry-events.example "
                "failed DMARC and carried reception.docm",
                "件名「合同レセプションのご案内」のメール（protocol@ministry-events.example）が"
                " DMARC に失敗し、reception.docm を添付",
            ),
            ("mail/inbox-sato.mbox", 17),
        ),
        stage(
            "execution",
            41.2,
            "process_office_child",
            "T1204.002",
            (
                "WINWORD.EXE started wscript.exe with a script in AppData",
                "WINWORD.EXE が AppData のスクリプトで wscript.exe を起動",
            ),
            (sysmon, 48_213),
            (sysmon, 48_220),
            link=(
                "WINWORD.EXE opened reception.docm, the attachment of that mail",
                "そのメールの添付 reception.docm を WINWORD.EXE が開いた",
            ),
        ),
        stage(
            "persistence",
            41.9,
            "task_created",
            "T1053.005",
            (
                r"wscript.exe made the task \OneDrive Sync that runs "
                r"C:\Users\sato\AppData\Roaming\ods.vbs",
                r"wscript.exe がタスク \OneDrive Sync を作成"
                r"（C:\Users\sato\AppData\Roaming\ods.vbs を実行）",
            ),
            (sysmon, 48_244),
            ("tokyo/security-pc-07.json", 9_120),
            link=(
                "the same wscript.exe (process GUID)",
                "同じ wscript.exe（プロセス GUID が一致）",
            ),
        ),
        stage(
            "discovery",
            44.5,
            "process_discovery_commands",
            "T1082",
            (
                "systeminfo, whoami /all and net view within 40 s from one parent",
                "同じ親から systeminfo、whoami /all、net view を 40 秒以内に実行",
            ),
            *((sysmon, 48_300 + n) for n in range(6)),
            link=("children of the same wscript.exe", "同じ wscript.exe の子プロセス"),
        ),
        stage(
            "command-and-control",
            1_482,
            "dns_nxdomain_burst",
            "T1568.002",
            (
                "34 distinct names of 8 hexadecimal letters failed in 5 min, under 3 suffixes",
                "8 桁の 16 進名 34 個が 3 種のサフィックスで 5 分以内に名前解決失敗",
            ),
            *((f"{zeek}/dns.2026-03-03.log.gz", 120_331 + 3 * n) for n in range(20)),
            inferred=True,
            link=(
                "no endpoint DNS log: the task’s process is the one that next reached a name first "
                "seen after the burst",
                "端末側の DNS ログなし。直後に初出の名前へ接続したのがこのタスクのプロセス",
            ),
        ),
        stage(
            "command-and-control",
            1_486.3,
            "dns_random_names",
            "T1568.002",
            (
                "3f9a1c7e.example resolved to 203.0.113.44, the one of 35 that did",
                "35 個のうち 3f9a1c7e.example だけが 203.0.113.44 に解決",
            ),
            (f"{zeek}/dns.2026-03-03.log.gz", 120_455),
            link=("same label shape, 9 s after the burst", "ラベルの形が一致、急増の 9 秒後"),
        ),
        stage(
            "command-and-control",
            1_487,
            "http_small_posts",
            "T1071.001",
            (
                "61 POSTs of 180 to 420 bytes to 3f9a1c7e.example over 2 d 3 h of active time",
                "稼働時間 2 日 3 時間に 3f9a1c7e.example へ 180～420 バイトの POST が 61 回",
            ),
            (f"{zeek}/http.2026-03-03.log.gz", 88_102),
            (f"{zeek}/http.2026-03-04.log.gz", 4_417),
            link=("the name that resolved", "解決できた名前への通信"),
        ),
        stage(
            "exfiltration",
            3_492,
            "http_small_posts",
            "T1041",
            (
                "14.2 MB went out in 512 kB pieces to 3f9a1c7e.example",
                "3f9a1c7e.example へ 512 kB ずつ計 14.2 MB を送信",
            ),
            (f"{zeek}/http.2026-03-04.log.gz", 91_777),
            link=("same destination and process", "通信先とプロセスが一致"),
        ),
    )
    return Incident(
        id="a41c09d2e7b3",
        rank=1,
        score=6.24,
        severity="critical",
        chain="mail_to_c2",
        title="Mail attachment to generated-name C2 and slow theft on pc-07",
        title_ja="pc-07：添付メールから生成名 C2、低速の持ち出しまで",
        site="tokyo",
        hosts=("tokyo/pc-07",),
        users=(r"EMBASSY\sato",),
        first_seen=stages[0].time,
        last_seen=stages[-1].time,
        techniques=(
            "T1566.001",
            "T1204.002",
            "T1053.005",
            "T1082",
            "T1568.002",
            "T1071.001",
            "T1041",
        ),
        destinations=("3f9a1c7e.example", "203.0.113.44"),
        stages=stages,
        missing=(
            Missing(
                "credential-access",
                "no_such_log",
                "No process-access events (Sysmon 10) from pc-07.",
                "pc-07 のプロセスアクセス記録（Sysmon 10）がありません。",
            ),
            Missing(
                "lateral-movement",
                "log_present_nothing_there",
                "Sign-ins and SMB of pc-07 were read; nothing went to another host.",
                "pc-07 のサインインと SMB を確認しましたが、他ホストへの動きはありません。",
            ),
        ),
        benign_story="A document macro of a partner that installs an updater. Speaks against it: "
        "the sender failed DMARC, and the updater’s name was never seen in this network before.",
        benign_story_ja="取引先の文書マクロが更新ツールを入れた。ただし送信元は DMARC に失敗し、"
        "更新先の名前はこのネットワークで初出。",
        chance="Rarer than anything in 1,184 host-days; by the priors once in about 1,700,000.",
        chance_ja="1,184 ホスト日のどの出来事よりもまれ。事前値では約 170 万ホスト日に 1 回。",
    )


def run_key() -> Incident:
    """A single signal at a site without a zone."""
    only = stage(
        "persistence",
        610,
        "registry_run_key",
        "T1547.001",
        (
            "setup.exe in Downloads wrote the Run key “Viewer”",
            "Downloads の setup.exe が Run キー「Viewer」を書き込み",
        ),
        ("branch/pc-31.evtx", 5_512),
        entity="branch/pc-31",
    )
    return Incident(
        id="77e0b1aa20c4",
        rank=2,
        score=2.1,
        severity="medium",
        chain="registry_run_key",
        title="Run key written from Downloads on pc-31",
        title_ja="pc-31：Downloads のプログラムが Run キーを作成",
        site="branch",
        hosts=("branch/pc-31",),
        users=(r"EMBASSY\lopez",),
        first_seen=only.time,
        last_seen=only.time,
        techniques=("T1547.001",),
        destinations=(),
        stages=(only,),
        benign_story="An installer that a person fetched and ran.",
        benign_story_ja="利用者が取得して実行したインストーラー。",
        new=False,
    )


def forwarder_names() -> Incident:
    """Two signals within seconds, low severity."""
    stages = (
        stage(
            "command-and-control",
            2_000,
            "dns_nxdomain_ratio",
            "T1568.002",
            (
                "31 % of look-ups failed in an hour; this host’s own usual is 2 %",
                "1 時間の名前解決の 31 % が失敗（このホストの通常は 2 %）",
            ),
            ("tokyo/zeek/dns.2026-03-03.log.gz", 200_412),
            entity="tokyo/pc-19",
        ),
        stage(
            "command-and-control",
            2_000.1,
            "dns_random_names",
            "T1568.002",
            (
                "12 names share one shape: 12 letters, few vowels",
                "12 個の名前の形が共通（12 文字、母音が少ない）",
            ),
            ("tokyo/zeek/dns.2026-03-03.log.gz", 200_420),
            entity="tokyo/pc-19",
        ),
    )
    return Incident(
        id="0c55d8e1f92b",
        rank=3,
        score=1.62,
        severity="low",
        chain="process_dns_http",
        title="Failed look-ups of random names on pc-19",
        title_ja="pc-19：無作為な名前の解決失敗",
        site="tokyo",
        hosts=("tokyo/pc-19",),
        users=(),
        techniques=("T1568.002",),
        first_seen=stages[0].time,
        last_seen=stages[-1].time,
        destinations=(),
        stages=stages,
        benign_story="A browser probing for name hijacking at start.",
        benign_story_ja="ブラウザーが起動時に行う名前乗っ取りの確認。",
    )


def sources() -> tuple[SourceHealth, ...]:
    """Three sources, one with rejects and a clock of its own."""
    end = MONDAY + timedelta(days=4)
    return (
        SourceHealth("mail", 2, 412, 412, 0, 0, MONDAY, end),
        SourceHealth("windows", 14, 1_204_551, 1_190_020, 31, 14_500, MONDAY, end),
        SourceHealth("zeek", 63, 8_940_112, 8_940_109, 3, 0, MONDAY, end),
    )


def realistic() -> HuntResult:
    """Three incidents in two sites, with blindness, a zone unset and notes."""
    return HuntResult(
        incidents=(mail_to_c2(), run_key(), forwarder_names()),
        blind=(
            Blind(
                "process_script_lolbin",
                "No process command lines from site branch: turn on event 4688 with command line.",
                "拠点 branch にプロセスのコマンドラインがありません。"
                "4688 のコマンドライン記録を有効に。",
            ),
            Blind(
                "zeek",
                "ssl.log stops at 2026-03-04 11:20 UTC; other Zeek logs go on.",
                "ssl.log が 2026-03-04 11:20 UTC で途切れています。他の Zeek ログは続いています。",
            ),
        ),
        sources=sources(),
        notes=(
            Note(
                "clock: sysmon pc-07 runs 3.2 s behind zeek tokyo (41 shared facts, ± 0.4 s)",
                "時計：sysmon pc-07 は zeek tokyo より 3.2 秒遅れ（共通の事実 41 件、± 0.4 秒）",
            ),
            Note("site branch: time zone is not set", "拠点 branch：時間帯が未設定"),
        ),
        warnings=(
            Note(
                "source fortigate writes times without a zone, taken as UTC",
                "ソース fortigate の時刻には時間帯が無く UTC とみなした",
            ),
        ),
        host_days=1_184.0,
        site_zones={"tokyo": "Asia/Tokyo"},
    )


def empty() -> HuntResult:
    """No incident, and one detector that could not look."""
    return replace(realistic(), incidents=(), notes=())


def nothing_read() -> HuntResult:
    """Not even a source."""
    return HuntResult(())


def many(count: int = 500) -> HuntResult:
    """So many incidents, of falling score and every severity."""
    kinds = (mail_to_c2(), run_key(), forwarder_names())
    severities = ("critical", "high", "medium", "low")
    return replace(
        realistic(),
        incidents=tuple(
            replace(
                kinds[n % 3],
                id=f"{n:012x}",
                rank=n + 1,
                score=6 - n / 100,
                severity=severities[min(3, n * 4 // count)],
            )
            for n in range(count)
        ),
    )


def hostile() -> HuntResult:
    """Every text that telemetry can reach is one of HOSTILE, each string in each place."""
    return replace(
        realistic(),
        incidents=tuple(_hostile(n + 1, text) for n, text in enumerate(HOSTILE)),
        blind=tuple(Blind(text, text, text) for text in HOSTILE),
        sources=tuple(replace(sources()[0], source=text) for text in HOSTILE),
        notes=tuple(Note(text, text) for text in HOSTILE),
        site_zones=dict.fromkeys(HOSTILE, "../../etc/passwd"),
    )


def _hostile(rank: int, text: str) -> Incident:
    hit = Stage(
        text, MONDAY, text, (text,), text, text, text, (Evidence(text, 1),) * 20, True, text, text
    )
    return Incident(
        text,
        rank,
        3.0,
        text,
        text,
        text,
        text,
        text,
        (text,) * 50,
        (text,) * 50,
        MONDAY,
        MONDAY + timedelta(days=400),
        (text,) * 50,
        (text,) * 50,
        (hit, replace(hit, time=MONDAY + timedelta(days=400))),
        (Missing(text, text, text, text),),
        text,
        text,
        text,
        text,
    )


def _write_pages(folder: Path) -> None:
    from kizashi.report.html import write_html

    folder.mkdir(parents=True, exist_ok=True)
    built = {"real": realistic, "empty": empty, "none": nothing_read, "many": many, "bad": hostile}
    for name, build in built.items():
        for lang in ("en", "ja"):
            write_html(build(), folder / f"{name}-{lang}.html", lang)


if __name__ == "__main__":
    _write_pages(Path(sys.argv[1]))
