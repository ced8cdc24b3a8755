package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// lab is everything that measuring needs, running. Close it.
type lab struct {
	options
	figures figures

	progress io.Writer
	began    time.Time
	dir      string // everything temporary
	binary   string // heraut
	serial   int    // of sites and databases, to name them

	sink     *daemon
	sinkAddr string
	redis    *daemon
	client   *redis.Client
	postgres *postgres       // nil until somebody needs it
	mail     *sample         // nil until it was taken
	filled   map[fill]string // URLs of ledgers to copy
	load     string          // of the machine before we began
}

// newLab builds heraut and starts what all parts share.
func newLab(ctx context.Context, opt options, progress io.Writer) (_ *lab, err error) {
	l := &lab{options: opt, progress: progress, began: time.Now(), binary: opt.heraut, filled: map[fill]string{}, load: loadAverage()}
	if l.dir, err = os.MkdirTemp("", "heraut-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	// smtp-sink and PostgreSQL run as another user and have to get in.
	if err := os.Chmod(l.dir, 0o711); err != nil {
		return nil, err
	}
	if l.binary, err = filepath.Abs(l.binary); err != nil {
		return nil, err
	}
	if opt.heraut == "" {
		if err := l.build(ctx); err != nil {
			return nil, err
		}
	}
	if err := l.startSink(ctx); err != nil {
		return nil, err
	}
	return l, l.startRedis(ctx)
}

// build makes heraut as `make build` does.
func (l *lab) build(ctx context.Context) error {
	l.say("building heraut")
	l.binary = filepath.Join(l.dir, "heraut")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", l.binary, "heraut/cmd/heraut")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build heraut: %w\n%s", err, out)
	}
	return nil
}

// startSink starts the server that all mail goes to. It keeps nothing.
func (l *lab) startSink(ctx context.Context) (err error) {
	program, err := lookPath("smtp-sink", "postfix")
	if err != nil {
		return err
	}
	cred, err := unprivileged("nobody")
	if err != nil {
		return err
	}
	if l.sinkAddr, err = freeAddr(); err != nil {
		return err
	}
	// 256 is how many connections may wait; as many may be open.
	if l.sink, err = startDaemon("smtp-sink", l.path("sink.log"), cred, exec.Command(program, l.sinkAddr, "256")); err != nil {
		return err
	}
	return l.sink.listening(ctx, l.sinkAddr)
}

// startRedis starts a Redis as Heraut wants it. What is in it need not outlive
// a crash, so it writes nothing to disk.
func (l *lab) startRedis(ctx context.Context) error {
	program, err := lookPath("redis-server", "redis-server")
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	l.redis, err = startDaemon("redis-server", l.path("redis.log"), nil, exec.Command(program, "--bind", "127.0.0.1", "--port", port,
		"--dir", l.dir, "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no"))
	if err != nil {
		return err
	}
	l.client = redis.NewClient(&redis.Options{Addr: addr})
	return l.redis.listening(ctx, addr)
}

// redisMemory gives the bytes that Redis has in use by its own account.
func (l *lab) redisMemory(ctx context.Context) (int64, error) {
	info, err := l.client.InfoMap(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("ask redis for its memory: %w", err)
	}
	return strconv.ParseInt(info["Memory"]["used_memory"], 10, 64)
}

// serverCPU gives the processor time so far of each server that runs.
func (l *lab) serverCPU() (map[string]time.Duration, error) {
	servers := []*daemon{l.sink, l.redis}
	if l.postgres != nil {
		servers = append(servers, l.postgres.daemon)
	}
	used := map[string]time.Duration{}
	for _, d := range servers {
		if err := d.alive(); err != nil {
			return nil, err
		}
		t, err := cpuTime(d.pid())
		if err != nil {
			return nil, err
		}
		used[d.name] = t
	}
	return used, nil
}

// close ends all that was started and removes what it left.
func (l *lab) close() error {
	var errs []error
	if l.client != nil {
		errs = append(errs, l.client.Close())
	}
	if l.postgres != nil {
		errs = append(errs, l.postgres.stop(syscall.SIGINT)) // cuts clients off, see postgres(1)
	}
	for _, d := range []*daemon{l.redis, l.sink} {
		if d != nil {
			errs = append(errs, d.stop(syscall.SIGTERM))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

// path gives a path in the temporary folder.
func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// name gives a name that was not given before.
func (l *lab) name(kind string) string {
	l.serial++
	return fmt.Sprintf("%s%d", kind, l.serial)
}

// say tells who waits what happens.
func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(l.progress, "%7.1fs  %s\n", time.Since(l.began).Seconds(), fmt.Sprintf(format, args...))
}

// lookPath finds a program, or says which Debian package has it.
func lookPath(program, debian string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	// What root uses is not in everybody's PATH.
	if path = filepath.Join("/usr/sbin", program); isFile(path) {
		return path, nil
	}
	return "", fmt.Errorf("%w: on Debian it is in the package %s", err, debian)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// unprivileged gives whom to run a server as that refuses to run as root; nil
// when we are somebody else already.
func unprivileged(name string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}
