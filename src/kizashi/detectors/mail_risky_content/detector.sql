-- Mails whose attachments or links run something, hide something or pretend to be something else, one row a
-- recipient. Authentication plays no part: a partner's taken mailbox passes every check.
WITH received AS (
    SELECT
        site,
        time,
        file_id,
        record_no,
        coalesce(message_id, concat_ws('/', file_id, record_no)) AS mail,
        message_id,
        subject,
        from_address,
        to_addresses,
        attachments,
        coalesce(members, []) AS members,
        list_concat(
            coalesce(findings, []),
            list_distinct(
                flatten(
                    list_transform(
                        coalesce(links, []),
                        lambda l: list_filter(
                            [
                                CASE
                                    WHEN regexp_matches(link_host(l), getvariable('shorteners'))
                                        THEN 'link through a shortener: ' || link_host(l)
                                END,
                                CASE
                                    WHEN regexp_matches(l, '^[a-zA-Z]+://[^/?#]*@')
                                        THEN 'link with a name before its host: ' || link_host(l)
                                END,
                                CASE WHEN is_public_address(link_host(l)) THEN 'link to an address: ' || link_host(l) END,
                                CASE
                                    WHEN contains(link_host(l), 'xn--') THEN 'link in foreign letters: ' || link_host(l)
                                END,
                                CASE
                                    WHEN
                                        length(chosen_label(link_host(l))) >= getvariable('made_label')
                                        AND (
                                            is_hex_label(chosen_label(link_host(l)))
                                            OR vowel_ratio(chosen_label(link_host(l))) < getvariable('made_vowels')
                                        )
                                        THEN 'link to a name that looks made: ' || link_host(l)
                                END
                            ],
                            lambda f: f IS NOT NULL
                        )
                    )
                )
            )
        ) AS findings,
        lower(coalesce(dmarc, '')) IN ('pass', 'bestguesspass') AS is_proven,
        chosen_label(split_part(from_address, '@', -1)) AS from_label,
        count(*) OVER (
            PARTITION BY from_address
            ORDER BY time
            RANGE BETWEEN UNBOUNDED PRECEDING AND to_hours(getvariable('familiar_hours')) PRECEDING
        ) AS earlier_mails
    FROM message
    WHERE from_address IS NOT NULL AND len(to_addresses) > 0
),
mailed AS (
    SELECT
        chosen_label(split_part(unnest(to_addresses), '@', -1)) AS label,
        mail
    FROM received
),
own AS (
    SELECT label
    FROM mailed
    GROUP BY label
    HAVING count(DISTINCT mail) >= own_share() * (SELECT count(*) FROM received)
),
own_list AS (
    SELECT coalesce(list(label), []) AS labels
    FROM own
),
worded(finding, japanese) AS (
    VALUES
    ('name turned right to left', '右から左への名前の偽装'),
    ('double ending', '二重拡張子'),
    ('ending pushed out of sight', '空白で隠した拡張子'),
    ('program under a document''s name', '文書名のプログラム'),
    ('embedded program', '埋め込まれたプログラム'),
    ('shortcut that starts an interpreter', 'インタプリタを起動するショートカット'),
    ('page that rebuilds a file', 'ファイルを組み立てるページ'),
    ('command in a field', 'フィールド内のコマンド'),
    ('program', 'プログラム'),
    ('program in an archive', '書庫内のプログラム'),
    ('script', 'スクリプト'),
    ('shortcut', 'ショートカット'),
    ('disk image', 'ディスクイメージ'),
    ('self-extracting archive', '自己解凍書庫'),
    ('notebook with a file inside', 'ファイルを含むノートブック'),
    ('document that starts a program', 'プログラムを起動する文書'),
    ('macro that starts programs or fetches', 'プログラム起動や取得を行うマクロ'),
    ('part fetched from elsewhere', '外部から取得する部品'),
    ('equation object', '数式オブジェクト'),
    ('other content than its name says', '名前と異なる中身'),
    ('macro that runs by itself', '自動実行マクロ'),
    ('page hidden in a script', 'スクリプトで隠したページ'),
    ('page that asks for a password', 'パスワードを求めるページ'),
    ('document that runs a script', 'スクリプトを実行する文書'),
    ('embedded control', '埋め込みコントロール'),
    ('macro', 'マクロ'),
    ('embedded object', '埋め込みオブジェクト'),
    ('locked archive', 'パスワード付き書庫'),
    ('locked document', 'パスワード付き文書'),
    ('link shown as another', '表示と異なるリンク'),
    ('link through a shortener', '短縮 URL のリンク'),
    ('link with a name before its host', 'ホスト名の前に名前のあるリンク'),
    ('link to an address', 'IP アドレスへのリンク'),
    ('link in foreign letters', '国際化ドメインへのリンク'),
    ('link to a name that looks made', '機械生成らしい名前へのリンク')
),
wording AS (
    SELECT map_from_entries(list((finding, japanese))) AS japanese
    FROM worded
),
found AS (
    SELECT
        received AS message,
        list_distinct(list_transform(received.findings, lambda f: split_part(f, ': ', 1))) AS kinds,
        -- Of one kind each file counts once; the same file may show several kinds.
        len(list_filter(kinds, lambda k: list_contains(getvariable('deceptive'), k))) AS deceptive,
        len(list_filter(kinds, lambda k: list_contains(getvariable('runnable'), k))) AS runnable,
        len(list_filter(kinds, lambda k: list_contains(getvariable('doubtful'), k))) AS doubtful,
        len(list_filter(kinds, lambda k: list_contains(getvariable('faint'), k))) AS faint,
        received.from_label IN (SELECT label FROM own) AND received.is_proven AS from_own
    FROM received
    WHERE len(received.findings) > 0
),
weighed AS (
    SELECT
        message,
        kinds,
        (
            1
            - pow(1 - getvariable('deceptive_weight'), deceptive)
            -- A program in an archive is a program too: the kinds of one file are not independent.
            * CASE WHEN runnable > 0 THEN 1 - getvariable('runnable_weight') ELSE 1 END
            * CASE WHEN doubtful > 0 THEN 1 - getvariable('doubtful_weight') ELSE 1 END
            * pow(1 - getvariable('faint_weight'), faint)
            * CASE WHEN message.earlier_mails = 0 THEN 1 - getvariable('first_weight') ELSE 1 END
        )
        * CASE
            WHEN from_own THEN getvariable('own_factor')
            WHEN message.earlier_mails >= getvariable('familiar_mails') THEN getvariable('familiar_factor')
            ELSE 1
        END AS weight
    FROM found
    WHERE deceptive + runnable + doubtful + faint > 0
),
inside AS (
    SELECT
        weighed,
        list_filter(
            message.to_addresses,
            lambda t: list_contains(own_list.labels, chosen_label(split_part(t, '@', -1)))
        ) AS recipients
    FROM weighed
    CROSS JOIN own_list
    WHERE weight >= getvariable('min_confidence')
),
delivered AS (
    SELECT
        weighed.message AS message,
        weighed.kinds AS kinds,
        weighed.weight AS weight,
        unnest(
            CASE WHEN len(recipients) > 0 THEN recipients ELSE weighed.message.to_addresses END
            [:getvariable('max_recipients')]
        ) AS recipient
    FROM inside
)
SELECT
    coalesce(message.site, '') AS site,
    'recipient:' || recipient AS host_id,
    min(message.time) AS first_seen,
    max(message.time) AS last_seen,
    any_value(message.message_id) AS message_id,
    any_value(message.from_address) AS sender,
    recipient,
    list_sort(
        list_distinct(
            flatten(
                list(
                    list_concat(
                        list_filter(list_transform(message.attachments, lambda a: a.name), lambda n: n IS NOT NULL),
                        message.members
                    )
                )
            )
        )
    ) AS file_names,
    any_value(message.attachments[1].sha256) AS sha256,
    any_value(message.subject) AS subject,
    array_to_string(list_sort(list_distinct(flatten(list(kinds)))), ', ') AS reasons,
    array_to_string(
        list_transform(
            list_sort(list_distinct(flatten(list(kinds)))),
            lambda k: coalesce(any_value(wording.japanese)[k], k)
        ),
        '、'
    ) AS reasons_ja,
    coalesce(
        array_to_string(
            list_sort(
                list_distinct(
                    list_transform(any_value(message.findings), lambda f: substr(f, strpos(f, ': ') + length(': ')))
                )
            ),
            ', '
        ),
        '-'
    ) AS files,
    CASE WHEN min(message.earlier_mails) = 0 THEN 'first mail of this sender' ELSE 'known sender' END AS known,
    CASE WHEN min(message.earlier_mails) = 0 THEN 'この送信者からの最初のメール' ELSE '既知の送信者' END AS known_ja,
    list_concat(
        CASE
            WHEN bool_or(list_filter(kinds, lambda k: NOT starts_with(k, 'link ')) <> []) THEN ['T1566.001']
        END,
        CASE WHEN bool_or(list_filter(kinds, lambda k: starts_with(k, 'link ')) <> []) THEN ['T1566.002'] END,
        CASE
            WHEN bool_or(list_contains(kinds, 'page that rebuilds a file') OR list_contains(kinds, 'locked archive'))
                THEN ['T1027']
        END,
        CASE WHEN bool_or(list_has_any(kinds, getvariable('deceptive'))) THEN ['T1036'] END
    ) AS techniques,
    round(max(weight) * getvariable('confidence_steps')) / getvariable('confidence_steps') AS confidence,
    list({'file_id': message.file_id, 'record_no': message.record_no} ORDER BY message.time, message.file_id, message.record_no)
        AS evidence
FROM delivered
CROSS JOIN wording
GROUP BY
    coalesce(message.site, ''),
    recipient,
    message.mail
ORDER BY
    first_seen,
    host_id,
    message_id
