-- +goose Up

-- Whether each mail of a campaign carries the person's own invitation.
ALTER TABLE campaigns ADD COLUMN invitation BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE campaigns DROP COLUMN invitation;
