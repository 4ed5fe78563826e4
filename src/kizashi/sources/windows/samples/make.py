"""Writes the samples of this folder anew: the same events as three exporters write them.

Run it from the repository: python src/kizashi/sources/windows/samples/make.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SYSMON = "Microsoft-Windows-Sysmon/Operational"
PROVIDERS = {
    SYSMON: "Microsoft-Windows-Sysmon",
    "Security": "Microsoft-Windows-Security-Auditing",
    "System": "Service Control Manager",
    "Microsoft-Windows-PowerShell/Operational": "Microsoft-Windows-PowerShell",
    "Microsoft-Windows-TaskScheduler/Operational": "Microsoft-Windows-TaskScheduler",
    "Microsoft-Windows-Windows Defender/Operational": "Microsoft-Windows-Windows Defender",
}
COMPUTER = "PC-07.corp.example"
WORD = r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE"
SHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
WORD_GUID = "{11111111-2222-3333-0700-000000000100}"
SHELL_GUID = "{11111111-2222-3333-0800-000000000100}"
TASK = (
    '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.2">\r\n  <Actions>\r\n    <Exec>'
    "\r\n      <Command>wscript.exe</Command>\r\n      "
    "<Arguments>//B &quot;C:\\Users\\sato\\a&amp;b.js&quot;</Arguments>\r\n    "
    "</Exec>\r\n  </Actions>\r\n</Task>"
)
SUBJECT = {
    "SubjectUserSid": "S-1-5-21-1-2-3-1107",
    "SubjectUserName": "sato",
    "SubjectDomainName": "CORP",
    "SubjectLogonId": "0x4a2b1",
}
HASHES = f"MD5={'AB' * 16},SHA256={'CD' * 32},IMPHASH={'00' * 16}"
PROCESS = {"ProcessGuid": SHELL_GUID, "ProcessId": "4412", "Image": SHELL, "User": r"CORP\sato"}

EVENTS: list[tuple[str, int, dict[str, str]]] = [
    (
        SYSMON,
        1,
        PROCESS
        | {
            "OriginalFileName": "PowerShell.EXE",
            "CommandLine": "powershell -nop -w hidden -c iex",
            "CurrentDirectory": "C:\\Users\\sato\\",
            "LogonId": "0x4A2B1",
            "IntegrityLevel": "Medium",
            "Hashes": HASHES,
            "ParentProcessGuid": WORD_GUID,
            "ParentProcessId": "3120",
            "ParentImage": WORD,
            "ParentCommandLine": f'"{WORD}" /n invitation.docm',
        },
    ),
    (
        SYSMON,
        22,
        PROCESS
        | {
            "QueryName": "WWW.Shop.example",
            "QueryStatus": "0",
            "QueryResults": "type:  5 edge.example;::ffff:198.51.100.7;",
        },
    ),
    (
        SYSMON,
        22,
        PROCESS | {"QueryName": "gone.example", "QueryStatus": "9003", "QueryResults": "-"},
    ),
    (
        SYSMON,
        3,
        PROCESS
        | {
            "Protocol": "tcp",
            "Initiated": "true",
            "SourceIp": "192.0.2.7",
            "SourcePort": "50123",
            "DestinationIp": "198.51.100.7",
            "DestinationHostname": "-",
            "DestinationPort": "443",
        },
    ),
    (
        SYSMON,
        13,
        PROCESS
        | {
            "EventType": "SetValue",
            "TargetObject": r"HKU\S-1-5-21-1-2-3-1107\Software\Microsoft\Windows\CurrentVersion"
            r"\Run\Updater",
            "Details": r"C:\Users\sato\AppData\Roaming\u.exe",
        },
    ),
    (
        SYSMON,
        11,
        PROCESS | {"TargetFilename": r"C:\Users\sato\AppData\Roaming\u.exe"},
    ),
    (
        "Security",
        4688,
        SUBJECT
        | {
            "NewProcessId": "0x113c",
            "NewProcessName": SHELL,
            "ProcessId": "0xc30",
            "ParentProcessName": WORD,
            "CommandLine": "powershell -nop -w hidden -c iex",
            "TargetUserName": "-",
            "TargetDomainName": "-",
            "TargetLogonId": "0x0",
            "MandatoryLabel": "S-1-16-8192",
        },
    ),
    (
        "Security",
        4698,
        SUBJECT | {"TaskName": r"\Updater", "TaskContent": TASK, "ClientProcessId": "4412"},
    ),
    (
        "Security",
        4625,
        {
            "TargetUserName": "admin",
            "TargetDomainName": "CORP",
            "Status": "0xC000006D",
            "SubStatus": "0xC000006A",
            "LogonType": "3",
            "AuthenticationPackageName": "NTLM",
            "WorkstationName": "PC-09",
            "IpAddress": "::ffff:192.0.2.9",
            "ProcessId": "0x0",
            "ProcessName": "-",
        },
    ),
    (
        "System",
        7045,
        {
            "ServiceName": "Updater",
            "ImagePath": r"rundll32.exe C:\ProgramData\u.dll,Start",
            "ServiceType": "user mode service",
            "StartType": "auto start",
            "AccountName": "LocalSystem",
        },
    ),
    (
        "Microsoft-Windows-PowerShell/Operational",
        4104,
        {
            "MessageNumber": "1",
            "MessageTotal": "2",
            "ScriptBlockText": "iex $x",
            "ScriptBlockId": "a1b2c3d4-0000-0000-0000-000000000001",
            "Path": "",
        },
    ),
    (
        "Microsoft-Windows-Windows Defender/Operational",
        1116,
        {
            "Threat ID": "2147700000",
            "Threat Name": "Trojan:Win32/Sample",
            "Severity Name": "Severe",
            "Category Name": "Trojan",
            "Path": r"file:_C:\Users\sato\AppData\Roaming\u.exe",
            "Detection User": r"CORP\sato",
            "Action ID": "9",
        },
    ),
    ("Security", 4611, {"Note": "no table takes this one"}),
]


def main() -> None:
    folder = Path(__file__).parent
    for name, shape in (("otrf", otrf), ("nxlog", nxlog), ("winlogbeat", winlogbeat)):
        lines = [json.dumps(shape(n, *event), ensure_ascii=False) for n, event in enumerate(EVENTS)]
        (folder / f"{name}.json").write_text("\n".join(lines) + "\n", "utf-8", newline="\n")


def otrf(n: int, channel: str, event_id: int, fields: dict[str, str]) -> dict[str, Any]:
    """A flat record with a zoned time, as OTRF's collector writes it."""
    return {
        "TimeCreated": f"2026-03-02T09:00:{n:02}.250Z",
        "@timestamp": f"2026-03-02T09:05:{n:02}.000Z",
        "Hostname": COMPUTER,
        "Channel": channel,
        "EventID": event_id,
        "SourceName": PROVIDERS[channel],
    } | _with_utc_time(n, channel, fields)


