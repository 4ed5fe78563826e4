-- Without some days of history everything is new, and nothing is called so.
SELECT
    'nothing could be judged: a domain is new only after ' || getvariable('least_history_days')
    || ' days of history, and these logs hold ' || date_diff('day', min(first_seen), getvariable('until')) AS en,
    '判定できない：新規と呼ぶには ' || getvariable('least_history_days') || ' 日の履歴が必要だが、このログは '
    || date_diff('day', min(first_seen), getvariable('until')) || ' 日分' AS ja
FROM contact
HAVING min(first_seen) + to_days(getvariable('least_history_days')) > getvariable('until')
