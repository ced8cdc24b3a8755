package queue

import (
	"fmt"
	"strings"
	"time"
)

// SetTime stops the clock of the embedded Redis at t.
func (c *Conn) SetTime(t time.Time) { c.embedded.server.SetTime(t) }

// ParsedURI shows what a URI was read as.
func ParsedURI(uri string) (string, error) {
	o, err := parseURI(uri)
	if err != nil {
		return "", err
	}
	s := fmt.Sprintf("%s db=%d", strings.Join(o.Addrs, ","), o.DB)
	for _, f := range []struct{ name, value string }{{"user", o.Username}, {"password", o.Password}, {"master", o.MasterName}} {
		if f.value != "" {
			s += " " + f.name + "=" + f.value
		}
	}
	if o.SentinelUsername != "" {
		s += " sentinel=" + o.SentinelUsername + ":" + o.SentinelPassword
	}
	if o.IsClusterMode {
		s += " cluster"
	}
	if o.TLSConfig != nil {
		s += " tls=" + o.TLSConfig.ServerName
	}
	return s, nil
}
