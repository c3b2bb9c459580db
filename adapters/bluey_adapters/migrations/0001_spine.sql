-- Bases, adapter versions, what names mean, and training jobs.
-- Weights are files; nothing here holds them. Times are seconds since the epoch.

CREATE TABLE bases (
    name          TEXT PRIMARY KEY,
    source        TEXT NOT NULL,
    chat_template TEXT,
    fingerprint   TEXT,
    signature     TEXT,
    created_at    REAL NOT NULL
) STRICT;

-- Names that point at a base: it, pt.
CREATE TABLE aliases (
    name TEXT PRIMARY KEY,
    base TEXT NOT NULL REFERENCES bases (name)
) STRICT;

CREATE TABLE jobs (
    id               TEXT PRIMARY KEY,
    status           TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    request          TEXT NOT NULL,
    created_at       REAL NOT NULL,
    started_at       REAL,
    finished_at      REAL,
    heartbeat_at     REAL,
    host             TEXT,
    pid              INTEGER,
    error            TEXT,
    version          INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One training at a time: the second claim breaks this index.
CREATE UNIQUE INDEX one_running_job ON jobs (status) WHERE status = 'running';

CREATE TABLE job_events (
    id         INTEGER PRIMARY KEY,
    job_id     TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    created_at REAL NOT NULL,
    type       TEXT NOT NULL,
    level      TEXT NOT NULL,
    message    TEXT NOT NULL,
    data       TEXT NOT NULL
) STRICT;

CREATE INDEX job_events_of_job ON job_events (job_id, id);

CREATE TABLE adapters (
    name             TEXT NOT NULL,
    version          INTEGER NOT NULL,
    digest           TEXT NOT NULL,
    base             TEXT NOT NULL,
    base_fingerprint TEXT NOT NULL,
    dataset_digest   TEXT,
    hyperparameters  TEXT NOT NULL,
    metrics          TEXT NOT NULL,
    job_id           TEXT REFERENCES jobs (id),
    created_at       REAL NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

-- The highest number ever given, so that a removed version's number never means another one.
CREATE TABLE version_numbers (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

-- What each bare adapter name has meant. The newest row is what it means now; rollback drops it.
CREATE TABLE promotions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    created_at REAL NOT NULL,
    FOREIGN KEY (name, version) REFERENCES adapters (name, version)
) STRICT;

CREATE INDEX promotions_of_name ON promotions (name, id);
