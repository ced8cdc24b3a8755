// Package mailer turns one rendered message into MIME bytes and hands those
// bytes to a relay over SMTP (RFC 5321). It is a library: it knows no jobs, no
// ledger and no queue, and imports nothing of ours.
//
// It owns: composing ([Compose]), dialling with STARTTLS and AUTH ([Dialer]),
// the transaction ([Session.Send]), kept connections ([Pool]), and a server on
// loopback that keeps every mail instead of delivering it ([Capture]).
//
// It refuses: a header that holds a line break, lines over 998 octets, a
// password over a connection without TLS, a relay whose certificate does not
// verify, and recipients the relay could not take. Such a refusal is made
// before the first byte of the transaction.
//
// How it fails. One question matters to a caller: may the recipient have got
// this mail? [Result.Verdict] answers it. The rules behind it:
//
//   - Once the server expects data, every failure before the final dot drops
//     the TCP connection. QUIT is never sent inside DATA: some servers take what
//     they have by then as a complete mail. So all failures before the dot are
//     certain: not delivered.
//   - The caller's BeforeDot runs after the server agreed to take the mail and
//     before the dot. What it commits is on record before the server can accept.
//   - Once the dot may have left, only a reply settles the matter. Without one
//     the verdict is [InDoubt], never a retry. When a write fails, the kernel
//     says how many bytes it took: while the dot is not among them, it is certain
//     that the mail was not delivered. Under TLS that holds for none at all only.
//   - Replies to pipelined commands count one by one. A mail is accepted by the
//     reply to its own dot, whatever comes after it.
//   - Whatever is not understood counts as temporary, so a caller must bound
//     its attempts.
package mailer
