package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"heraut/jobs"
	"heraut/jobs/intake"
	"heraut/jobs/ledger"
)

// chunkRows is how many rows go in one transaction: enough to make a commit
// cheap, few enough that others get their turn.
const chunkRows = 500

// importCounts is how an import ended. Read is the sum of the others.
type importCounts struct {
	Read      int `json:"read"`
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Held      int `json:"held"`
	Refused   int `json:"refused"`
}

// importer is one import under way.
type importer struct {
	cmd     *importCmd
	app     *app
	record  *record
	event   jobs.Event
	in      *intake.Reader
	rejects *intake.RejectsWriter
	bar     *progress
	seen    *seenRows

	counts  importCounts
	preview []intake.Row
	refused []*intake.Refusal // the first few
	last    int               // line of the last row on record
	chunk   []intake.Row
	leaving []intake.Row // rows that say a person no longer comes
}

// run reads the file to its end, a chunk at a time. It stops between chunks
// only: a chunk is on record as a whole or not at all.
//
// Rows that say a person no longer comes are kept for the end, and then count
// only where no other row of the file says the person does come: exports of
// ticket shops list the cancelled order and the new one of the same person.
func (imp *importer) run(ctx context.Context) error {
	for {
		row, err := imp.in.Next()
		if err == io.EOF {
			break
		}
		var refusal *intake.Refusal
		if errors.As(err, &refusal) {
			imp.counts.Read++
			if err := imp.refuse(refusal); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			// The rows before the damage are good; they stay on record.
			return errors.Join(imp.flush(ctx), err)
		}
		imp.counts.Read++
		if err := imp.take(row); err != nil {
			return err
		}
		if len(imp.chunk) >= chunkRows {
			if err := imp.flush(ctx); err != nil {
				return err
			}
		}
		if len(imp.leaving) >= maxLeaving {
			if err := imp.flushLeaving(ctx); err != nil {
				return err
			}
		}
	}
	return cmp.Or(imp.flush(ctx), imp.flushLeaving(ctx))
}

// maxLeaving bounds the memory of the rows kept for the end.
const maxLeaving = 100_000

// take sorts one good row.
func (imp *importer) take(row intake.Row) error {
	if len(imp.preview) < shownRows {
		imp.preview = append(imp.preview, row)
	}
	if row.Cancelled {
		imp.leaving = append(imp.leaving, row)
		return nil
	}
	switch line, same := imp.seen.add(row); {
	case line == 0:
		imp.chunk = append(imp.chunk, row)
	case same:
		imp.counts.Unchanged++
	default:
		return imp.refuse(imp.refusal(row, fmt.Sprintf("same address as line %d, and other details", line)))
	}
	return nil
}

// flush puts the chunk on record.
func (imp *importer) flush(ctx context.Context) error {
	if len(imp.chunk) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return errStopped
	}
	rows := make([]ledger.Row, len(imp.chunk))
	for i, row := range imp.chunk {
		rows[i] = imp.registration(row)
	}
	// Once begun a chunk is finished: an interrupted one would only have to
	// be done again.
	results, err := imp.record.Import(context.WithoutCancel(ctx), imp.event.ID, rows, imp.app.now(),
		ledger.ImportOptions{DryRun: imp.cmd.DryRun, Queue: jobs.Bulk})
	if err != nil {
		return err
	}
	for i, result := range results {
		if err := imp.count(imp.chunk[i], result); err != nil {
			return err
		}
	}
	imp.last = max(imp.last, imp.chunk[len(imp.chunk)-1].Line)
	imp.chunk = imp.chunk[:0]
	done, total := imp.in.Offset()
	imp.bar.set(done, total, fmt.Sprintf(imp.app.words.ImportProgress, imp.counts.Read))
	return nil
}

// flushLeaving puts the cancelled rows on record that no other row contradicts.
func (imp *importer) flushLeaving(ctx context.Context) error {
	if err := imp.flush(ctx); err != nil {
		return err
	}
	for _, row := range imp.leaving {
		if imp.seen.has(row) {
			imp.counts.Unchanged++
			continue
		}
		imp.chunk = append(imp.chunk, row)
		if len(imp.chunk) >= chunkRows {
			if err := imp.flush(ctx); err != nil {
				return err
			}
		}
	}
	imp.leaving = imp.leaving[:0]
	return imp.flush(ctx)
}

func (imp *importer) registration(row intake.Row) ledger.Row {
	return ledger.Row{
		Line:      row.Line,
		Cancelled: row.Cancelled,
		Registration: jobs.Registration{
			EventID: imp.event.ID, Email: row.Email, Name: row.Name, GivenName: row.GivenName, Organisation: row.Organisation,
			Lang: row.Lang, Tags: row.Tags, Quiet: imp.cmd.Quiet, RegisteredAt: row.RegisteredAt,
			Source: fmt.Sprintf("%s:%d", imp.cmd.name(), row.Line),
		},
	}
}

// count adds up what the ledger did with a row.
func (imp *importer) count(row intake.Row, result ledger.Result) error {
	switch result {
	case ledger.Added:
		imp.counts.Added++
	case ledger.Updated, ledger.Cancelled: // a person who no longer comes is a change too
		imp.counts.Updated++
	case ledger.Held:
		imp.counts.Held++
	case ledger.Refused:
		_, reason := imp.event.Audience.Admit(row.Email)
		return imp.refuse(imp.refusal(row, or(reason, jobs.ReasonIneligible)))
	default:
		imp.counts.Unchanged++
	}
	return nil
}

// refuse counts a refused row and passes it on.
func (imp *importer) refuse(r *intake.Refusal) error {
	imp.counts.Refused++
	if len(imp.refused) < shownRows {
		imp.refused = append(imp.refused, r)
	}
	if imp.rejects == nil {
		return nil
	}
	if err := imp.rejects.Write(r); err != nil {
		return fmt.Errorf("rejects file: %w", err)
	}
	return nil
}

// refusal makes a refusal of a row that was read well: its cells are those
// that mean something to us.
func (imp *importer) refusal(row intake.Row, reason string) *intake.Refusal {
	value := map[intake.Field]string{
		intake.Email: row.Email.String(), intake.Name: row.Name, intake.GivenName: row.GivenName,
		intake.FamilyName:   strings.TrimSpace(strings.TrimPrefix(row.Name, row.GivenName)),
		intake.Organisation: row.Organisation, intake.Lang: string(row.Lang), intake.Tags: strings.Join(row.Tags, ","),
	}
	columns := imp.in.Columns()
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = value[c.Field]
	}
	return &intake.Refusal{File: imp.cmd.name(), Line: row.Line, Reason: reason, Cells: cells}
}
