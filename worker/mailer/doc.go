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
//   - Before the final dot, every failure drops the TCP connection. QUIT is
//     never sent inside DATA: some servers take what they have by then as a
//     complete mail. So all failures before the dot are certain: not delivered.
//   - The caller's beforeDot runs after the whole body was written and before
//     the dot. What it commits is on record before the server can accept.
//   - Once the dot may have left, only a reply settles the matter. Without one
//     the verdict is [InDoubt], never a retry.
//   - Whatever is not understood counts as temporary, so a caller must bound
//     its attempts.
package mailer
