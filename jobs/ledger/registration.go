package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"heraut/jobs"
)

// registrationColumns are what scanRegistration reads, of a table called r.
const registrationColumns = `r.id, r.event_id, r.email, r.name, r.given_name, r.organisation, r.lang, r.status, r.reason,
	r.tags, r.answered, r.uid, r.source, r.quiet, r.approved, r.registered_at, r.created_at, r.since_at, r.cancelled_at`

func scanRegistration(rows *sql.Rows) (jobs.Registration, error) {
	var s registrationScan
	if err := rows.Scan(s.dest()...); err != nil {
		return s.r, err
	}
	return s.registration()
}

// registrationScan is a registration while it is read.
type registrationScan struct {
	r           jobs.Registration
	email, tags string
}

// dest is where registrationColumns go.
func (s *registrationScan) dest() []any {
	r := &s.r
	return []any{&r.ID, &r.EventID, &s.email, &r.Name, &r.GivenName, &r.Organisation, text[jobs.Lang]{&r.Lang}, text[jobs.Status]{&r.Status}, &r.Reason,
		&s.tags, text[jobs.Answer]{&r.Answered}, &r.UID, &r.Source, &r.Quiet, &r.Approved, into{&r.RegisteredAt}, into{&r.CreatedAt}, into{&r.SinceAt}, into{&r.CancelledAt}}
}

func (s *registrationScan) registration() (r jobs.Registration, err error) {
	r = s.r
	if r.Email, err = jobs.ParseAddress(s.email); err != nil {
		return r, fmt.Errorf("registration %d: %w", r.ID, err)
	}
	r.Tags = strings.Fields(s.tags)
	return r, nil
}

// registrations reads registrations; where continues "FROM registrations r".
func registrations(ctx context.Context, q querier, where string, args ...any) (list []jobs.Registration, err error) {
	err = lines(ctx, q, func(rows *sql.Rows) error {
		r, err := scanRegistration(rows)
		list = append(list, r)
		return err
	}, `SELECT `+registrationColumns+` FROM registrations r `+where, args...)
	return list, err
}

// storedTags gives tags as they are stored: " vip staff ", sorted, each once.
func storedTags(tags []string) string {
	list := strings.Fields(clean(strings.Join(tags, " ")))
	if len(list) == 0 {
		return ""
	}
	slices.Sort(list)
	return " " + strings.Join(slices.Compact(list), " ") + " "
}

// newUID gives a calendar UID that no other system will make: 128 random bits
// at the organiser's domain (RFC 7986 §5.3).
func newUID(ev jobs.Event) string {
	var b [16]byte
	rand.Read(b[:]) // never fails, says its documentation
	domain := ev.Organizer.Email.Domain()
	if domain == "" {
		domain = "heraut.invalid"
	}
	return hex.EncodeToString(b[:]) + "@" + domain
}

// Register puts one person on record who asks for it now. Who is registered
// already is updated where a value differs ([Updated], else [Unchanged]); who
// cancelled comes back with a new registration and a new UID. The
// confirmation is [jobs.Critical]. An unknown event is [ErrNoEvent].
func (db *DB) Register(ctx context.Context, r jobs.Registration, now time.Time) (jobs.Registration, Result, error) {
	var result Result
	err := db.tx(ctx, func(tx *sql.Tx) error {
		im := importer{db: db, tx: tx, now: now, explicit: true, queue: jobs.Critical}
		results, err := im.run(ctx, r.EventID, []Row{{Registration: r}})
		if err != nil {
			return err
		}
		result = results[0]
		r, err = current(ctx, tx, r.EventID, r.Email, "")
		return err
	})
	if err != nil {
		return jobs.Registration{}, "", fmt.Errorf("register: %w", err)
	}
	return r, result, nil
}

// current gives the registration of a person that is not cancelled, or the
// last cancelled one. lock ends the statement.
func current(ctx context.Context, tx *sql.Tx, eventID string, addr jobs.Address, lock string) (jobs.Registration, error) {
	list, err := registrations(ctx, tx, `WHERE r.event_id = $1 AND r.email_key = $2 ORDER BY r.id`+lock, eventID, addr.Key())
	if err != nil {
		return jobs.Registration{}, err
	}
	if len(list) == 0 {
		return jobs.Registration{}, fmt.Errorf("no registration of this address for event %q: %w", eventID, ErrNotFound)
	}
	if i := slices.IndexFunc(list, func(r jobs.Registration) bool { return r.Status != jobs.Cancelled }); i >= 0 {
		return list[i], nil
	}
	return list[len(list)-1], nil
}

