package main

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// switchboard is a TCP port of which the other end can be changed while
// programs use it: what a service name, a floating address or a load balancer
// is to them. To switch is to cut every connection.
type switchboard struct {
	listener net.Listener
	most     int    // connections at once; 0 is any number
	refusal  string // said to one too many

	wg      sync.WaitGroup
	mu      sync.Mutex
	network string // of the target: tcp or unix
	target  string // "" refuses
	conns   map[net.Conn]bool
	open    int
	served  int // connections put through so far
	refused int // connections that were one too many
	closed  bool
}

// connect puts a switchboard before an address.
func (l *lab) connect(network, target string) *switchboard {
	s := &switchboard{network: network, target: target, conns: map[net.Conn]bool{}}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		l.fail("start switchboard: %w", err)
		return s
	}
	s.wg.Go(s.accept)
	l.cleanup(s.close)
	return s
}

// addr is host:port.
func (s *switchboard) addr() string { return s.listener.Addr().String() }

// port is the port alone.
func (s *switchboard) port() string {
	_, port, _ := net.SplitHostPort(s.addr())
	return port
}

// switchTo cuts every connection and puts later ones through to another target;
// "" takes none.
func (s *switchboard) switchTo(network, target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.network, s.target = network, target
	s.cut()
}

// cut hangs up on everybody. Called with mu held.
func (s *switchboard) cut() {
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *switchboard) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	s.cut()
	s.mu.Unlock()
	s.wg.Wait()
}

// counts gives how many connections were put through and how many refused.
func (s *switchboard) counts() (served, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served, s.refused
}

func (s *switchboard) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() {
			defer client.Close()
			s.serve(client)
		})
	}
}

// serve puts one connection through until either side hangs up.
func (s *switchboard) serve(client net.Conn) {
	s.mu.Lock()
	network, target := s.network, s.target
	tooMany := s.most > 0 && s.open >= s.most
	if s.closed || target == "" || tooMany {
		if tooMany {
			s.refused++
		}
		s.mu.Unlock()
		if tooMany {
			_, _ = io.WriteString(client, s.refusal)
		}
		return
	}
	s.open++
	s.served++
	s.conns[client] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.open--
		delete(s.conns, client)
		s.mu.Unlock()
	}()
	server, err := net.Dial(network, target)
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	_, _ = io.Copy(client, server)
	_ = client.Close()
	_ = server.Close()
	both.Wait()
}

// relayThrough puts a switchboard before the SMTP server, for scenario.before,
// and has the program trust and log in as the environment says.
func (l *lab) relayThrough() *switchboard {
	s := l.connect("tcp", l.smtp.Addr())
	l.relay = s.addr()
	return s
}

// setenv adds a variable to the environment of every process.
func (l *lab) setenv(name, format string, args ...any) {
	l.env = append(l.env, name+"="+fmt.Sprintf(format, args...))
}
