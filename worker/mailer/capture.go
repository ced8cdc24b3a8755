package mailer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// maxCaptured is the size limit of one captured mail in bytes, and what SIZE offers.
const maxCaptured = 25 << 20

// CapturedMail is one mail a [Capture] took.
type CapturedMail struct {
	Seq        int       // 1 for the first mail of this Capture
	ReceivedAt time.Time // when the final dot came in, UTC
	From       string    // reverse-path, "" for <>
	To         []string  // forward-paths
	Data       []byte    // header and body as sent, without dot-stuffing
	File       string    // path of the .eml, "" when nothing is written
}

// CaptureConfig says where to listen and what to do with mail.
type CaptureConfig struct {
	// Addr is host:port on loopback; "" is 127.0.0.1 and a free port.
	Addr string
	// Dir is the folder for .eml files, made when missing; "" writes none.
	Dir string
	// FileName names the file of a mail, relative to Dir, folders allowed; nil
	// takes the sequence number and the Message-ID. An existing file is replaced.
	FileName func(CapturedMail) string
	// OnMail is called with every mail, after it was written and before the
	// server accepts it, from several goroutines at once; nil for none. An error
	// is answered with 451.
	OnMail func(CapturedMail) error
	// Log gets the server's own troubles, without addresses; nil for none.
	Log *slog.Logger
}

// Capture is an SMTP server on loopback that accepts everything and delivers
// nothing: the relay of a fresh installation, and of rehearsals. It offers
// PIPELINING, 8BITMIME and SMTPUTF8, no TLS and no AUTH.
type Capture struct {
	cfg      CaptureConfig
	listener *trackingListener
	server   *smtp.Server
	served   chan struct{} // closed when the accept loop has ended

	mu  sync.Mutex
	seq int
}

// StartCapture listens and serves until [Capture.Close].
func StartCapture(cfg CaptureConfig) (*Capture, error) {
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	cfg.Addr = cmp.Or(cfg.Addr, "127.0.0.1:0")
	tcp, err := net.ResolveTCPAddr("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("capture: address: %w", err)
	}
	if !tcp.IP.IsLoopback() {
		// It takes mail from anyone who can reach it, and keeps it in clear.
		return nil, fmt.Errorf("capture: %s is not on loopback", cfg.Addr)
	}
	if cfg.Dir != "" {
		if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
			return nil, fmt.Errorf("capture: %w", err)
		}
	}
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	c := &Capture{
		cfg:      cfg,
		listener: &trackingListener{Listener: l, open: map[net.Conn]struct{}{}},
		served:   make(chan struct{}),
	}
	c.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &captureSession{capture: c}, nil
	}))
	c.server.Domain = "localhost"
	c.server.MaxMessageBytes = maxCaptured
	c.server.EnableSMTPUTF8 = true
	c.server.ReadTimeout = 10 * time.Minute
	c.server.WriteTimeout = time.Minute
	c.server.ErrorLog = slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)
	go func() {
		defer close(c.served)
		if err := c.server.Serve(c.listener); err != nil && !errors.Is(err, net.ErrClosed) {
			cfg.Log.Error("capture server stopped", "error", err)
		}
	}()
	return c, nil
}

// Addr is the address it listens on, host:port.
func (c *Capture) Addr() string { return c.listener.Addr().String() }

// URL is what to put in [Config.URL], with [TLSNone].
func (c *Capture) URL() string { return "smtp://" + c.Addr() }

// Close stops listening, cuts the connections and returns when the last mail
// under way was either kept whole or not at all.
func (c *Capture) Close() error {
	err := c.listener.Close()
	<-c.served
	c.listener.closeAll()
	// With every connection cut, Shutdown only waits for the handlers to return.
	_ = c.server.Shutdown(context.Background())
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

// keep writes and announces one mail.
func (c *Capture) keep(m CapturedMail) error {
	c.mu.Lock()
	c.seq++
	m.Seq = c.seq
	c.mu.Unlock()
	m.ReceivedAt = time.Now().UTC()
	if c.cfg.Dir != "" {
		name := defaultFileName(m)
		if c.cfg.FileName != nil {
			name = c.cfg.FileName(m)
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("file name %q leaves the folder", name)
		}
		m.File = filepath.Join(c.cfg.Dir, name)
		if err := writeFile(m.File, m.Data); err != nil {
			return err
		}
	}
	if c.cfg.OnMail != nil {
		return c.cfg.OnMail(m)
	}
	return nil
}

// defaultFileName is the sequence number and what is harmless of the Message-ID.
func defaultFileName(m CapturedMail) string {
	id := ""
	if msg, err := mail.ReadMessage(bytes.NewReader(m.Data)); err == nil {
		id = strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_', r == '@':
				return r
			case r == '<', r == '>':
				return -1
			}
			return '_'
		}, msg.Header.Get("Message-ID"))
	}
	if id = id[:min(len(id), 100)]; id == "" {
		id = "no-message-id"
	}
	return fmt.Sprintf("%06d-%s.eml", m.Seq, id)
}

// writeFile makes the whole file appear at once, or not at all.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".incoming-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// captureSession is one SMTP session; it holds the envelope under way.
type captureSession struct {
	capture *Capture
	from    string
	to      []string
}

func (s *captureSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *captureSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *captureSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err // cut in the middle, or too large
	}
	if err := s.capture.keep(CapturedMail{From: s.from, To: s.to, Data: data}); err != nil {
		s.capture.cfg.Log.Error("capture could not keep a mail", "error", err)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "could not keep this mail"}
	}
	return nil
}

func (s *captureSession) Reset() { s.from, s.to = "", nil }

func (s *captureSession) Logout() error { return nil }

// trackingListener knows its open connections: go-smtp learns of a connection
// only once its goroutine runs, too late for a Close at that moment.
type trackingListener struct {
	net.Listener
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func (l *trackingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &trackedConn{Conn: c, listener: l}
	l.mu.Lock()
	l.open[t] = struct{}{}
	l.mu.Unlock()
	return t, nil
}

func (l *trackingListener) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.(*trackedConn).Conn.Close()
	}
}

type trackedConn struct {
	net.Conn
	listener *trackingListener
}

func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
