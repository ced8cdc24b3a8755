package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"

	"heraut/jobs"
	"heraut/jobs/queue"
	"heraut/worker/mailer"
)

// config is heraut.yaml. A key this version cannot honour is refused when it
// is set, so that nobody believes it works.
type config struct {
	// Data is the folder of everything embedded: SQLite, captured mail,
	// overridden templates. Default ./heraut-data.
	Data string `yaml:"data"`
	// Database is "sqlite" (heraut.db in Data; the default), "sqlite:PATH" or
	// a postgres:// URL.
	Database string `yaml:"database"`
	// Redis is "embedded" (the default) or a redis URL; see jobs/queue.
	Redis string `yaml:"redis"`
	// Programme is the programme file. Default programme.yaml.
	Programme string `yaml:"programme"`
	// From is the sender of every mail, "Name <address>".
	From string `yaml:"from"`
	// PublicURL is where people reach the web side, http(s)://host[/path].
	PublicURL string `yaml:"public_url"`

	SMTP    smtpConfig    `yaml:"smtp"`
	Mailbox mailboxConfig `yaml:"mailbox"`
	DKIM    dkimConfig    `yaml:"dkim"`
	Web     webConfig     `yaml:"web"`
	Log     logConfig     `yaml:"log"`

	file   string         // the file it was read from, "" for none
	from   mail.Address   // From, parsed
	signer *mailer.Signer // of DKIM, nil for none
}

// smtpConfig says where mail goes.
type smtpConfig struct {
	// URL is "capture" (the default: kept in Data/mail, not sent),
	// smtp://[user@]host:587 or smtps://[user@]host:465.
	URL string `yaml:"url"`
	// Password goes with the user of URL; better in PasswordFile.
	Password     string `yaml:"password"`
	PasswordFile string `yaml:"password_file"`
	// TLS is mandatory (the default), opportunistic, or none on loopback.
	TLS string `yaml:"tls"`
	// Connections to the relay at once, of this worker; 3 to 256. Default 8.
	Connections int `yaml:"connections"`
	// Rate is how many messages a second leave at most, those of all workers on
	// one Redis together; 0 (the default) is no limit.
	Rate float64 `yaml:"rate"`
	// DomainRates is the same by the recipient's domain. Subdomains do not
	// count with it.
	DomainRates map[string]float64 `yaml:"domain_rates"`
}

// mailboxConfig is where replies and bounces arrive. Not in this version.
type mailboxConfig struct {
	URL          string `yaml:"url"`
	Password     string `yaml:"password"`
	PasswordFile string `yaml:"password_file"`
}

// dkimConfig signs mail (RFC 6376): all three keys, or none for mail that is
// not signed.
type dkimConfig struct {
	// Domain is that of From, or one above it.
	Domain string `yaml:"domain"`
	// Selector says where in the DNS the public key is:
	// Selector._domainkey.Domain.
	Selector string `yaml:"selector"`
	// KeyFile is a private key in PEM, RSA or Ed25519.
	KeyFile string `yaml:"key_file"`
}

type webConfig struct {
	// Listen is host:port of the web side. Default 127.0.0.1:8025.
	Listen string `yaml:"listen"`
}

type logConfig struct {
	// Level is debug, info (the default), warn or error.
	Level string `yaml:"level"`
	// Format is text (the default) or json.
	Format string `yaml:"format"`
}

const (
	defaultConfigFile = "heraut.yaml"
	embedded          = queue.Embedded // redis
	capture           = "capture"      // smtp.url
	sqlite            = "sqlite"       // database
)

func defaultConfig() *config {
	return &config{
		Data:      "./heraut-data",
		Database:  sqlite,
		Redis:     embedded,
		Programme: "programme.yaml",
		From:      "City Deal Een slimme stad <noreply@example.nl>",
		PublicURL: "http://localhost:8025",
		SMTP:      smtpConfig{URL: capture, TLS: string(mailer.TLSMandatory), Connections: 8},
		Web:       webConfig{Listen: "127.0.0.1:8025"},
		Log:       logConfig{Level: "info", Format: "text"},
	}
}

// loadConfig reads the file, the environment over it, and the secrets they
// point at. Everything wrong is reported at once, as *[jobs.ProblemsError].
func loadConfig(file string, env map[string]string) (*config, error) {
	c := defaultConfig()
	name := file
	if name == "" {
		name = defaultConfigFile
	}
	data, err := os.ReadFile(name)
	switch {
	case err == nil:
		c.file = name
	case errors.Is(err, fs.ErrNotExist) && file == "":
	default:
		return nil, hint(&usageError{fmt.Errorf("configuration: %w", err)}, "`heraut init` writes one to start from")
	}
	doc := &document{file: name, lines: map[string]int{}}
	if err := doc.parse(data, c); err != nil {
		return nil, err
	}
	if err := doc.overrides(env, c); err != nil {
		return nil, err
	}
	doc.check(c)
	doc.secrets(c)
	if len(doc.problems) > 0 {
		return nil, &jobs.ProblemsError{Problems: doc.problems}
	}
	c.resolve(filepath.Dir(c.file))
	return c, nil
}

// resolve makes the paths of the file relative to its folder.
func (c *config) resolve(dir string) {
	for _, p := range []*string{&c.Data, &c.Programme} {
		if c.file != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	if path, ok := strings.CutPrefix(c.Database, "sqlite:"); ok && c.file != "" && !filepath.IsAbs(path) {
		c.Database = "sqlite:" + filepath.Join(dir, path)
	}
}

// databaseURL gives what the ledger opens.
func (c *config) databaseURL() string {
	if c.Database == sqlite {
		return "sqlite:" + filepath.Join(c.Data, "heraut.db")
	}
	return c.Database
}

// isSQLite says whether the database is a file of ours.
func (c *config) isSQLite() bool { return strings.HasPrefix(c.databaseURL(), "sqlite:") }

// logger gives the log that the configuration asks for.
func (a *app) logger(c *config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log.Level)) // checked when it was read
	opt := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, opt))
	}
	return slog.New(slog.NewTextHandler(a.stderr, opt))
}

// mailer gives the relay's part of the configuration.
func (c *config) mailer() mailer.Config {
	return mailer.Config{
		URL: c.SMTP.URL, Password: c.SMTP.Password, TLS: mailer.TLSPolicy(c.SMTP.TLS),
		// Less than the worker's StopWithin, so that an answer that comes in
		// time is still recorded.
		DotGrace: 8 * time.Second,
	}
}
