package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"heraut/jobs"
	"heraut/jobs/queue"
	"heraut/worker/mailer"
)

// document is a configuration file being read: it knows the line of each key
// and collects what is wrong.
type document struct {
	file     string
	lines    map[string]int // "smtp.url" → line
	fromEnv  map[string]string
	problems []jobs.Problem
}

// add notes a problem with a key, at its line or at the variable that set it.
func (d *document) add(key, format string, args ...any) {
	text := key + ": " + fmt.Sprintf(format, args...)
	if v, ok := d.fromEnv[key]; ok {
		d.problems = append(d.problems, jobs.Problem{File: v, Text: text})
		return
	}
	d.problems = append(d.problems, jobs.Problem{File: d.file, Line: d.lines[key], Text: text})
}

var (
	yamlLine     = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	unknownField = regexp.MustCompile(`^field (\S+) not found in type .*$`)
)

// parse reads the file into c, keeping the lines of its keys.
func (d *document) parse(data []byte, c *config) error {
	var root yaml.Node
	err := yaml.Unmarshal(data, &root)
	if err == nil && len(root.Content) == 1 {
		d.index("", root.Content[0])
		dec := yaml.NewDecoder(strings.NewReader(string(data)))
		dec.KnownFields(true)
		err = dec.Decode(c)
	}
	if err == nil {
		return nil
	}
	msgs := []string{err.Error()}
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		msgs = te.Errors
	}
	var problems []jobs.Problem
	for _, msg := range msgs {
		line := 0
		if m := yamlLine.FindStringSubmatch(msg); m != nil {
			line, _ = strconv.Atoi(m[1])
			msg = m[2]
		}
		if m := unknownField.FindStringSubmatch(msg); m != nil {
			msg = fmt.Sprintf("unknown key %q; check its spelling and its indentation", m[1])
		}
		problems = append(problems, jobs.Problem{File: d.file, Line: line, Text: strings.TrimPrefix(msg, "yaml: ")})
	}
	return &jobs.ProblemsError{Problems: problems}
}

// index notes the line of every key below n.
func (d *document) index(prefix string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := prefix + n.Content[i].Value
		d.lines[key] = n.Content[i].Line
		d.index(key+".", n.Content[i+1])
	}
}

// check refuses what cannot work, and what this version cannot do.
func (d *document) check(c *config) {
	if from, err := mail.ParseAddress(c.From); err != nil {
		d.add("from", "%q is no mailbox; write Name <address@example.nl>", c.From)
	} else if addr, err := jobs.ParseAddress(from.Address); err != nil {
		d.add("from", "%v", err)
	} else {
		c.from = mail.Address{Name: jobs.CleanName(from.Name), Address: addr.String()}
	}
	if u, err := url.Parse(c.PublicURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		d.add("public_url", "%q is no web address; write https://host", c.PublicURL)
	}
	if !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") && c.Database != sqlite &&
		(!strings.HasPrefix(c.Database, "sqlite:") || c.Database == "sqlite:") {
		// The value is not repeated: it may hold a password.
		d.add("database", "write sqlite, sqlite:PATH or postgres://user@host/db")
	}
	if err := queue.CheckURI(c.Redis); err != nil {
		d.add("redis", "%v", err)
	}
	if strings.TrimSpace(c.Data) == "" {
		d.add("data", "is empty; leave it out for the default")
	}
	if strings.TrimSpace(c.Programme) == "" {
		d.add("programme", "is empty; leave it out for the default")
	}
	if !slices.Contains([]mailer.TLSPolicy{mailer.TLSMandatory, mailer.TLSOpportunistic, mailer.TLSNone}, mailer.TLSPolicy(c.SMTP.TLS)) {
		d.add("smtp.tls", "%q; write mandatory, opportunistic, or none for a relay on this machine", c.SMTP.TLS)
	}
	if c.SMTP.Connections < len(jobs.Queues()) || c.SMTP.Connections > 256 {
		d.add("smtp.connections", "%d; write 3 (one for each queue) to 256", c.SMTP.Connections)
	}
	if _, port, err := net.SplitHostPort(c.Web.Listen); err != nil || port == "" {
		d.add("web.listen", "%q; write host:port, as in 127.0.0.1:8025", c.Web.Listen)
	}
	var level slog.Level
	if level.UnmarshalText([]byte(c.Log.Level)) != nil {
		d.add("log.level", "%q; write debug, info, warn or error", c.Log.Level)
	}
	if !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		d.add("log.format", "%q; write text or json", c.Log.Format)
	}
	d.rates(c)
	d.notYet(c)
}

// notYet refuses the keys whose function this version does not have.
func (d *document) notYet(c *config) {
	for _, k := range []struct {
		key string
		set bool
	}{
		{"mailbox.url", c.Mailbox.URL != ""},
		{"mailbox.password", c.Mailbox.Password != ""},
		{"mailbox.password_file", c.Mailbox.PasswordFile != ""},
	} {
		if k.set {
			d.add(k.key, "not in this version; leave it out or empty")
		}
	}
}

// secrets reads the files with secrets and lets the mailer judge the relay.
func (d *document) secrets(c *config) {
	d.dkim(c)
	if c.SMTP.PasswordFile != "" {
		if c.SMTP.Password != "" {
			d.add("smtp.password_file", "smtp.password is set as well; keep one of the two")
		}
		data, err := os.ReadFile(c.beside(c.SMTP.PasswordFile))
		if err != nil {
			d.add("smtp.password_file", "%v", err)
			return
		}
		c.SMTP.Password = strings.TrimRight(string(data), "\r\n")
	}
	if c.SMTP.URL == capture {
		return
	}
	if _, err := mailer.NewDialer(c.mailer()); err != nil {
		d.add("smtp.url", "%s", strings.TrimPrefix(err.Error(), "smtp: "))
	}
}
