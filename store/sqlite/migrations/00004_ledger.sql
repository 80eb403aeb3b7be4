-- +goose NO TRANSACTION
-- +goose Up
-- What calls of models took and cost, summed up by everything that a report or a
-- budget tells apart. Money is in billionths of the currency. The columns saved_*
-- count what was not spent, because the result was there already.
CREATE TABLE ledger (
    tenant       TEXT    NOT NULL,
    day          TEXT    NOT NULL, -- UTC, 2026-01-31
    key          TEXT    NOT NULL, -- name of the API key, or empty
    operation    TEXT    NOT NULL,
    provider     TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    calls        INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    input        INTEGER NOT NULL,
    cached       INTEGER NOT NULL,
    output       INTEGER NOT NULL,
    searches     INTEGER NOT NULL,
    cost         INTEGER NOT NULL,
    saved_calls  INTEGER NOT NULL,
    saved_input  INTEGER NOT NULL,
    saved_cached INTEGER NOT NULL,
    saved_output INTEGER NOT NULL,
    saved_searches INTEGER NOT NULL,
    saved_cost   INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, key, operation, provider, model, currency)
) STRICT, WITHOUT ROWID;
-- Holds all that a budget over several tenants sums up.
CREATE INDEX ledger_day ON ledger (day, key, operation, currency, cost, input, output);

-- What running calls have set aside. A hold whose caller died is charged in full
-- when it expires and stays for a while as lapsed, so that a caller who comes back
-- late after all is charged the difference.
CREATE TABLE holds (
    id         TEXT    PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    day        TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    operation  TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    currency   TEXT    NOT NULL,
    calls      INTEGER NOT NULL,
    unpriced   INTEGER NOT NULL,
    input      INTEGER NOT NULL,
    cached     INTEGER NOT NULL,
    output     INTEGER NOT NULL,
    searches   INTEGER NOT NULL,
    cost       INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    lapsed     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_expire ON holds (expires_at);
