-- Grades of the name model, and how much likelier an algorithm makes a label of each than an owner
-- does (log10): one that draws letters, and one that joins words.
CREATE OR REPLACE TABLE label_grade AS
SELECT
    grade,
    letter_odds,
    word_odds
FROM label_grade_rows;
