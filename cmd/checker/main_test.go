package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"heraut/jobs/ledger/ledgertest"
	"heraut/worker/mailer/smtptest"
)

// seeded is one lie that is told on purpose: something in the record or in the
// ledger is made untrue, and the checker has to name it.
type seeded struct {
	name   string
	record func([]smtptest.Record) []smtptest.Record // nil: stays as it is
	ledger string                                    // SQL; NOW is in microseconds
	want   lie
}

// answered and unanswered are the first records of their kind, both of a
// confirmation. Which comes first is chance: each has its own connection.
func answered(r []smtptest.Record) int {
	return slices.IndexFunc(r, func(m smtptest.Record) bool { return m.Answered })
}

func unanswered(r []smtptest.Record) int {
	return slices.IndexFunc(r, func(m smtptest.Record) bool { return !m.Answered })
}

// invitation is a record of the campaign: it comes after six copies of
// confirmations and a cancellation.
func invitation([]smtptest.Record) int { return people + 2 }

// at changes one record.
func at(which func([]smtptest.Record) int, change func(*smtptest.Record)) func([]smtptest.Record) []smtptest.Record {
	return func(r []smtptest.Record) []smtptest.Record {
		change(&r[which(r)])
		return r
	}
}

// atEnd changes the last record, that of a change.
func atEnd(change func(*smtptest.Record)) func([]smtptest.Record) []smtptest.Record {
	return func(r []smtptest.Record) []smtptest.Record {
		change(&r[len(r)-1])
		return r
	}
}

const (
	oneSent     = `(SELECT MAX(id) FROM messages WHERE state = 'sent' AND kind = 'change')`
	oneCampaign = `(SELECT MAX(id) FROM messages WHERE kind = 'campaign')`
	oneWaits    = `(SELECT MAX(id) FROM messages WHERE state = 'planned')`
	onePerson   = `(SELECT MAX(id) FROM registrations WHERE status = 'registered')`
)

