-- Answers of /v1/responses that others may go on from, each with what was said in its own turn.

CREATE TABLE responses (
    id          TEXT PRIMARY KEY,
    previous_id TEXT, -- not a reference: what it went on from may be deleted before it
    owner       TEXT NOT NULL,
    created_at  REAL NOT NULL,
    expires_at  REAL NOT NULL,
    body        TEXT NOT NULL
) STRICT;

CREATE INDEX responses_by_age ON responses (expires_at);

-- What was said to it and what it said, in this order.
CREATE TABLE response_items (
    response_id TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    place       INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    id          TEXT NOT NULL,
    item        TEXT NOT NULL,
    PRIMARY KEY (response_id, place)
) STRICT;

CREATE INDEX response_items_by_id ON response_items (id);
