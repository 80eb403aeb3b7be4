-- +goose Up

-- Money and jobs are at work in several processes at once. Their moments are those
-- of this server's clock, so that processes whose clocks differ agree on what has
-- expired.
--
-- The tenant is in every unique key and on both sides of every reference: both look past
-- row-level security, and must not tell one tenant what another has.

-- What calls of models took and cost, summed up by everything that a report or a
-- budget tells apart. Money is in billionths of the currency. The columns saved_*
-- count what was not spent, because the result was there already.
CREATE TABLE ledger (
    tenant         text   COLLATE "C" NOT NULL,
    day            text   COLLATE "C" NOT NULL, -- UTC, 2026-01-31
    key            text   COLLATE "C" NOT NULL, -- name of the API key, or empty
    operation      text   COLLATE "C" NOT NULL,
    provider       text   COLLATE "C" NOT NULL,
    model          text   COLLATE "C" NOT NULL,
    currency       text   COLLATE "C" NOT NULL,
    calls          bigint NOT NULL,
    failed         bigint NOT NULL,
    estimated      bigint NOT NULL,
    unpriced       bigint NOT NULL,
    input          bigint NOT NULL,
    cached         bigint NOT NULL,
    output         bigint NOT NULL,
    searches       bigint NOT NULL,
    cost           bigint NOT NULL,
    saved_calls    bigint NOT NULL,
    saved_input    bigint NOT NULL,
    saved_cached   bigint NOT NULL,
    saved_output   bigint NOT NULL,
    saved_searches bigint NOT NULL,
    saved_cost     bigint NOT NULL,
    PRIMARY KEY (tenant, day, key, operation, provider, model, currency)
) WITH (fillfactor = 50); -- its rows are counted up all the time
CREATE INDEX ledger_day ON ledger (day);
SELECT protect('ledger');