var lies = []seeded{
	{name: "a mail never came", want: lost, record: func(r []smtptest.Record) []smtptest.Record { return r[:len(r)-1] }},
	{name: "the first mail never came", want: lost, record: func(r []smtptest.Record) []smtptest.Record {
		i := answered(r)
		return slices.Delete(r, i, i+1)
	}},
	{name: "a message is said to be sent", want: lost, ledger: `UPDATE messages SET state = 'sent' WHERE id = ` + oneWaits},
	{name: "a message waits for no moment", want: lost, ledger: `UPDATE messages SET wake_at = NULL WHERE id = ` + oneWaits},
	{name: "a message was forgotten", want: lost, ledger: `UPDATE messages SET wake_at = NOW - 120000000 WHERE id = ` + oneWaits},
	{name: "a message is in dead hands", want: lost, ledger: `UPDATE messages SET state = 'claimed', owner = 'nobody' WHERE id = ` + oneWaits},
	{name: "a message hangs at its dot", want: lost, ledger: `UPDATE messages SET state = 'final_dot', owner = 'nobody' WHERE id = ` + oneSent},
	{name: "a person has no messages", want: lost, ledger: `DELETE FROM messages WHERE registration_id = ` + onePerson},
	{name: "a person has no reminder", want: lost, ledger: `DELETE FROM messages WHERE id = ` + oneWaits},
	{name: "who was invited by a campaign was not told of the change", want: lost, ledger: `DELETE FROM messages
		WHERE kind = 'confirmation' OR kind = 'change' AND registration_id = ` + onePerson},
	{name: "who was invited by a campaign and cancelled was not told", want: lost, ledger: `DELETE FROM messages WHERE kind IN ('confirmation', 'change');
		UPDATE registrations SET status = 'cancelled', cancelled_at = NOW WHERE id = ` + onePerson},
	{name: "who cancelled was not told", want: lost, ledger: `DELETE FROM messages WHERE kind = 'cancellation'`},

	{name: "a mail came twice", want: duplicated, record: func(r []smtptest.Record) []smtptest.Record { return append(r, r[len(r)-1]) }},
	{name: "a second copy without a doubt", want: duplicated, ledger: `UPDATE messages SET doubts = 0 WHERE doubts = 1`},
	{name: "a third copy after one doubt", want: duplicated, record: func(r []smtptest.Record) []smtptest.Record {
		return append(r, r[unanswered(r)])
	}},

	{name: "a mail was cut off", want: truncated, record: at(answered, func(r *smtptest.Record) { r.Complete = false; r.Size /= 2 })},

	{name: "the event had moved", want: stale, record: at(answered, func(r *smtptest.Record) { r.At = time.Now().Add(time.Minute) })},
	{name: "the event had moved when a campaign invited to it", want: stale, record: at(invitation, func(r *smtptest.Record) { r.At = time.Now().Add(time.Minute) })},
	{name: "an old invitation", want: stale, record: atEnd(func(r *smtptest.Record) { r.Calendar.Sequence = 0 })},
	{name: "the message was cancelled", want: stale, ledger: `UPDATE messages SET state = 'cancelled' WHERE id = ` + oneSent},
	{name: "the message had expired", want: stale, ledger: `UPDATE messages SET state = 'expired' WHERE id = ` + oneSent},
	{name: "the message was suppressed", want: stale, ledger: `UPDATE messages SET state = 'suppressed' WHERE id = ` + oneSent},
	{name: "the person had cancelled", want: stale, ledger: `UPDATE registrations SET status = 'cancelled', cancelled_at = NOW - 3600000000 WHERE id = ` + onePerson},
	{name: "the address was suppressed", want: stale, ledger: `INSERT INTO suppressions (email_key, reason, created_at)
		SELECT email_key, 'proef', NOW - 3600000000 FROM registrations WHERE id = ` + onePerson},
	{name: "a confirmation after the change", want: stale, record: func(r []smtptest.Record) []smtptest.Record {
		i := answered(r)
		return append(slices.Delete(slices.Clone(r), i, i+1), r[i])
	}},

	{name: "after the start", want: late, ledger: `UPDATE events SET start_at = NOW - 3600000000`},
	{name: "after its end", want: late, ledger: `UPDATE messages SET expires_at = NOW - 3600000000 WHERE id = ` + oneSent},
	{name: "before its moment", want: early, ledger: `UPDATE messages SET due_at = NOW + 3600000000 WHERE id = ` + oneSent},

	{name: "another envelope", want: wrongPerson, record: at(answered, func(r *smtptest.Record) { r.To = []string{"x@example.org"} })},
	{name: "one more recipient", want: wrongPerson, record: at(answered, func(r *smtptest.Record) { r.To = append(r.To, "x@example.org") })},
	{name: "another To field", want: wrongPerson, record: at(answered, func(r *smtptest.Record) { r.HeaderTo = []string{"x@example.org"} })},
	{name: "another's invitation", want: wrongPerson, record: at(answered, func(r *smtptest.Record) { r.Calendar.UID = "x" })},

	{name: "sent and called planned", want: denied, ledger: `UPDATE messages SET state = 'planned', wake_at = NOW + 3600000000 WHERE id = ` + oneSent},
	{name: "sent and called failed", want: denied, ledger: `UPDATE messages SET state = 'failed' WHERE id = ` + oneSent},
	{name: "sent without an answer", want: guessed, record: at(answered, func(r *smtptest.Record) { r.Answered = false })},
	{name: "in doubt without a doubt", want: guessed, ledger: `UPDATE messages SET state = 'in_doubt' WHERE id = ` + oneSent},
	{name: "copies that differ", want: altered, record: at(unanswered, func(r *smtptest.Record) { r.Calendar = nil })},
	{name: "a person of a campaign was forgotten", want: lost, ledger: `DELETE FROM messages WHERE id = ` + oneCampaign},
	{name: "an address got a campaign twice", want: duplicated, ledger: `UPDATE registrations SET status = 'cancelled',
		email_key = (SELECT MIN(email_key) FROM registrations WHERE status = 'registered') WHERE id = ` + onePerson},
	{name: "the person had unsubscribed", want: stale, ledger: `INSERT INTO unsubscriptions (email_key, how, created_at)
		SELECT email_key, 'proef', NOW - 3600000000 FROM registrations WHERE id = ` + onePerson},
	{name: "the campaign was cancelled", want: stale, ledger: `UPDATE campaign_log SET state = 'cancelled', at = NOW - 3600000000 WHERE state = 'running'`},
	{name: "left out of a campaign and mailed", want: wrongPerson, ledger: `UPDATE campaign_people SET left_out = 'proef' WHERE registration_id = ` + onePerson},
	{name: "not in the audience of a campaign", want: wrongPerson, ledger: `DELETE FROM campaign_people WHERE registration_id = ` + onePerson},
	{name: "a mail of nobody", want: unknown, record: at(answered, func(r *smtptest.Record) { r.MessageID = "<x@example.org>" })},
	{name: "a mail before its final dot", want: unknown, ledger: `UPDATE messages SET message_id = '' WHERE id = ` + oneSent},
}

