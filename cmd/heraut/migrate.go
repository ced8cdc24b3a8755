package main

import (
	"context"

	"heraut/jobs/ledger"
)

// migrateCmd brings the database to this version's schema. Several at once
// are safe.
type migrateCmd struct{}

func (migrateCmd) Run(ctx context.Context, a *app) error {
	c, err := loadConfig(a.flags.Config, a.env)
	if err != nil {
		return err
	}
	if c.isSQLite() {
		if err := c.makeDataFolder(); err != nil {
			return err
		}
	}
	from, to, err := ledger.Migrate(ctx, c.databaseURL())
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(struct {
			From int64 `json:"from"`
			To   int64 `json:"to"`
		}{from, to})
	}
	a.printf("schema %d → %d\n", from, to)
	return nil
}
