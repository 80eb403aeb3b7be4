-- +goose Up
-- What is known of the copying of another store into this one: a JSON object, or empty.
ALTER TABLE store ADD COLUMN transfer text NOT NULL DEFAULT '';
