// Package queue is the doorbell between the ledger and the workers: asynq on
// Redis, or on a Redis inside this process.
//
// It owns the kinds and the payloads of the tasks, putting tickets in queues
// ([Conn.Enqueue]), reading Redis URIs ([Open]), which of the workers fills the
// queues, and whether Redis lost everything since ([Conn.Lead]), and the rates
// that all workers keep together ([Conn.Take]).
//
// It refuses a Redis that throws keys away when its memory is full, payloads
// it does not know, and to be the record of anything: a task of Heraut's own
// holds the ids of messages or the name of a campaign and nothing else, no
// address, name or text. What is lost here is found again in the ledger.
//
// How it fails. Every error means that Redis could not be reached or gave an
// odd answer. Nothing is lost by it: the ids that [Conn.Enqueue] hands back
// stay due in the ledger.
//
// # Tasks from other programs
//
// Another program on the same Redis may enqueue two kinds of tasks with any
// asynq client, in the queue "critical", "reminders" or "bulk"; asynq's queue
// "default" has no workers here. The payload is one JSON object of at most 16 kB
// with the version in "v". Fields that are not named here are refused, so that a
// typing error is not taken for an absent field.
//
// A registration ([KindReceived], "registration:received"), as somebody filled
// it in a form. Of the fields only "v", "event" and "email" are required; "lang"
// is nl or en, "event" the id in the programme file:
//
//	{"v":1,"event":"workshop","email":"zoe@example.org","name":"Zoë de Vries",
//	 "given_name":"Zoë","organisation":"Gemeente Voorbeeldstad","lang":"nl","tags":["vip"]}
//
// Who is registered for that event already is brought up to date, so the same
// task twice does what one does. Put it in "critical": somebody waits for the
// confirmation. Mind that Redis holds an address then, until the task is done
// or refused.
//
// A campaign ([KindSend], "campaign:send") that was written before, as by
// `heraut campaign new`. "count" has to be the number of people in its audience;
// "by" says who sends it and "at", in RFC 3339, when it is to begin. Both may be
// left out:
//
//	{"v":1,"name":"uitnodiging-najaar","count":180,"by":"intranet","at":"2026-11-10T09:00:00+01:00"}
//
// It does what `heraut campaign send` does, with the minute to take it back and
// the few people who get it before all others. For more than 500 people a second
// one has to send it too, under another "by". One whose audience reads English
// needs an English text. A campaign is sent once, whatever is enqueued.
//
// What is done is gone from Redis. What is refused (an address that is none, a
// wrong count, an event nobody knows, a payload that cannot be read) is archived,
// with the reason, and in the log; enqueue a better one. Of a registration only
// the log tells, without its address. While the database is
// away a task is tried again until it works.
//
// The id of a task (asynq.TaskID) is the sender's own; leave it out, or take
// one that begins with the name of the program. Ids that begin with "msg:" or
// "campaign:" are Heraut's. With asynq.TaskID the same id is refused as long as
// asynq knows the first task, archived included. Give asynq.MaxRetry 1 or more
// (asynq's own default is 25): Heraut counts no tries against it, but a task
// with MaxRetry(0) is archived at the first hitch. Leave out asynq.Retention,
// asynq.Unique and asynq.Group.
//
// Redis may be emptied, and a task in it is lost then. Who has to be sure looks
// at what became of it, and enqueues it again.
//
// # Versions
//
// Kinds are stable for ever, and so is what a version of a payload means. A
// later version is not refused by a program that does not know it
// ([VersionError]): the task stays due, `heraut status` names it, and the first
// worker of a newer program does it. The kinds [KindDeliver] and [KindExpand] are
// between Heraut's own parts:
//
//	message:deliver {"v":1,"ids":[7,8]}
//	campaign:expand {"v":1,"name":"uitnodiging-najaar"}
package queue
