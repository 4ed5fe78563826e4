"""Writes events as Winlogbeat 8 does: one JSON object a line, fields under `winlog.event_data`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from kizashi.measure.events import Event, Value, digest
from kizashi.measure.organisation import DOMAIN

Data = dict[str, Value]
_SYSMON = "Microsoft-Windows-Sysmon"
_AUDIT = "Microsoft-Windows-Security-Auditing"
_POWERSHELL = "Microsoft-Windows-PowerShell"
_QUERY_STATUS = {"NOERROR": "0", "NXDOMAIN": "9003", "SERVFAIL": "9002"}
_SYSTEM_SID = "S-1-5-18"


def _guid(value: Value) -> str | None:
    return "{" + str(value).lower() + "}" if value else None


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"


def sid(user: str) -> str:
    """The account's security identifier."""
    if user.startswith("NT AUTHORITY"):
        return _SYSTEM_SID
    return f"S-1-5-21-1004336348-1177238915-682003330-{1100 + int(digest(user, 4), 16) % 8000}"


def _actor(event: Event) -> Data:
    """The acting process, as most Sysmon events begin."""
    v = event.values
    return {
        "RuleName": "-",
        "UtcTime": _moment(event.time),
        "ProcessGuid": _guid(v["process_guid"]),
        "ProcessId": str(v["process_id"]),
        "Image": v["image"],
        "User": v["user"],
    }


def _process_start(event: Event) -> Data:
    v = event.values
    return _actor(event) | {
        "OriginalFileName": v["original_file_name"],
        "CommandLine": v["command_line"],
        "CurrentDirectory": v["working_dir"],
        "LogonId": v["logon_id"],
        "IntegrityLevel": v["integrity"],
        "Hashes": f"SHA256={str(v['sha256']).upper()}",
        "ParentProcessGuid": _guid(v["parent_guid"]),
        "ParentProcessId": str(v["parent_id"] or 0),
        "ParentImage": v["parent_image"],
        "ParentCommandLine": v["parent_command_line"],
    }


def _connection(event: Event) -> Data:
    v = event.values
    return _actor(event) | {
        "Protocol": v["transport"],
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": event.client_ip,
        "SourceHostname": f"{event.device}.{DOMAIN}",
        "SourcePort": str(v["client_port"]),
        "DestinationIsIpv6": "false",
        "DestinationIp": v["server_ip"],
        "DestinationHostname": v["server_name"],
        "DestinationPort": str(v["server_port"]),
    }


def _module(event: Event) -> Data:
    v = event.values
    signed = bool(v["signed"])
    return _actor(event) | {
        "ImageLoaded": v["module_path"],
        "Hashes": f"SHA256={str(v['sha256']).upper()}",
        "Signed": "true" if signed else "false",
        "Signature": v["signature"],
        "SignatureStatus": "Valid" if signed else "Unavailable",
    }


def _file(event: Event) -> Data:
    return _actor(event) | {
        "TargetFilename": event.values["path"],
        "CreationUtcTime": _moment(event.time),
    }


def _registry(event: Event) -> Data:
    v = event.values
    return _actor(event) | {
        "EventType": "SetValue",
        "TargetObject": v["key_path"],
        "Details": v["value_data"],
    }


def _stream(event: Event) -> Data:
    v = event.values
    return _file(event) | {
        "Hash": f"SHA256={str(v['sha256']).upper()}",
        "Contents": v["content"],
    }


def _result(answer: str) -> str:
    """An answer as Sysmon writes it: names carry their record type, IPv4 looks like IPv6."""
    if ":" in answer:
        return answer
    return f"::ffff:{answer}" if answer[-1].isdigit() else f"type:  33 {answer}"


def _query(event: Event) -> Data:
    v = event.values
    answers = v["answers"] if isinstance(v["answers"], list) else []
    results = "".join(f"{_result(a)};" for a in answers)
    return _actor(event) | {
        "QueryName": v["query"],
        "QueryStatus": _QUERY_STATUS[str(v["rcode"])],
        "QueryResults": results or "-",
    }


def _subject(event: Event) -> Data:
    """The account that acted, as Security events begin."""
    v = event.values
    domain, account = str(v["user"]).split("\\")
    return {
        "SubjectUserSid": sid(str(v["user"])),
        "SubjectUserName": account,
        "SubjectDomainName": domain,
        "SubjectLogonId": v["logon_id"],
    }


def _task(event: Event) -> Data:
    v = event.values
    return _subject(event) | {
        "TaskName": v["task_name"],
        "TaskContent": v["content"],
        "ClientProcessStartKey": "0",
        "ClientProcessId": str(v["process_id"]),
        "ParentProcessId": "0",
        "RpcCallClientLocality": "0",
        "FQDN": f"{event.device}.{DOMAIN}",
    }


def _service(event: Event) -> Data:
    v = event.values
    return _subject(event) | {
        "ServiceName": v["service_name"],
        "ServiceFileName": v["image_path"],
        "ServiceType": "0x10",
        "ServiceStartType": v["start_type"],
        "ServiceAccount": v["account"],
        "ClientProcessStartKey": "0",
        "ClientProcessId": str(v["process_id"]),
        "ParentProcessId": "0",
    }


