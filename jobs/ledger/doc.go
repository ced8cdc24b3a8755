// Package ledger is the SQL record of everything: the programme, who is
// registered, and every message that is owed, was sent or will not go. The
// ledger is the truth; the queue only rings the bell.
//
// It owns the schema and every statement, on SQLite and on PostgreSQL alike,
// and the order in which things are written: a registration and its messages
// in one transaction, a claim before anything is sent, the final dot before
// it is sent, the outcome last. What is owed is not decided here but by
// [jobs.Plan]; which state may follow which is the table of [jobs.State],
// repeated in the WHERE clauses.
//
// Three things make late writers lose:
//
//   - the row of an event is a lock: who plans for an event shares it, who
//     changes the event holds it alone;
//   - each claim, and each plan written over a message, raises the fence of
//     the message; a later write has to name the fence it was given;
//   - a claim is as alive as its worker, which renews one lease row.
//
// It reads no clock: the instant is an argument, stored in UTC as whole
// microseconds. It refuses a schema that is older ([ErrPending]) or newer
// ([SchemaError]) than the one it was built for. Errors of the database come
// back wrapped with the operation; collisions between writers (a deadlock, a
// locked file) are tried again a bounded number of times first. A fence that
// no longer holds is no error: the write reports that it did not happen.
package ledger
