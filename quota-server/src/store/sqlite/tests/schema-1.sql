-- A file as schema 1 had it, with something in every table. Never changed: such files are out there.
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;

CREATE TABLE process (
    id INTEGER PRIMARY KEY,
    node TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    expires_at INTEGER,            -- Unix ms; NULL once lapsed
    seen_at INTEGER NOT NULL,
    UNIQUE (node, epoch)
) STRICT;
CREATE INDEX process_due ON process (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE bucket (
    id INTEGER PRIMARY KEY,
    budget TEXT NOT NULL,
    subject TEXT NOT NULL,         -- JSON array of strings
    window_start INTEGER NOT NULL, -- Unix ms
    window_end INTEGER NOT NULL,
    keep_until INTEGER NOT NULL,   -- Unix ms; later reports are too late
    used INTEGER NOT NULL,
    outstanding INTEGER NOT NULL,
    UNIQUE (budget, subject, window_start)
) STRICT;
CREATE INDEX bucket_keep ON bucket (keep_until);

CREATE TABLE account (
    bucket INTEGER NOT NULL,
    process INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    outstanding INTEGER NOT NULL,
    written_off INTEGER NOT NULL,
    PRIMARY KEY (bucket, process, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_process ON account (process);
CREATE INDEX account_held ON account (process) WHERE outstanding > 0;

-- Acquires: the answer for a repeat and what taking it back means; both NULL where the number was withdrawn.
CREATE TABLE acquired (
    process INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    answer BLOB,                   -- AcquireResponse
    undo BLOB,                     -- SyncRequest with `settled` only
    PRIMARY KEY (process, worker, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX acquired_at ON acquired (at);

CREATE TABLE worker (
    process INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    answer BLOB NOT NULL,          -- SyncResponse
    PRIMARY KEY (process, worker)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
    version TEXT PRIMARY KEY,
    dimensions TEXT NOT NULL       -- JSON array of names
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    hour INTEGER NOT NULL,         -- Unix ms
    dimensions TEXT NOT NULL,      -- JSON object of strings, names sorted
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    outcome TEXT NOT NULL,
    source TEXT NOT NULL,
    price_version TEXT NOT NULL,
    requests INTEGER NOT NULL,
    uncached_input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    audio_in INTEGER NOT NULL,
    image_in INTEGER NOT NULL,
    output_visible INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    audio_out INTEGER NOT NULL,
    cost_pico_usd INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (hour, dimensions, model, provider, outcome, source, price_version)
) STRICT, WITHOUT ROWID;

INSERT INTO schema_version VALUES (1);
PRAGMA application_id = 1953459308;
INSERT INTO process VALUES (1, 'envoy-1', 7, 3, 5000, 4000);
INSERT INTO bucket VALUES (1, 'tenant-tokens', '["acme"]', 0, 86400000, 90000000, 310, 500);
INSERT INTO account VALUES (1, 1, 3, 500, 20);
INSERT INTO acquired VALUES (1, 1, 4, 4000, 3, NULL, NULL);
INSERT INTO worker VALUES (1, 1, 9, 4000, x'');
INSERT INTO policy VALUES ('v1', '["tenant"]');
INSERT INTO ledger VALUES
    (0, '{"tenant":"acme"}', 'gpt-4o', 'openai', 'ok', 'reported', 'p1', 2, 300, 1, 2, 3, 4, 5, 10, 6, 7, 55, 100, 0),
    (3600000, '{"tenant":"acme"}', 'gpt-4o', 'openai', 'ok', 'reported', 'p1', 1, 30, 0, 0, 0, 0, 0, 1, 0, 0, 5, 10, 1);
