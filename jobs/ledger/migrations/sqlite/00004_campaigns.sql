-- +goose Up

-- A campaign, and how far its messages follow its state: those of the people up
-- to cursor do, and none is left where it is NULL. next_at is when the rest may
-- follow, after the canary.
CREATE TABLE campaigns (
    name       TEXT    PRIMARY KEY,
    event_id   TEXT    NOT NULL REFERENCES events (id),
    revision   BIGINT  NOT NULL,
    subject_nl TEXT    NOT NULL,
    subject_en TEXT    NOT NULL,
    body_nl    TEXT    NOT NULL,
    body_en    TEXT    NOT NULL,
    audience   TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    people     BIGINT  NOT NULL,
    draft_at   BIGINT  NOT NULL,
    start_at   BIGINT,
    beat_at    BIGINT,
    moved_by   TEXT    NOT NULL,
    asked_by   TEXT    NOT NULL,
    at_once    BOOLEAN NOT NULL,
    begun      BOOLEAN NOT NULL,
    cursor_at  BIGINT,
    next_at    BIGINT
);

CREATE TABLE campaign_log (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    name  TEXT   NOT NULL,
    at    BIGINT NOT NULL,
    by    TEXT   NOT NULL,
    state TEXT   NOT NULL,
    note  TEXT   NOT NULL
);
CREATE INDEX campaign_log_name ON campaign_log (name, id);

-- The frozen audience: who the expression chose when the campaign was sent, and
-- why a person gets nothing all the same.
CREATE TABLE campaign_people (
    name            TEXT   NOT NULL,
    registration_id BIGINT NOT NULL,
    left_out        TEXT   NOT NULL,
    PRIMARY KEY (name, registration_id)
) WITHOUT ROWID;

-- Addresses that get no campaigns; mail about their own registration they get.
CREATE TABLE unsubscriptions (
    email_key  TEXT   PRIMARY KEY,
    how        TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- Tasks of later versions than a worker knows, for people to see.
CREATE TABLE unknown_tasks (
    id      TEXT   PRIMARY KEY,
    kind    TEXT   NOT NULL,
    version BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- +goose Down
DELETE FROM messages WHERE kind = 'campaign';
DROP TABLE unknown_tasks;
DROP TABLE unsubscriptions;
DROP TABLE campaign_people;
DROP TABLE campaign_log;
DROP TABLE campaigns;
