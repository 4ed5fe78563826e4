-- Sign-ins with the places that local files know of their addresses; what the log itself says stands first.
-- Reads logged_authentication and address_place.
SELECT
    logged.* REPLACE (
        coalesce(logged.country, place.country) AS country,
        coalesce(logged.latitude, place.latitude) AS latitude,
        coalesce(logged.longitude, place.longitude) AS longitude,
        coalesce(logged.asn, place.asn) AS asn
    )
FROM logged_authentication AS logged
LEFT JOIN address_place AS place ON place.address = logged.client_ip
