// Package jobs says what is owed: to whom, when, and why not.
//
// It holds the words of the trade (programme, event, registration, message)
// and the rules between them. [ParseProgramme] reads an organiser's programme
// file, [Plan] turns one registration into the messages it is owed, and the
// table in message.go says which state may follow which.
//
// The package is pure. It reads no clock, opens no connection and keeps no
// state: the instant is an argument, and equal arguments give equal answers.
// It would still make sense with SMTP unplugged. All instants are UTC unless a
// comment says otherwise, cut to microseconds because that is what both
// databases keep.
//
// It refuses at the edge. What comes from people (addresses, names, programme
// files) is parsed into types that cannot hold a bad value, and the error
// names the file, the line and what to do next.
package jobs
