-- API keys by name. Only digests: whoever reads this file can't use what it lets in.

CREATE TABLE keys (
    name       TEXT PRIMARY KEY,
    digest     TEXT NOT NULL UNIQUE,
    last_four  TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;
