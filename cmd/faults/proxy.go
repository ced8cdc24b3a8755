package main

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// proxy stands between the program and the SMTP server. It lets so many bytes
// of each mail pass, and holds back the rest. Once it is released all of a new
// connection passes; of an older one still nothing does, or a mail would get across
// that its sender, dead by then, had left in a buffer.
type proxy struct {
	listener net.Listener
	target   string
	limit    int           // bytes of a body that pass
	held     chan struct{} // closed when something was held back
	free     chan struct{} // closed by release
	hold     func()        // closes held, once
	release  func()        // lets new connections pass; what was held back is lost

	wg     sync.WaitGroup
	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

// hold puts a proxy between the program and the SMTP server, for
// scenario.before.
func (l *lab) hold(limit int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.fail("start proxy: %w", err)
		return
	}
	p := &proxy{listener: listener, target: l.smtp.Addr(), limit: limit, held: make(chan struct{}), free: make(chan struct{})}
	p.hold, p.release = sync.OnceFunc(func() { close(p.held) }), sync.OnceFunc(func() { close(p.free) })
	p.wg.Go(p.accept)
	l.proxy, l.relay = p, listener.Addr().String()
	l.cleanup(p.close)
}

// heldBack waits until the proxy has something to hold back.
func (l *lab) heldBack(limit time.Duration) {
	over := time.NewTimer(limit)
	defer over.Stop()
	select {
	case <-l.proxy.held:
	case <-l.ctx.Done():
	case <-over.C:
		l.fail("no mail of %d bytes came within %v", l.proxy.limit, limit)
	}
}

// close cuts every connection.
func (p *proxy) close() {
	p.release()
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// keep notes connections to be cut at the end; false when that has come.
func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
	return !p.closed
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		hangUp := func() { _, _ = client.Close(), server.Close() }
		if !p.keep(client, server) {
			hangUp()
			return
		}
		p.wg.Go(func() {
			defer hangUp()
			_, _ = io.Copy(client, server)
		})
		whole := p.released()
		p.wg.Go(func() {
			defer hangUp()
			p.forward(server, client, whole)
		})
	}
}

// forward hands on what the client says. Unless mails are to pass whole, there is
// something to hold back at some point: then it waits, and hangs up.
func (p *proxy) forward(server, client net.Conn, whole bool) {
	buf := make([]byte, 32<<10)
	passed := -1 // bytes of the body under way; -1 outside of one
	for {
		n, err := client.Read(buf)
		fresh := buf[:n]
		body := 0 // bytes of fresh that are of a body
		if passed >= 0 {
			body = n
		} else if _, after, ok := bytes.Cut(fresh, []byte("DATA\r\n")); ok {
			passed, body = 0, len(after)
		}
		if over := passed + body - p.limit; passed >= 0 && over > 0 && !whole {
			_, _ = server.Write(fresh[:n-over])
			p.hold()
			<-p.free
			return
		}
		if passed >= 0 {
			passed += body
		}
		if bytes.HasSuffix(fresh, []byte("\r\n.\r\n")) {
			passed = -1
		}
		if _, werr := server.Write(fresh); werr != nil || err != nil {
			return
		}
	}
}

func (p *proxy) released() bool {
	select {
	case <-p.free:
		return true
	default:
		return false
	}
}