// Cancel ends a person's registration, for a reason that people read. What
// was still to leave will not, and who was invited gets a cancellation. One
// that was cancelled before stays as it is. Nobody there is [ErrNotFound].
func (db *DB) Cancel(ctx context.Context, eventID string, addr jobs.Address, reason string, now time.Time) (jobs.Registration, error) {
	r, err := db.decide(ctx, eventID, addr, now, func(r *jobs.Registration) {
		if r.Status != jobs.Cancelled {
			r.Status, r.Reason, r.CancelledAt = jobs.Cancelled, jobs.TrimReason(clean(reason)), now
		}
	})
	if err != nil {
		return r, fmt.Errorf("cancel: %w", err)
	}
	return r, nil
}

// Approve lets a person in who was held or refused; messages are owed from
// now on. Who is registered already only gets the approval on record, and
// keeps it when the audience rule changes. Nobody there, or cancelled, is
// [ErrNotFound].
func (db *DB) Approve(ctx context.Context, eventID string, addr jobs.Address, now time.Time) (jobs.Registration, error) {
	r, err := db.decide(ctx, eventID, addr, now, func(r *jobs.Registration) {
		switch r.Status {
		case jobs.Held, jobs.Refused:
			r.Status, r.Reason, r.SinceAt, r.Approved = jobs.Registered, "", now, true
		case jobs.Registered:
			r.Approved = true
		}
	})
	if err == nil && r.Status == jobs.Cancelled {
		err = fmt.Errorf("the registration was cancelled: %w", ErrNotFound)
	}
	if err != nil {
		return jobs.Registration{}, fmt.Errorf("approve: %w", err)
	}
	return r, nil
}

// decide changes the standing of one registration and plans it again.
func (db *DB) decide(ctx context.Context, eventID string, addr jobs.Address, now time.Time, change func(*jobs.Registration)) (r jobs.Registration, err error) {
	err = db.tx(ctx, func(tx *sql.Tx) error {
		ev, err := db.event(ctx, tx, eventID)
		if err != nil {
			return err
		}
		if r, err = current(ctx, tx, eventID, addr, db.d.forUpdate); err != nil {
			return err
		}
		before := r
		change(&r)
		if r.Status == before.Status && r.Approved == before.Approved {
			return nil
		}
		if err := db.writeStandings(ctx, tx, []jobs.Registration{r}); err != nil {
			return err
		}
		_, err = db.replan(ctx, tx, ev, []jobs.Registration{r}, now, jobs.Options{})
		return err
	})
	if err == nil {
		r.SinceAt, r.CancelledAt = stored(r.SinceAt), stored(r.CancelledAt)
	}
	return r, err
}

// stored gives an instant as it reads back.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

// writeStandings stores status, reason, approval and their instants.
func (db *DB) writeStandings(ctx context.Context, tx *sql.Tx, list []jobs.Registration) error {
	v := db.d.rows("vid BIGINT", "vstatus TEXT", "vreason TEXT", "vapproved BOOLEAN", "vsince BIGINT", "vcancelled BIGINT")
	for _, r := range list {
		v.add(r.ID, string(r.Status), r.Reason, r.Approved, micros(r.SinceAt), micros(r.CancelledAt))
	}
	_, err := tx.ExecContext(ctx, `WITH v AS (`+v.query(1)+`)
		UPDATE registrations SET status = vstatus, reason = vreason, approved = vapproved, since_at = vsince, cancelled_at = vcancelled
		FROM v WHERE id = vid`, v.args()...)
	return err
}

// RegistrationFilter chooses registrations; zero fields choose all.
type RegistrationFilter struct {
	Event  string
	Status jobs.Status
	Email  jobs.Address // compared by its key
}

// Registrations gives registrations in the order they came on record, read as
// the caller goes. An error ends the sequence.
func (db *DB) Registrations(ctx context.Context, f RegistrationFilter) iter.Seq2[jobs.Registration, error] {
	var p params
	where := []string{"TRUE"}
	if f.Event != "" {
		where = append(where, "r.event_id = "+p.add(f.Event))
	}
	if f.Status != "" {
		where = append(where, "r.status = "+p.add(string(f.Status)))
	}
	if f.Email != (jobs.Address{}) {
		where = append(where, "r.email_key = "+p.add(f.Email.Key()))
	}
	query := `SELECT ` + registrationColumns + ` FROM registrations r WHERE ` + strings.Join(where, " AND ") + ` ORDER BY r.id`
	return stream(ctx, db.read, "read registrations", func(rows *sql.Rows) (jobs.Registration, error) { return scanRegistration(rows) }, query, p.args)
}

// errStop ends a stream that its reader has enough of.
var errStop = errors.New("stop")

// stream gives the rows of a query one by one.
func stream[T any](ctx context.Context, q querier, operation string, scan func(*sql.Rows) (T, error), query string, args []any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := lines(ctx, q, func(rows *sql.Rows) error {
			v, err := scan(rows)
			if err != nil {
				return err
			}
			if !yield(v, nil) {
				return errStop
			}
			return nil
		}, query, args...)
		if err != nil && !errors.Is(err, errStop) {
			var zero T
			yield(zero, fmt.Errorf("%s: %w", operation, err))
		}
	}
}
