-- +goose NO TRANSACTION
-- +goose Up
-- Original files whose last version may be gone: what a clean-up has to look at.
-- A row stays until the file has been dealt with, so a crash forgets none.
CREATE TABLE loose_originals (
    sha256 TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER versions_loosen_original AFTER DELETE ON versions WHEN old.sha256 <> '' BEGIN
    INSERT OR IGNORE INTO loose_originals (sha256) VALUES (old.sha256);
END;
-- +goose StatementEnd
