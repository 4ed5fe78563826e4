-- Words about paths and labels that every detector spells the same way. Each is NULL for NULL.

-- Last component of a Windows, device, UNC or Unix path, lower case, quotes cut off.
CREATE OR REPLACE MACRO file_name(path) AS
    lower(rtrim(split_part(replace(path, '/', '\'), '\', -1), '" '));

-- Programs by what they do, named once for all detectors, which add what is theirs alone.
-- They open what mail brings, and have no reason to start tools.
CREATE OR REPLACE MACRO document_programs() AS [
    'winword.exe', 'excel.exe', 'powerpnt.exe', 'outlook.exe', 'msaccess.exe', 'mspub.exe', 'visio.exe',
    'winproj.exe', 'onenote.exe', 'onenotem.exe', 'eqnedt32.exe', 'wordpad.exe', 'acrord32.exe', 'acrobat.exe',
    'foxitpdfreader.exe', 'foxitreader.exe', 'hwp.exe'
];

-- They unpack what mail brings, the ones of Japan included.
CREATE OR REPLACE MACRO archive_programs() AS [
    'winrar.exe', 'rar.exe', 'unrar.exe', '7zfm.exe', '7zg.exe', '7z.exe', 'winzip32.exe', 'winzip64.exe',
    'bandizip.exe', 'peazip.exe', 'lhaplus.exe', 'lhaz.exe', 'explzh.exe', 'cubeice.exe', 'izarc.exe'
];

CREATE OR REPLACE MACRO command_shells() AS ['cmd.exe', 'powershell.exe', 'pwsh.exe'];
CREATE OR REPLACE MACRO script_programs() AS ['wscript.exe', 'cscript.exe', 'mshta.exe'];

-- Windows' own programs that run code which somebody else wrote.
CREATE OR REPLACE MACRO code_hosts() AS [
    'rundll32.exe', 'regsvr32.exe', 'installutil.exe', 'regasm.exe', 'regsvcs.exe', 'msbuild.exe', 'cmstp.exe',
    'msxsl.exe', 'hh.exe', 'odbcconf.exe', 'wmic.exe'
];

-- A program's path without whose profile it lies in: the same on every host that has it.
CREATE OR REPLACE MACRO program_shape(path) AS
    regexp_replace(
        lower(trim(replace(path, '/', '\'), '" ')), '^([a-z]:\\users\\)[^\\]+\\', '\1*\\'
    );

-- Places that an ordinary account can write to. Everything under a profile counts; so do the
-- folders inside Windows whose access list lets users create files. Defender keeps its programs in
-- ProgramData, where only administrators write, so that branch does not count.
CREATE OR REPLACE MACRO is_user_writable(path) AS
    regexp_matches(
        lower(replace(path, '/', '\')),
        '\\users\\[^\\]+\\|\\documents and settings\\[^\\]+\\|\\\$recycle\.bin\\|\\recycler\\'
        || '|\\programdata\\|\\perflogs\\|\\te?mp\\|^"?\\(var\\tmp|dev\\shm|home\\[^\\]+)\\'
        || '|\\windows\\(tasks|tracing|debug\\wia|registration\\crmlog)\\'
        || '|\\(system32|syswow64)\\(tasks|fxstmp|com\\dmp|spool\\(printers|servers|drivers\\color)|microsoft\\crypto\\rsa\\machinekeys)\\'
        || '|%(temp|tmp|appdata|localappdata|userprofile|public|programdata|allusersprofile|homepath)%'
    )
    AND NOT regexp_matches(
        lower(replace(path, '/', '\')), '\\programdata\\microsoft\\windows defender\\'
    );

-- Leftmost label of a name.
CREATE OR REPLACE MACRO label_of(query) AS lower(split_part(query, '.', 1));

-- Only hex digits, with a digit and a letter among them: `facade` is a word and `2026` a number.
CREATE OR REPLACE MACRO is_hex_label(label) AS
    regexp_full_match(lower(label), '[0-9a-f]+')
    AND regexp_matches(label, '[0-9]')
    AND regexp_matches(lower(label), '[a-f]');

-- Vowels among the letters of a label, 0 to 1; NULL when it has no letter. English text: about 0.4.
CREATE OR REPLACE MACRO vowel_ratio(label) AS
    length(regexp_replace(lower(label), '[^aeiou]', '', 'g'))
    / nullif(length(regexp_replace(lower(label), '[^a-z]', '', 'g')), 0)::DOUBLE;

-- Alphabet that a label is drawn from: digits, hex, letters, alphanumeric, hyphenated, punycode,
-- service (a leading underscore) or other.
CREATE OR REPLACE MACRO alphabet_class(label) AS
    CASE
        WHEN label IS NULL THEN NULL
        WHEN regexp_full_match(label, '[0-9]+') THEN 'digits'
        WHEN is_hex_label(label) THEN 'hex'
        WHEN regexp_full_match(lower(label), '[a-z]+') THEN 'letters'
        WHEN regexp_full_match(lower(label), '[a-z0-9]+') THEN 'alphanumeric'
        WHEN starts_with(lower(label), 'xn--') THEN 'punycode'
        WHEN starts_with(label, '_') THEN 'service'
        WHEN regexp_full_match(lower(label), '[a-z0-9-]+') THEN 'hyphenated'
        ELSE 'other'
    END;

-- The distinct characters of a label in order: `lklptttt` -> `klpt`.
CREATE OR REPLACE MACRO characters_of(label) AS
    array_to_string(list_sort(list_distinct(string_split(lower(label), ''))), '');

-- A name asked for to turn an address into a name.
CREATE OR REPLACE MACRO is_reverse_name(query) AS
    ends_with(lower(query), '.in-addr.arpa') OR ends_with(lower(query), '.ip6.arpa');

-- The name and every parent of it that has a dot: an indicator matches its children.
CREATE OR REPLACE MACRO name_and_parents(query) AS
    list_transform(
        range(1, greatest(1, len(string_split(query, '.'))::BIGINT)),
        lambda n: array_to_string(string_split(query, '.')[n:], '.'));

-- Host and path of a URL in a mail, or of a request, as `url` indicators are written.
CREATE OR REPLACE MACRO plain_url(url) AS
    regexp_replace(
        regexp_replace(url, '^[A-Za-z][A-Za-z0-9+.-]*://([^/@]*@)?', ''),
        '^([^/:]+)(:\d+)?([^#]*).*$', '\1\3');

-- A file name, or a command line, as mail and host both may write it: lower case, composed, full-width
-- letters and digits as plain ones, and without the number that Outlook or a browser adds to a copy.
CREATE OR REPLACE MACRO plain_file_names(text) AS
    regexp_replace(
        lower(translate(
            nfc_normalize(text),
            '０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ．＿－（）　',
            '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-() ')),
        ' ?\(\d{1,3}\)(\.[a-z0-9]+)', '\1', 'g');

-- What the eye takes for the same is spelled the same: accents, full-width forms, Cyrillic and Greek
-- letters, digits for letters, kanji for the kana that they look like, and pairs that run together.
CREATE OR REPLACE MACRO skeleton(text) AS
    replace(replace(replace(
        translate(
            strip_accents(lower(nfc_normalize(text))),
            '０１２３４５６７８９ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ．－　'
            || 'авеіјкмнорсԁһӏѕтухцԝԛгпбё' || 'αβγεικνορτυχω' || 'ıɩɡøđłß|!' || '01345'
            || 'i' || '口一二三力夕工卜八千才ヘり丿へべぺ－―‐–—ｰ',
            '0123456789abcdefghijklmnopqrstuvwxyz.- '
            || 'abeljkmhopcdhlstyxuwqrnbe' || 'abyelkvoptuxw' || 'llgodlbll' || 'oleas'
            || 'l' || 'ロー' || 'ニミカタエトハチオへリノへベペ------'),
        'rn', 'm'), 'vv', 'w'), 'cl', 'd');

-- Names that nobody outside could answer: suffixes that nobody can register, service names (AD SRV,
-- DKIM, ACME), block-list look-ups of an address, proxy discovery, binary rubbish.
CREATE OR REPLACE MACRO fails_by_design(query) AS
    regexp_matches(
        query,
        '(^|\.)(arpa|local|localdomain|lan|internal|intranet|home|corp|private|workgroup|domain|localhost)$'
    )
    OR regexp_matches(
        query,
        '(^|\.)_|^(\d{1,3}\.){4}[^.]+\.|^([0-9a-f]\.){16}|^(wpad|isatap)\.|[^a-z0-9._-]'
    );

-- Host of a URL, lower case, without user name and port.
CREATE OR REPLACE MACRO link_host(url) AS
    lower(regexp_extract(url, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?(\[[0-9a-fA-F:]+\]|[^/?#:]+)', 1));

-- ATT&CK's techniques for code that a system program is made to run; of a script host the language of its script
-- decides. NULL for other programs.
CREATE OR REPLACE MACRO technique_of_tool(program, command) AS
    CASE
        WHEN program IN ('wscript.exe', 'cscript.exe') AND regexp_matches(command, '(?i)\.jse?\b') THEN 'T1059.007'
        ELSE
            MAP {
                'powershell.exe': 'T1059.001',
                'pwsh.exe': 'T1059.001',
                'cmd.exe': 'T1059.003',
                'bash.exe': 'T1059.004',
                'wsl.exe': 'T1059.004',
                'wscript.exe': 'T1059.005',
                'cscript.exe': 'T1059.005',
                'hh.exe': 'T1218.001',
                'control.exe': 'T1218.002',
                'cmstp.exe': 'T1218.003',
                'installutil.exe': 'T1218.004',
                'mshta.exe': 'T1218.005',
                'msiexec.exe': 'T1218.007',
                'odbcconf.exe': 'T1218.008',
                'regasm.exe': 'T1218.009',
                'regsvcs.exe': 'T1218.009',
                'regsvr32.exe': 'T1218.010',
                'rundll32.exe': 'T1218.011',
                'mavinject.exe': 'T1218.013',
                'msbuild.exe': 'T1127.001',
                'forfiles.exe': 'T1202',
                'pcalua.exe': 'T1202',
                'wmic.exe': 'T1047',
                'msxsl.exe': 'T1220',
                'bitsadmin.exe': 'T1197',
                'schtasks.exe': 'T1053.005',
                'sc.exe': 'T1569.002'
            }[program]
    END;

-- What a mail gateway asks for: block lists of an address, signing keys, policies.
-- The cheap test comes first: a lake may hold ten million names.
CREATE OR REPLACE MACRO is_mail_lookup(query) AS
    (
        contains(query, '_')
        AND regexp_matches(query, '(^|\.)_(domainkey|dmarc|spf|mta-sts|smtp|adsp|report)\.')
    )
    OR (
        regexp_matches(query, '^(\d{1,3}\.){4}[^.]+\.|^([0-9a-f]\.){16}')
        AND NOT ends_with(query, '.arpa')
    );

-- log10 of how much likelier a share is than chance, for each of the cases it is a share of: Chernoff's bound.
CREATE OR REPLACE MACRO log_odds_against_chance(share, chance) AS
    CASE
        WHEN share <= chance THEN 0.0
        WHEN share >= 1 THEN -log10(chance)
        ELSE share * log10(share / chance) + (1 - share) * log10((1 - share) / (1 - chance))
    END;