def nxlog(n: int, channel: str, event_id: int, fields: dict[str, str]) -> dict[str, Any]:
    """A flat record as NXLog 2 writes it: local time, its own names over some of Sysmon's."""
    said = _with_utc_time(n, channel, fields)
    lines = [f"{name}: {value}" for name, value in ({"RuleName": ""} | said).items()]
    said.pop("ProcessId" if channel == SYSMON else "", None)
    return (
        said
        | {
            "EventTime": f"2026-03-02 18:00:{n:02}",
            "EventReceivedTime": f"2026-03-02 18:00:{n + 1:02}",
            "@timestamp": f"2026-03-02T09:00:{n + 1:02}.000Z",
            "Hostname": COMPUTER,
            "Channel": channel,
            "EventID": event_id,
            "EventType": "INFO",
            "SourceName": PROVIDERS[channel],
            "RecordNumber": 7000 + n,
            "ProcessID": 2928,
        }
        | ({"Message": "Event:\r\n" + "\r\n".join(lines)} if channel == SYSMON else {})
    )


def winlogbeat(n: int, channel: str, event_id: int, fields: dict[str, str]) -> dict[str, Any]:
    """A record as Winlogbeat 7 and 8 write it."""
    return {
        "@timestamp": f"2026-03-02T09:00:{n:02}.250Z",
        "event": {"code": str(event_id), "created": f"2026-03-02T09:00:{n + 1:02}.000Z"},
        "host": {"name": COMPUTER},
        "winlog": {
            "channel": channel,
            "computer_name": COMPUTER,
            "event_id": str(event_id),
            "provider_name": PROVIDERS[channel],
            "record_id": 7000 + n,
            "process": {"pid": 2928},
            "event_data": _with_utc_time(n, channel, fields),
        },
    }


def _with_utc_time(n: int, channel: str, fields: dict[str, str]) -> dict[str, str]:
    return (
        {"UtcTime": f"2026-03-02 09:00:{n:02}.125"} | fields if channel == SYSMON else dict(fields)
    )


if __name__ == "__main__":
    main()
