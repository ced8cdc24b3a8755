// Package worker does what is owed: it takes messages that are due from the
// ledger, through the queue, to the mail server, and records how each ended.
//
// It owns dispatch (what is due goes in the queue), delivery (claim, render,
// send, record), sweeping up after workers that died, and the lease that says
// this one is alive. It decides nothing about whether a message is owed: that
// stands in the ledger, and the ledger checks it once more at the claim and
// once more just before the dot that ends a mail.
//
// The messages of a campaign are brought in line with its state in chunks
// (`campaign:expand`), and leave as all others do. Who is to get them was frozen
// when it was sent; each person is looked at once more here. A campaign whose
// mails fail is paused. Other programs may send one, or register a person, by a
// task; package queue tells how.
//
// What holds, whatever happens:
//
//   - A message is sent only by who holds its claim, and the mail is complete
//     on the wire before the dot is committed. A claim that was overtaken
//     (cancelled, moved, swept up) is refused there, and the connection is
//     dropped: the mail was never sent.
//   - Every claim ends in an outcome. What could not be tried is given back.
//   - The outcome is recorded last, and on a context that nobody cancels. Where
//     the dot may have got across and no answer was read, the message is in
//     doubt and never simply sent again.
//   - Redis may be empty, late or wrong. A task is only a hint to try a claim.
//
// How it fails. The database or Redis being away is logged and outlived; the
// worker stops claiming when it cannot prove that it is alive. A clock that jumps
// is not followed at once, and who may be out of step leaves the work to other
// workers. A relay that
// cannot be reached, or wants another password, costs delay and no tries. A
// message that cannot be rendered is parked as failed with the reason, without
// a byte to the server, and the others go on.
// A task that will never do is archived, with a line in the log; one of a later
// version waits for a newer program, and stands in the ledger for people to see.
package worker
