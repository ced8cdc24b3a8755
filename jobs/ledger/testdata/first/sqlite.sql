-- Every instant is a BIGINT: microseconds since 1970 in UTC; NULL is none.

-- +goose Up
CREATE TABLE programmes (
    version    BIGINT PRIMARY KEY,
    file       TEXT   NOT NULL,
    source     BLOB  NOT NULL,
    applied_at BIGINT NOT NULL
);

-- The row of an event is also its lock: who plans for an event shares it, who
-- changes the event holds it alone.
CREATE TABLE events (
    id        TEXT    PRIMARY KEY,
    revision  BIGINT  NOT NULL,
    start_at  BIGINT  NOT NULL,
    cancelled BOOLEAN NOT NULL
);

CREATE TABLE registrations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id      TEXT    NOT NULL REFERENCES events (id),
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    given_name    TEXT    NOT NULL,
    organisation  TEXT    NOT NULL,
    lang          TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    tags          TEXT    NOT NULL, -- ' vip staff ', so that LIKE '% vip %' finds one
    answered      TEXT    NOT NULL,
    uid           TEXT    NOT NULL UNIQUE,
    source        TEXT    NOT NULL,
    quiet         BOOLEAN NOT NULL,
    approved      BOOLEAN NOT NULL,
    registered_at BIGINT,
    created_at    BIGINT  NOT NULL,
    since_at      BIGINT  NOT NULL,
    cancelled_at  BIGINT
);
CREATE UNIQUE INDEX registrations_once ON registrations (event_id, email_key) WHERE status <> 'cancelled';
CREATE INDEX registrations_email ON registrations (email_key);

-- wake_at is when a row next needs somebody: a message that waits, its next
-- attempt; one in flight, the attempt it is in; a held one, its end. What
-- waits for nothing has none. It does not depend on the state, so that the
-- moves of a message in flight touch no index.
--
-- registration_id is no foreign key: checked a row at a time an import
-- on PostgreSQL took half as long again, and messages are only ever inserted in the
-- transaction that holds their registration.
CREATE TABLE messages (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    registration_id BIGINT NOT NULL,
    event_id        TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    sequence        BIGINT NOT NULL,
    queue           TEXT   NOT NULL,
    state           TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    rule_at         BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    wake_at         BIGINT,
    enqueued_at     BIGINT,
    generation      BIGINT NOT NULL DEFAULT 0,
    owner           TEXT   NOT NULL DEFAULT '',
    fence           BIGINT NOT NULL DEFAULT 0,
    attempts        BIGINT NOT NULL DEFAULT 0,
    doubts          BIGINT NOT NULL DEFAULT 0,
    crashes         BIGINT NOT NULL DEFAULT 0,
    sent_at         BIGINT,
    smtp            TEXT   NOT NULL DEFAULT '',
    message_id      TEXT   NOT NULL DEFAULT '',
    UNIQUE (registration_id, kind, name, revision)
);
CREATE INDEX messages_wake ON messages (queue, enqueued_at, wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE workers (
    id          TEXT   PRIMARY KEY,
    lease_until BIGINT NOT NULL,
    started_at  BIGINT NOT NULL
);

CREATE TABLE suppressions (
    email_key  TEXT   PRIMARY KEY,
    reason     TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE suppressions;
DROP TABLE workers;
DROP TABLE messages;
DROP TABLE registrations;
DROP TABLE events;
DROP TABLE programmes;
