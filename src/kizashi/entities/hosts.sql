-- How an event row gets host_id and bucket: its device, else the device that held its address at that
-- time, else the address: asking_ip, that of the client itself. Reads event_row, sole_owner and shared_address.
-- host_id and bucket are worked out once per (site, device, address), because md5 per row costs more
-- than all else here; only addresses that changed hands are looked up by time.
WITH sender AS (
    SELECT DISTINCT
        site,
        device,
        asking_ip
    FROM event_row
),
host AS (
    SELECT
        sender.site,
        sender.device,
        sender.asking_ip,
        host_id_of(sender.site, sender.device, sole_owner.device, sender.asking_ip) AS host_id,
        bucket_of(host_id) AS bucket
    FROM sender
    LEFT JOIN sole_owner
        ON sole_owner.site = coalesce(sender.site, '')
        AND sole_owner.client_ip = sender.asking_ip
),
held AS (
    SELECT
        event_row.*,
        CASE
            WHEN shared_address.leases IS NOT NULL THEN list_filter(
                shared_address.leases,
                lambda held: held.first_seen <= event_row.time AND event_row.time <= held.last_seen
            )[-1].device
        END AS held_by
    FROM event_row
    LEFT JOIN shared_address
        ON shared_address.site = coalesce(event_row.site, '')
        AND shared_address.client_ip = event_row.asking_ip
        AND shared_address.day = event_row.time::DATE
        AND coalesce(event_row.device, '') = ''
)
SELECT
    held.* EXCLUDE (held_by, asking_ip),
    CASE
        WHEN held.held_by IS NULL THEN host.host_id
        ELSE host_id_of(held.site, NULL, held.held_by, NULL)
    END AS host_id,
    CASE
        WHEN held.held_by IS NULL THEN host.bucket
        ELSE bucket_of(host_id_of(held.site, NULL, held.held_by, NULL))
    END AS bucket
FROM held
LEFT JOIN host
    ON host.site IS NOT DISTINCT FROM held.site
    AND host.device IS NOT DISTINCT FROM held.device
    AND host.asking_ip IS NOT DISTINCT FROM held.asking_ip
