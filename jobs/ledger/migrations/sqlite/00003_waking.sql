-- +goose Up

-- Who fills the queues remembers what it handed over; the ledger does not. So
-- handing over writes nothing, and a claim and a final dot touch no index.
DROP INDEX messages_wake;
ALTER TABLE messages DROP COLUMN enqueued_at;
ALTER TABLE messages DROP COLUMN generation;
CREATE INDEX messages_wake ON messages (queue, wake_at, id) WHERE wake_at IS NOT NULL;

-- +goose Down
DROP INDEX messages_wake;
ALTER TABLE messages ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN enqueued_at BIGINT;
CREATE INDEX messages_wake ON messages (queue, enqueued_at, wake_at) WHERE wake_at IS NOT NULL;
