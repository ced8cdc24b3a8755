package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"time"
)

// conn is one client's connection.
type conn struct {
	server *Server
	number int
	raw    net.Conn // TCP
	net    net.Conn // TCP or TLS
	in     *bufio.Reader
	out    []byte // replies not yet written

	secure      bool
	user        string
	transaction int
	from        string
	to          []string
	lastRcpt    string
	inMail      bool
}

func newConn(s *Server, c net.Conn, number int) *conn {
	out := &conn{server: s, number: number, raw: c, net: c}
	out.in = bufio.NewReader((*turns)(out))
	return out
}

// turns reads from the client, and before it waits for it says what is unsaid.
type turns conn

func (t *turns) Read(p []byte) (int, error) {
	if !(*conn)(t).flush() {
		return 0, net.ErrClosed
	}
	if piece := t.server.script.Piece; piece > 0 {
		p = p[:min(piece, len(p))]
	}
	return t.net.Read(p)
}

// serve speaks until either side hangs up.
func (c *conn) serve() {
	if c.server.script.ImplicitTLS && !c.handshake() {
		return
	}
	if !c.answer(Greeting, "220 scripted.example ESMTP") {
		return
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		c.log(verb, line)
		if !c.command(verb, rest) {
			return
		}
	}
}

// command handles one command; false ends the connection.
func (c *conn) command(verb, rest string) bool {
	switch verb {
	case "EHLO":
		c.reset()
		return c.answer(Hello, c.greetings())
	case "HELO":
		c.reset()
		return c.answer(Hello, "250 scripted.example")
	case "STARTTLS":
		if c.server.tls == nil || c.secure {
			return c.send("502 5.5.1 not offered")
		}
		action := c.rule(StartTLS)
		if !c.act(action, "220 2.0.0 go ahead") {
			return false
		}
		return !accepts(action, "220") || c.handshake()
	case "AUTH":
		return c.auth(rest)
	case "MAIL":
		return c.mail(rest)
	case "RCPT":
		return c.rcpt(rest)
	case "DATA":
		return c.data()
	case "RSET":
		c.reset()
		return c.answer(Reset, "250 2.0.0 reset")
	case "NOOP":
		return c.answer(Noop, "250 2.0.0 ok")
	case "QUIT":
		c.answer(Quit, "221 2.0.0 bye")
		return false
	}
	return c.send("500 5.5.2 what?")
}

// greetings is the answer to EHLO.
func (c *conn) greetings() string {
	words := append([]string{"scripted.example"}, c.server.script.Extensions...)
	if c.server.tls != nil && !c.secure {
		words = append(words, "STARTTLS")
	}
	if c.server.script.User != "" && (c.secure || c.server.script.AuthInClear) {
		words = append(words, "AUTH PLAIN LOGIN")
	}
	for i := range words {
		words[i] = "250-" + words[i]
	}
	last := len(words) - 1
	words[last] = "250 " + strings.TrimPrefix(words[last], "250-")
	return strings.Join(words, "\n")
}

// handshake turns the connection into TLS.
func (c *conn) handshake() bool {
	t := tls.Server(c.raw, c.server.tls)
	if !c.flush() || t.Handshake() != nil {
		return false
	}
	c.net, c.secure = t, true
	c.in.Reset((*turns)(c))
	return true
}

// auth speaks PLAIN (with an initial response) and LOGIN.
func (c *conn) auth(rest string) bool {
	mechanism, initial, _ := strings.Cut(rest, " ")
	var user, password string
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		parts := bytes.Split(decode(initial), []byte{0})
		if len(parts) == 3 {
			user, password = string(parts[1]), string(parts[2])
		}
	case "LOGIN":
		for _, ask := range []struct {
			prompt string
			into   *string
		}{{"Username:", &user}, {"Password:", &password}} {
			if !c.send("334 " + base64.StdEncoding.EncodeToString([]byte(ask.prompt))) {
				return false
			}
			line, err := c.in.ReadString('\n')
			if err != nil {
				return false
			}
			*ask.into = string(decode(strings.TrimSpace(line)))
		}
	default:
		return c.send("504 5.5.4 mechanism not known")
	}
	verdict := "535 5.7.8 credentials not valid"
	if user == c.server.script.User && password == c.server.script.Password {
		verdict = "235 2.7.0 welcome"
	}
	action := c.rule(Auth)
	if strings.HasPrefix(action.Reply+verdict, "235") {
		c.user = user
	}
	return c.act(action, verdict)
}

func (c *conn) mail(rest string) bool {
	if c.server.script.User != "" && c.user == "" {
		return c.send("530 5.7.0 authentication required")
	}
	if c.inMail {
		return c.send("503 5.5.1 nested MAIL")
	}
	c.server.mu.Lock()
	c.server.transactions++
	c.transaction = c.server.transactions
	c.server.mu.Unlock()
	c.from = path(rest)
	action := c.rule(Mail)
	c.inMail = accepts(action, "250")
	return c.act(action, "250 2.1.0 ok")
}