-- What running calls have set aside. A hold whose caller died is charged in full
-- when it expires and stays for a while as lapsed, so that a caller who comes back
-- late after all is charged the difference.
CREATE TABLE holds (
    id         text        COLLATE "C" NOT NULL,
    tenant     text        COLLATE "C" NOT NULL,
    day        text        COLLATE "C" NOT NULL,
    key        text        COLLATE "C" NOT NULL,
    operation  text        COLLATE "C" NOT NULL,
    provider   text        COLLATE "C" NOT NULL,
    model      text        COLLATE "C" NOT NULL,
    currency   text        COLLATE "C" NOT NULL,
    calls      bigint      NOT NULL,
    unpriced   bigint      NOT NULL,
    input      bigint      NOT NULL,
    cached     bigint      NOT NULL,
    output     bigint      NOT NULL,
    searches   bigint      NOT NULL,
    cost       bigint      NOT NULL,
    expires_at timestamptz NOT NULL,
    lapsed     boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX holds_expire ON holds (expires_at);
SELECT protect('holds');

-- Places that documents come from again and again. Settings hold no secrets.
CREATE TABLE sources (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant       text        COLLATE "C" NOT NULL,
    collection   bigint      NOT NULL,
    name         text        COLLATE "C" NOT NULL,
    kind         text        NOT NULL,
    settings     text        NOT NULL, -- JSON object
    metadata     text        NOT NULL, -- JSON object
    acl          text        NOT NULL, -- JSON array, or empty
    created_at   timestamptz NOT NULL,
    last_run     timestamptz,
    last_success timestamptz,
    last_error   text        NOT NULL DEFAULT '',
    last_report  text        NOT NULL DEFAULT '{}', -- JSON object
    cursor       bytea,                             -- what the source left for its next reading
    reading      bigint      NOT NULL DEFAULT 0,    -- number of the last one
    holder       text        NOT NULL DEFAULT '',   -- the process that is reading, or empty
    held_until   timestamptz,
    UNIQUE (collection, name, tenant),
    UNIQUE (id, tenant),
    FOREIGN KEY (collection, tenant) REFERENCES collections (id, tenant) ON DELETE CASCADE
);
SELECT protect('sources');

-- What is kept of an item between readings. kind and reason say why it failed.
CREATE TABLE source_items (
    tenant       text        COLLATE "C" NOT NULL,
    collection   bigint      NOT NULL,
    source       bigint      NOT NULL,
    id           text        COLLATE "C" NOT NULL,
    fingerprint  text        NOT NULL,
    external_id  text        COLLATE "C" NOT NULL,
    -- An external id can be longer than a key of an index may be.
    external_key bigint      NOT NULL GENERATED ALWAYS AS (hashtextextended(external_id, 0)) STORED,
    kind         text        NOT NULL,
    reason       text        NOT NULL,
    removed      text        NOT NULL, -- SHA-256 of the document that was deleted by hand, or empty
    reading      bigint      NOT NULL, -- the one that last told of it
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (source, id, tenant),
    FOREIGN KEY (collection, tenant) REFERENCES collections (id, tenant) ON DELETE CASCADE,
    FOREIGN KEY (source, tenant) REFERENCES sources (id, tenant) ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX source_items_reading ON source_items (source, reading, id);
CREATE INDEX source_items_document ON source_items (collection, external_key);
CREATE INDEX source_items_failing ON source_items (source, id) WHERE kind <> '';
SELECT protect('source_items');

-- Work that outlives the process that began it. A process that works on a job holds
-- it until held_until and says so again before that; a job whose holder is gone is
-- taken by another.
CREATE TABLE jobs (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant      text        COLLATE "C" NOT NULL,
    collection  bigint      NOT NULL,
    uuid        uuid        NOT NULL,
    kind        text        NOT NULL,
    name        text        NOT NULL,
    source      text        COLLATE "C" NOT NULL, -- of a sync, else empty
    again       boolean     NOT NULL, -- how the source of a sync is read: rag.Job
    allow_empty boolean     NOT NULL,
    force       boolean     NOT NULL,
    principals  text        NOT NULL, -- JSON array, sorted
    admin       boolean     NOT NULL, -- whether they manage the tenant
    key         text        NOT NULL, -- name of the API key that is charged
    state       text        NOT NULL,
    error       text        NOT NULL DEFAULT '',
    cancelling  boolean     NOT NULL DEFAULT false,
    tries       integer     NOT NULL DEFAULT 0,
    progress    text        NOT NULL, -- JSON object: rag.Progress
    created_at  timestamptz NOT NULL,
    started_at  timestamptz,
    updated_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    not_before  timestamptz,
    holder      text        NOT NULL DEFAULT '',
    held_until  timestamptz,
    UNIQUE (uuid, tenant),
    UNIQUE (id, tenant),
    FOREIGN KEY (collection, tenant) REFERENCES collections (id, tenant) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX jobs_listed ON jobs (collection, id);
CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_source ON jobs (collection, source, id) WHERE kind = 'sync';
-- A source has one open job.
CREATE UNIQUE INDEX jobs_sync ON jobs (collection, source, tenant) WHERE kind = 'sync' AND state IN ('queued', 'running');
SELECT protect('jobs');

-- The inputs of a job. sha256 keeps the content alive as long as it may be needed;
-- it is empty once the item is stored as a document.
CREATE TABLE job_items (
    tenant   text    COLLATE "C" NOT NULL,
    job      bigint  NOT NULL,
    number   integer NOT NULL,
    input    text    NOT NULL, -- JSON object: rag.StoredInput
    sha256   text    COLLATE "C" NOT NULL,
    bytes    bigint  NOT NULL,
    state    text    NOT NULL, -- empty before there is a verdict
    error    text    NOT NULL,
    kind     text    NOT NULL,
    tries    integer NOT NULL,
    document text    COLLATE "C" NOT NULL DEFAULT '', -- uuid of what it became, or empty
    chunks   integer NOT NULL DEFAULT 0,
    warnings text    NOT NULL DEFAULT '[]', -- JSON array
    PRIMARY KEY (job, number, tenant),
    FOREIGN KEY (job, tenant) REFERENCES jobs (id, tenant) ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX job_items_state ON job_items (job, state, number);
-- What a purge looks for: items name the document that they became.
CREATE INDEX job_items_document ON job_items (document) WHERE document <> '';
CREATE INDEX job_items_sha256 ON job_items (sha256) WHERE sha256 <> '';
SELECT protect('job_items');
CREATE TRIGGER job_items_loosen_deleted AFTER DELETE ON job_items
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION loosen_originals();
-- +goose StatementBegin
CREATE FUNCTION loosen_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loose_originals (tenant, sha256)
        SELECT DISTINCT was.tenant, was.sha256 FROM was JOIN now USING (job, number)
        WHERE was.sha256 <> '' AND now.sha256 = '' ORDER BY was.sha256, was.tenant
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER job_items_loosen_done AFTER UPDATE ON job_items
    REFERENCING OLD TABLE AS was NEW TABLE AS now FOR EACH STATEMENT EXECUTE FUNCTION loosen_done();

-- The query log.
CREATE TABLE queries (
    id         bigint           GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant     text             COLLATE "C" NOT NULL,
    collection bigint           NOT NULL,
    uuid       text             NOT NULL,
    principals text             NOT NULL, -- JSON array, sorted
    kind       text             NOT NULL,
    text       text             NOT NULL,
    answer     text             NOT NULL,
    hits       text             NOT NULL, -- JSON array of chunk ids
    citations  text             NOT NULL, -- JSON array
    confidence double precision NOT NULL,
    refused    boolean          NOT NULL,
    cached     boolean          NOT NULL,
    usage      text             NOT NULL, -- JSON object
    took       bigint           NOT NULL, -- nanoseconds
    at         timestamptz      NOT NULL,
    error      text             NOT NULL,
    UNIQUE (id, tenant),
    FOREIGN KEY (collection, tenant) REFERENCES collections (id, tenant) ON DELETE CASCADE
);
CREATE INDEX queries_listed ON queries (collection, id);
SELECT protect('queries');

-- Which documents an answer was made from: its row goes when one of them does.
CREATE TABLE query_documents (
    tenant   text   COLLATE "C" NOT NULL,
    document uuid   NOT NULL,
    query    bigint NOT NULL,
    PRIMARY KEY (query, document, tenant),
    FOREIGN KEY (query, tenant) REFERENCES queries (id, tenant) ON DELETE CASCADE
);
CREATE INDEX query_documents_document ON query_documents (document);
SELECT protect('query_documents');
