package queue

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Embedded is the URI of the Redis inside this process.
const Embedded = "embedded"

// CheckURI says what is wrong with a Redis URI without connecting. See [Open]
// for the forms.
func CheckURI(uri string) error {
	if uri == Embedded {
		return nil
	}
	_, err := parseURI(uri)
	return err
}

// parseURI reads a URI into options. asynq's own reader drops the ACL user and
// the sentinel database and knows no cluster. Errors never repeat the URI,
// which may hold a password.
func parseURI(uri string) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return nil, errors.New(`redis uri: use "embedded", redis://, rediss://, unix://, redis-sentinel:// or redis-cluster://`)
	}
	u, err := splitURI(rest)
	if err != nil {
		return nil, fmt.Errorf("redis uri: %w", err)
	}
	switch scheme {
	case "redis", "rediss":
		err = u.single(scheme == "rediss")
	case "unix":
		err = u.unix()
	case "redis-sentinel":
		err = u.sentinel()
	case "redis-cluster":
		err = u.cluster()
	default:
		err = fmt.Errorf("scheme %q is not known: use redis, rediss, unix, redis-sentinel or redis-cluster", scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("redis uri: %w", err)
	}
	return &u.options, nil
}

// uriParts is a URI taken apart. net/url refuses several hosts with a port.
type uriParts struct {
	options redis.UniversalOptions
	hosts   string // "h1:6379,h2"
	path    string // without its first slash
	query   url.Values
}

// splitURI takes "user:password@hosts/path?query" apart.
func splitURI(s string) (u uriParts, err error) {
	if strings.ContainsAny(s, " \t\r\n#") {
		return u, errors.New("holds a space or #: write them in percent form")
	}
	s, query, _ := strings.Cut(s, "?")
	if u.query, err = url.ParseQuery(query); err != nil {
		return u, errors.New("what follows ? cannot be read: write it as name=value&name=value")
	}
	for name, values := range u.query {
		if len(values) > 1 {
			return u, fmt.Errorf("parameter %q stands twice", name)
		}
	}
	authority, path, _ := strings.Cut(s, "/")
	// The password ends at the last @ before the path; a slash or @ in it has
	// to be written in percent form.
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, password, _ := strings.Cut(authority[:i], ":")
		u.options.Username, err = url.PathUnescape(user)
		if err == nil {
			u.options.Password, err = url.PathUnescape(password)
		}
		if err != nil {
			return u, errors.New("user or password: bad percent form")
		}
		if u.options.Username != "" && u.options.Password == "" {
			return u, errors.New("a user without a password; a password alone is written as :password@")
		}
		authority = authority[i+1:]
	}
	u.hosts = authority
	if u.path, err = url.PathUnescape(path); err != nil {
		return u, errors.New("path: bad percent form")
	}
	return u, nil
}

// single reads redis://host:port/db.
func (u *uriParts) single(secure bool) error {
	if strings.Contains(u.hosts, ",") {
		return errors.New("several hosts: use redis-sentinel:// or redis-cluster://")
	}
	if err := u.addresses("6379"); err != nil {
		return err
	}
	if secure {
		host, _, _ := net.SplitHostPort(u.options.Addrs[0])
		u.options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	}
	db := u.path
	if db == "" {
		db = u.take("db")
	}
	if err := u.database(db); err != nil {
		return err
	}
	return u.rest()
}

// unix reads unix:///path/to/socket?db=1.
func (u *uriParts) unix() error {
	if u.hosts != "" || u.path == "" {
		return errors.New("a socket is written as unix:///path/to/redis.sock")
	}
	u.options.Addrs = []string{"/" + u.path} // the slash makes go-redis take it for a socket
	if err := u.database(u.take("db")); err != nil {
		return err
	}
	return u.rest()
}

// sentinel reads redis-sentinel://h1,h2:26380/master/db.
func (u *uriParts) sentinel() error {
	if err := u.addresses("26379"); err != nil {
		return err
	}
	master, db, hasDB := strings.Cut(u.path, "/")
	if master == "" {
		return errors.New("the name of the master is missing: redis-sentinel://host1,host2/master")
	}
	u.options.MasterName = master
	if !hasDB {
		db = u.take("db")
	}
	if err := u.database(db); err != nil {
		return err
	}
	u.options.SentinelUsername = u.take("sentinel_user")
	u.options.SentinelPassword = u.take("sentinel_password")
	if err := u.secure(); err != nil {
		return err
	}
	return u.rest()
}

// cluster reads redis-cluster://h1,h2:6380.
func (u *uriParts) cluster() error {
	if err := u.addresses("6379"); err != nil {
		return err
	}
	if u.path != "" {
		return errors.New("a cluster has one database only: remove what follows the hosts")
	}
	u.options.IsClusterMode = true
	if err := u.secure(); err != nil {
		return err
	}
	return u.rest()
}

// addresses reads the hosts; one without a port gets the usual one.
func (u *uriParts) addresses(port string) error {
	for h := range strings.SplitSeq(u.hosts, ",") {
		host, p, err := net.SplitHostPort(h)
		if err != nil { // no port
			host, p = strings.TrimSuffix(strings.TrimPrefix(h, "["), "]"), port
			if strings.Contains(host, ":") && h[0] != '[' {
				return fmt.Errorf("host %q: an IPv6 address goes in brackets", h)
			}
		}
		n, err := strconv.Atoi(p)
		if host == "" || err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("host %q: write it as name:port", h)
		}
		u.options.Addrs = append(u.options.Addrs, net.JoinHostPort(host, p))
	}
	return nil
}

func (u *uriParts) database(s string) error {
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return fmt.Errorf("database %q is not a number from 0", s)
	}
	u.options.DB = n
	return nil
}

func (u *uriParts) secure() error {
	switch v := u.take("tls"); v {
	case "", "false":
	case "true":
		u.options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return fmt.Errorf("parameter tls is %q: use true or false", v)
	}
	return nil
}

// take gives a parameter and strikes it off.
func (u *uriParts) take(name string) string {
	v := u.query.Get(name)
	u.query.Del(name)
	return v
}

// rest refuses the parameters nobody took.
func (u *uriParts) rest() error {
	for name := range u.query {
		names := []string{"db"}
		switch {
		case u.options.MasterName != "":
			names = []string{"db", "sentinel_password", "sentinel_user", "tls"}
		case u.options.IsClusterMode:
			names = []string{"tls"}
		}
		if slices.Contains(names, name) {
			return fmt.Errorf("parameter %q contradicts the path", name)
		}
		return fmt.Errorf("parameter %q is not known here: use %s", name, strings.Join(names, ", "))
	}
	return nil
}
