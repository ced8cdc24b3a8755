-- +goose Up

-- The file that goes along with a campaign; an empty name is none. Its content
-- stands apart: campaigns are read far more often than it.
ALTER TABLE campaigns ADD COLUMN file_name TEXT NOT NULL DEFAULT '';
ALTER TABLE campaigns ADD COLUMN file_size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE campaigns ADD COLUMN file_sha256 TEXT NOT NULL DEFAULT '';

CREATE TABLE campaign_files (
    name    TEXT PRIMARY KEY,
    content BYTEA NOT NULL
);

-- +goose Down
DROP TABLE campaign_files;
ALTER TABLE campaigns DROP COLUMN file_sha256;
ALTER TABLE campaigns DROP COLUMN file_size;
ALTER TABLE campaigns DROP COLUMN file_name;
