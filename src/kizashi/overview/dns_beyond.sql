-- Hours in which a measure left its band, the latest first.
SELECT
    about,
    hour,
    measure,
    value,
    usual
FROM dns_measure
WHERE value > usual AND measure IN ('lookups', 'failing', 'new_names', 'registered', 'odd_labels')
ORDER BY hour DESC, scope, about, measure
