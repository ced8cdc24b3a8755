// Package queue is the doorbell between the ledger and the workers: asynq on
// Redis, or on a Redis inside this process.
//
// It owns the kind and the payload of the tasks ([Deliver]), putting tickets
// in queues ([Conn.Enqueue]), reading Redis URIs ([Open]), which of the workers
// fills the queues, and whether Redis lost everything since ([Conn.Lead]), and
// the rates that all workers keep together ([Conn.Take]).
//
// It refuses a Redis that throws keys away when its memory is full, payloads
// it does not know, and to be the record of anything: a task holds the ids of
// messages and nothing else, no address, name or text. What is lost here is
// found again in the ledger.
//
// How it fails. Every error means that Redis could not be reached or gave an
// odd answer. Nothing is lost by it: the ids that [Conn.Enqueue] hands back
// stay due in the ledger.
package queue