func (c *conn) rcpt(rest string) bool {
	if !c.inMail {
		return c.send("503 5.5.1 MAIL first")
	}
	c.lastRcpt = path(rest)
	action := c.rule(Rcpt)
	if accepts(action, "250") {
		c.to = append(c.to, c.lastRcpt)
	}
	return c.act(action, "250 2.1.5 ok")
}

func (c *conn) data() bool {
	step, usual := Data, "354 go ahead"
	if len(c.to) == 0 {
		step, usual = DataUnasked, "554 5.5.1 no valid recipients"
	}
	action := c.rule(step)
	if action.Reply != "" {
		usual = action.Reply
	}
	if !c.act(action, usual) {
		return false
	}
	if usual[0] != '3' {
		return true
	}
	body, ok := c.body()
	if !ok {
		return false // without its dot this is no mail
	}
	action = c.rule(Dot)
	if accepts(action, "250") {
		m := Received{Connection: c.number, Transaction: c.transaction, From: c.from, To: c.to, Data: body,
			At: time.Now(), Answered: !action.Hang && (!action.Cut || action.Reply != ""), TLS: c.secure, User: c.user}
		c.server.mu.Lock()
		c.server.received = append(c.server.received, m)
		c.server.note()
		c.server.mu.Unlock()
		if c.server.script.OnMail != nil {
			c.server.script.OnMail(m)
		}
	}
	c.reset()
	return c.act(action, "250 2.0.0 taken")
}

// body reads up to the final dot; false when the connection ended before it.
func (c *conn) body() ([]byte, bool) {
	action := c.rule(Body)
	if action.Hang {
		c.hang()
		return nil, false
	}
	if action.CutAt > 0 {
		_, _ = io.CopyN(io.Discard, c.in, int64(action.CutAt))
		_ = c.act(Action{Reply: action.Reply, Cut: true}, "")
		return nil, false
	}
	var body []byte
	for {
		line, err := c.in.ReadBytes('\n')
		if string(line) == ".\r\n" {
			return body, true
		}
		body = append(body, bytes.TrimPrefix(line, []byte("."))...)
		if err != nil {
			c.server.mu.Lock()
			c.server.unfinished = append(c.server.unfinished, body)
			c.server.note()
			c.server.mu.Unlock()
			return nil, false
		}
	}
}

func (c *conn) reset() { c.inMail, c.from, c.to, c.lastRcpt = false, "", nil, "" }

// rule looks up what to do at a step of the current transaction.
func (c *conn) rule(at Step) Action {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.server.match(at, c.number, c.transaction, c.lastRcpt)
}

// answer gives the scripted reply for a step, or the usual one.
func (c *conn) answer(at Step, usual string) bool { return c.act(c.rule(at), usual) }

// act carries out an action; false ends the connection.
func (c *conn) act(a Action, usual string) bool {
	if a.Delay > 0 {
		select {
		case <-time.After(a.Delay):
		case <-c.server.done:
			return false
		}
	}
	if a.Hang {
		c.hang()
		return false
	}
	if a.Reply == "" && !a.Cut {
		a.Reply = usual
	}
	for _, text := range []string{a.Reply, a.Extra} {
		if text != "" {
			c.out = append(c.out, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n"...)
		}
	}
	if a.Cut {
		c.flush()
		return false
	}
	return c.server.script.Grouped || c.flush()
}

// send gives one reply.
func (c *conn) send(text string) bool { return c.act(Action{Reply: text}, "") }

// flush writes the replies that are due.
func (c *conn) flush() bool {
	if len(c.out) == 0 {
		return true
	}
	_, err := c.net.Write(c.out)
	c.out = c.out[:0]
	return err == nil
}

// hang keeps reading and says nothing, until the client goes.
func (c *conn) hang() { _, _ = io.Copy(io.Discard, c.in) }

func (c *conn) log(verb, line string) {
	if verb == "AUTH" {
		line = strings.Join(strings.Fields(line)[:min(2, len(strings.Fields(line)))], " ")
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.commands = append(c.server.commands, line)
	c.server.note()
}

// accepts reports whether an action leaves the step with the wanted success. At
// the dot a cut without reply counts: a real server may have taken the mail.
func accepts(a Action, success string) bool {
	return a.Reply == "" || strings.HasPrefix(a.Reply, success[:1])
}

// path takes the address out of "FROM:<a@b> PARAMS".
func path(s string) string {
	_, s, _ = strings.Cut(s, "<")
	if i := strings.LastIndexByte(s, '>'); i >= 0 {
		s = s[:i]
	}
	return s
}

func decode(s string) []byte {
	out, _ := base64.StdEncoding.DecodeString(s)
	return out
}
