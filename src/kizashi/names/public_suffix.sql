-- Suffixes under which somebody registers names: the public suffix list and dynamic_dns.txt.
CREATE OR REPLACE TABLE public_suffix AS
SELECT
    suffix,
    kind
FROM public_suffix_rules;
