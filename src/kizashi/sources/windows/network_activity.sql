-- Microsoft-Windows-Sysmon/Operational: 3
-- Security: 5156, 5157
SELECT
    unnest(common),
    windows_ip(CASE WHEN event_id = 3 THEN field.SourceIp ELSE field.SourceAddress END)
        AS client_ip,
    TRY_CAST(field.SourcePort AS USMALLINT) AS client_port,
    windows_ip(CASE WHEN event_id = 3 THEN field.DestinationIp ELSE field.DestAddress END)
        AS server_ip,
    TRY_CAST(coalesce(field.DestinationPort, field.DestPort) AS USMALLINT) AS server_port,
    lower(windows_text(field.DestinationHostname)) AS server_name,
    CASE field.Protocol
        WHEN '6' THEN 'tcp'
        WHEN '17' THEN 'udp'
        WHEN '1' THEN 'icmp'
        WHEN '58' THEN 'icmp'
        ELSE lower(field.Protocol)
    END AS transport,
    CASE
        WHEN event_id = 3 THEN TRY_CAST(field.Initiated AS BOOLEAN)
        WHEN field.Direction IN ('%%14593', 'Outbound') THEN true
        WHEN field.Direction IN ('%%14592', 'Inbound') THEN false
    END AS initiated,
    windows_guid(field.ProcessGuid) AS process_guid,
    -- EVTX spells it ProcessID in 5156, some exporters ProcessId.
    TRY_CAST(CASE
        WHEN event_id = 3 THEN field.ProcessId
        ELSE coalesce(field.ProcessId, windows_spelling(source_text, 'ProcessID'))
    END AS UINTEGER) AS process_id,
    CASE WHEN event_id = 3 THEN field.Image ELSE windows_text(field.Application) END AS image,
    windows_text(field.User) AS "user",
    CASE event_id WHEN 5156 THEN 'allowed' WHEN 5157 THEN 'blocked' END AS disposition
FROM event
