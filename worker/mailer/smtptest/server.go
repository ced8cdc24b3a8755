package smtptest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Server is a running scripted server. Its methods may be called at any time.
type Server struct {
	script   Script
	listener net.Listener
	tls      *tls.Config // nil without TLS
	roots    *x509.CertPool
	done     chan struct{} // closed by Close
	wg       sync.WaitGroup

	mu           sync.Mutex
	closed       bool
	conns        map[net.Conn]struct{}
	connections  int
	transactions int
	used         []int // per rule
	commands     []string
	received     []Received
	unfinished   [][]byte
	changed      chan struct{} // closed and replaced at every change
}

// Start runs a server until the test ends.
func Start(t testing.TB, script Script) *Server {
	t.Helper()
	s, err := Listen(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Listen runs a server until [Server.Close], for use outside tests.
func Listen(script Script) (*Server, error) {
	if script.Addr == "" {
		script.Addr = "127.0.0.1:0"
	}
	if script.Extensions == nil {
		script.Extensions = []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 26214400"}
	}
	s := &Server{
		script:  script,
		done:    make(chan struct{}),
		conns:   map[net.Conn]struct{}{},
		used:    make([]int, len(script.Rules)),
		changed: make(chan struct{}),
		roots:   x509.NewCertPool(),
	}
	if script.TLS != NoTLS {
		cert, err := certificate(script.TLS)
		if err != nil {
			return nil, fmt.Errorf("smtptest: certificate: %w", err)
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
		if script.TLS == OldTLS {
			s.tls.MinVersion, s.tls.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}
		s.roots.AddCert(cert.Leaf)
	}
	l, err := net.Listen("tcp", script.Addr)
	if err != nil {
		return nil, fmt.Errorf("smtptest: %w", err)
	}
	s.listener = l
	s.wg.Go(s.accept)
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is smtp://host:port, or smtps:// with ImplicitTLS.
func (s *Server) URL() string {
	if s.script.ImplicitTLS {
		return "smtps://" + s.Addr()
	}
	return "smtp://" + s.Addr()
}

// RootCAs trusts the server's certificate, whatever else is wrong with it.
func (s *Server) RootCAs() *x509.CertPool { return s.roots }

// Close cuts every connection and waits for all to end.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
		_ = s.listener.Close()
		for c := range s.conns {
			_ = c.Close()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// CutAll hangs up on every client, as a restart does; the server goes on.
func (s *Server) CutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Received gives the mails taken so far, in order of their dots.
func (s *Server) Received() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// Unfinished gives what came in after each DATA whose connection ended before
// the final dot, without dot-stuffing: the mails a server must not take.
func (s *Server) Unfinished() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unfinished)
}

// Commands gives the command lines seen so far on all connections; of AUTH
// only the mechanism is kept.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Connections counts the connections accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// WaitFor waits until the condition holds, looking at every change: a
// connection, a command, a mail, the end of a connection. It reports false when
// the time is over first.
func (s *Server) WaitFor(limit time.Duration, condition func() bool) bool {
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return true
		}
		select {
		case <-changed:
		case <-over.C:
			return condition()
		}
	}
}

// Open counts the connections that are open now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// note wakes WaitFor. Called with mu held.
func (s *Server) note() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = c.Close()
			return
		}
		s.connections++
		number := s.connections
		s.conns[c] = struct{}{}
		s.note()
		s.mu.Unlock()
		s.wg.Go(func() {
			newConn(s, c, number).serve()
			_ = c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.note()
			s.mu.Unlock()
		})
	}
}
