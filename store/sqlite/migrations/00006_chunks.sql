-- +goose NO TRANSACTION
-- +goose Up
-- The wider text that is read with a chunk: bytes of the same version, 0 to 0 for none.
ALTER TABLE chunks ADD COLUMN parent_start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chunks ADD COLUMN parent_end INTEGER NOT NULL DEFAULT 0;

-- The chunkers fixed and recursive counted characters, which now has to be said, and
-- what semantic did is called paragraph. Collections keep what they were made with.
UPDATE generations SET chunker = json_set(chunker, '$.unit', 'characters')
    WHERE json_extract(chunker, '$.name') IN ('fixed', 'recursive') AND json_extract(chunker, '$.unit') IS NULL;
UPDATE generations SET chunker = json_set(chunker, '$.name', 'paragraph')
    WHERE json_extract(chunker, '$.name') = 'semantic';
