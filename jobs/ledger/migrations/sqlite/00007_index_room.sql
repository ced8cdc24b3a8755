-- +goose Up

-- Of PostgreSQL only: SQLite changes rows in place.
SELECT 1;

-- +goose Down
SELECT 1;