def _logon(event: Event) -> Data:
    v = event.values
    machine = str(event.device).upper() + "$"
    return {
        "SubjectUserSid": _SYSTEM_SID,
        "SubjectUserName": machine,
        "SubjectDomainName": "EXAMPLE",
        "SubjectLogonId": "0x3e7",
        "TargetUserSid": sid(str(v["user"])),
        "TargetUserName": event.extra["account"],
        "TargetDomainName": v["domain"],
        "TargetLogonId": v["logon_id"],
        "LogonType": str(v["logon_type"]),
        "LogonProcessName": "User32",
        "AuthenticationPackageName": v["protocol"],
        "WorkstationName": v["workstation"],
        # A refusal says in general that it failed, and below that why.
        "Status": "0xc000006d" if v["status"] else None,
        "SubStatus": v["status"],
        "ProcessId": hex(int(str(v["process_id"]))),
        "ProcessName": v["image"],
        "IpAddress": event.client_ip or "-",
        "IpPort": "0",
    }


def _logoff(event: Event) -> Data:
    v = event.values
    return {
        "TargetUserSid": sid(str(v["user"])),
        "TargetUserName": event.extra["account"],
        "TargetDomainName": v["domain"],
        "TargetLogonId": v["logon_id"],
        "LogonType": str(v["logon_type"]),
    }


def _share(event: Event) -> Data:
    v = event.values
    domain, account = str(v["user"]).split("\\")
    write = v["activity"] == "write"
    return {
        "SubjectUserSid": sid(str(v["user"])),
        "SubjectUserName": account,
        "SubjectDomainName": domain,
        "SubjectLogonId": event.extra["logon_id"],
        "ObjectType": "File",
        "IpAddress": event.client_ip,
        "IpPort": "49700",
        "ShareName": v["share"],
        "RelativeTargetName": v["resource"],
        "AccessMask": "0x2" if write else "0x1",
    }


def _ticket(event: Event) -> Data:
    v = event.values
    return {
        "TargetUserName": event.extra["account"],
        "TargetDomainName": v["domain"],
        "TargetSid": sid(str(v["user"])),
        "ServiceName": v["target_server"],
        "ServiceSid": "S-1-5-21-1004336348-1177238915-682003330-502",
        "TicketOptions": "0x40810010",
        "Status": v["status"],
        "TicketEncryptionType": "0x12",
        "PreAuthType": "2",
        "IpAddress": f"::ffff:{event.client_ip}",
        "IpPort": "49213",
    }


def _account(event: Event) -> Data:
    v = event.values
    domain, account = str(v["user"]).split("\\")
    actor_domain, actor = str(v["actor"]).split("\\")
    return {
        "TargetUserName": account,
        "TargetDomainName": domain,
        "TargetSid": sid(str(v["user"])),
        "SubjectUserSid": sid(str(v["actor"])),
        "SubjectUserName": actor,
        "SubjectDomainName": actor_domain,
        "SubjectLogonId": v["logon_id"],
        "SamAccountName": account,
    }


def _script(event: Event) -> Data:
    v = event.values
    return {
        "MessageNumber": str(v["part"]),
        "MessageTotal": str(v["parts"]),
        "ScriptBlockText": v["text"],
        "ScriptBlockId": str(v["script_id"]).lower(),
        "Path": v["path"],
    }


CODES: Mapping[int, tuple[str, Callable[[Event], Data]]] = {
    1: (_SYSMON, _process_start),
    3: (_SYSMON, _connection),
    5: (_SYSMON, _actor),
    7: (_SYSMON, _module),
    11: (_SYSMON, _file),
    13: (_SYSMON, _registry),
    15: (_SYSMON, _stream),
    22: (_SYSMON, _query),
    4104: (_POWERSHELL, _script),
    4624: (_AUDIT, _logon),
    4625: (_AUDIT, _logon),
    4634: (_AUDIT, _logoff),
    4697: (_AUDIT, _service),
    4698: (_AUDIT, _task),
    4720: (_AUDIT, _account),
    4768: (_AUDIT, _ticket),
    5145: (_AUDIT, _share),
}
_CHANNELS = {
    _SYSMON: "Microsoft-Windows-Sysmon/Operational",
    _AUDIT: "Security",
    _POWERSHELL: "Microsoft-Windows-PowerShell/Operational",
}


def _execution(event: Event) -> dict[str, object]:
    """The record's own process and account, which matter where the event's data have neither."""
    domain, name = str(event.values["user"]).split("\\")
    user = {"identifier": sid(f"{domain}\\{name}"), "domain": domain, "name": name, "type": "User"}
    return {"process": {"pid": event.values["process_id"]}, "user": user}


def record(event: Event, number: int) -> str:
    """One event as one line of JSON; `number` is its EventRecordID."""
    code = event.extra["code"]
    provider, data_of = CODES[int(str(code))]
    data = {key: value for key, value in data_of(event).items() if value is not None}
    whole = {
        "@timestamp": event.time.strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{event.time.microsecond // 1000:03d}Z",
        "event": {"code": str(code), "kind": "event", "provider": provider},
        "host": {"name": event.device},
        "winlog": {
            "channel": _CHANNELS[provider],
            "provider_name": provider,
            "computer_name": f"{event.device}.{DOMAIN}",
            "event_id": str(code),
            "record_id": number,
            **(_execution(event) if code == 4104 else {}),
            "event_data": data,
        },
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def lines(events: Iterable[Event], first_record: int = 10_001) -> str:
    """All events of one collector; record ids run by machine and channel from `first_record`."""
    numbers: Counter[tuple[str | None, str]] = Counter()
    written = []
    for event in events:
        key = (event.device, CODES[int(str(event.extra["code"]))][0])
        written.append(record(event, first_record + numbers[key]))
        numbers[key] += 1
    return "\n".join(written) + "\n"