// Every lie is told on both databases; the truth has to pass.
func TestLies(t *testing.T) {
	program := build(t)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		original := filepath.Join(t.TempDir(), "ledger.db")
		r := newTruth(t, program, "sqlite:"+original)
		r.lies(t, func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "ledger.db")
			data, err := os.ReadFile(original)
			if err == nil {
				err = os.WriteFile(path, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return "sqlite:" + path
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server, err := ledgertest.StartServer(false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Remove() })
		original, err := server.Create(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		r := newTruth(t, program, original)
		r.lies(t, func(t *testing.T) string {
			url, err := server.Create(t.Context(), "t1")
			if err != nil {
				t.Fatal(err)
			}
			return url
		})
	})
}

// lies tells them all; fresh gives a copy of the true ledger.
func (r *truth) lies(t *testing.T, fresh func(*testing.T) string) {
	t.Run("truth", func(t *testing.T) {
		got, code := verdict(t, r.record, r.database)
		if code != exitClean || len(got.Findings) != 0 {
			t.Fatalf("exit code %d, findings %+v; want none", code, got.Findings)
		}
		// Five confirmations and one copy, one cancellation, four of a campaign, four
		// changes.
		if got.Mails != 3*people || got.Sent != 3*people-1 || got.Doubted != 1 || got.Flagged != 1 || got.InDoubt != 0 {
			t.Errorf("counted %+v", got)
		}
	})
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			record, database := r.record, r.database
			if l.record != nil {
				records, err := smtptest.ReadRecords(r.record)
				if err != nil {
					t.Fatal(err)
				}
				record = writeRecord(t, l.record(records))
			}
			if l.ledger != "" {
				database = fresh(t)
				tell(t, ledgertest.SQL(t, database), l.ledger)
			}
			got, code := verdict(t, record, database)
			if code != exitFound || got.Counts[l.want] == 0 {
				t.Errorf("exit code %d, findings %+v; want %q", code, got.Findings, l.want)
			}
		})
	}
}

func tell(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	// Not as an argument: PostgreSQL would take the sum for an INTEGER.
	query = strings.ReplaceAll(query, "NOW", strconv.FormatInt(time.Now().UnixMicro(), 10))
	for part := range strings.SplitSeq(query, ";") {
		res, err := db.ExecContext(t.Context(), part)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := res.RowsAffected(); n == 0 {
			t.Fatal("the lie changed nothing")
		}
	}
}

func verdict(t *testing.T, record, database string) (got report, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), []string{"-json", "-record", record, "-database", database}, &out, &errs)
	if code == exitFailed {
		t.Fatalf("checker: %s", &errs)
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	return got, code
}

func TestWrongUse(t *testing.T) {
	dir := t.TempDir()
	record := writeRecord(t, nil)
	for _, args := range [][]string{
		{}, {"-record", record}, {"-database", "sqlite:x"}, {"-record", record, "-database", "sqlite:" + filepath.Join(dir, "none.db")},
		{"-record", filepath.Join(dir, "none"), "-database", "sqlite:x"}, {"-nonsense"}, {"-record", record, "-database", "sqlite:x", "more"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, &out, &errs); code != exitFailed || errs.Len() == 0 {
			t.Errorf("%v: exit code %d, said %q", args, code, errs.String())
		}
	}
}
