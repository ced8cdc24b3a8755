package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"heraut/worker/mailer"
)

// sample is what a mail of Heraut looks like on the wire.
type sample struct {
	mean float64 // bytes of header and body, with what SMTP adds (RFC 5321 §4.5.2)
	file string  // a mail of about that size, with the line ends smtp-source wants
}

// sampled is how many mails a sample is taken of.
const sampled = 500

// takeSample lets Heraut send some mails to a server that keeps them, once.
func (l *lab) takeSample(ctx context.Context) (_ *sample, err error) {
	if l.mail != nil {
		return l.mail, nil
	}
	var mu sync.Mutex
	var mails [][]byte
	server, err := mailer.StartCapture(mailer.CaptureConfig{OnMail: func(m mailer.CapturedMail) error {
		mu.Lock()
		defer mu.Unlock()
		mails = append(mails, m.Data)
		return nil
	}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	st, err := l.newSite(ctx, setup{kind: sqlite}, siteOptions{relay: server.URL()})
	if err != nil {
		return nil, err
	}
	if _, err := st.apply(ctx, programme{inTwoMonths(), []string{confirmation}}); err != nil {
		return nil, err
	}
	if _, err := st.importPeople(ctx, sampled); err != nil {
		return nil, err
	}
	worker, err := st.serve()
	if err != nil {
		return nil, err
	}
	err = until(ctx, time.Minute, stepWait, "for the sample of mails", func() (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		return len(mails) >= sampled, worker.alive()
	})
	if err := errors.Join(err, worker.stop(syscall.SIGTERM), st.remove(ctx)); err != nil {
		return nil, err
	}
	l.mail = &sample{file: l.path("mail.eml")}
	var typical []byte
	if l.mail.mean, typical, err = meanMail(mails); err != nil {
		return nil, err
	}
	l.say("a mail is %.0f bytes on the wire, the mean of %d", l.mail.mean, sampled)
	return l.mail, os.WriteFile(l.mail.file, bytes.ReplaceAll(typical, []byte("\r\n"), []byte("\n")), 0o644)
}

// meanMail gives the mean size on the wire, and the mail that comes closest.
func meanMail(mails [][]byte) (mean float64, typical []byte, err error) {
	if len(mails) == 0 {
		return 0, nil, errors.New("no mails to take the mean of")
	}
	total := 0
	for _, m := range mails {
		total += onWire(m)
	}
	mean = float64(total) / float64(len(mails))
	off := func(m []byte) float64 { return max(mean-float64(onWire(m)), float64(onWire(m))-mean) }
	typical = slices.MinFunc(mails, func(a, b []byte) int { return cmp.Compare(off(a), off(b)) })
	if int(off(typical)) > int(mean)/20 {
		return 0, nil, fmt.Errorf("no mail is within 5%% of the mean of %.0f bytes", mean)
	}
	return mean, typical, nil
}

// onWire gives the bytes between the answer to DATA and that to the dot.
func onWire(mail []byte) int {
	return len(mail) + bytes.Count(mail, []byte("\r\n.")) + len(".\r\n")
}
