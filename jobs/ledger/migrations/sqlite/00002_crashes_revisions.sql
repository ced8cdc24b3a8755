-- +goose Up

-- A claim of one message alone: should its worker die, the message is likelier
-- the cause than a hundred that were claimed together.
ALTER TABLE messages ADD COLUMN alone BOOLEAN NOT NULL DEFAULT FALSE;

-- Why a worker sends nothing now; '' when all is well.
ALTER TABLE workers ADD COLUMN trouble TEXT NOT NULL DEFAULT '';

-- The version of the programme by which an event got a revision. What it got
-- before this table was there is not known.
CREATE TABLE event_revisions (
    event_id TEXT   NOT NULL,
    revision BIGINT NOT NULL,
    version  BIGINT NOT NULL,
    PRIMARY KEY (event_id, revision)
);

CREATE TABLE secrets (
    name  TEXT  PRIMARY KEY,
    value BLOB NOT NULL
);

-- +goose Down
DROP TABLE secrets;
DROP TABLE event_revisions;
ALTER TABLE workers DROP COLUMN trouble;
ALTER TABLE messages DROP COLUMN alone;
