package smtptest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
	"sync"
	"time"
)

// Record is one line of a [Recorder]'s file: a mail whose final dot the server
// read and did not refuse, so that a recipient may have it. It is read from the
// mail with the standard library's parsers, and not with those that wrote it.
type Record struct {
	At          time.Time `json:"at"` // when the dot was read, UTC
	Connection  int       `json:"connection"`
	Transaction int       `json:"transaction"`
	From        string    `json:"from"`
	To          []string  `json:"to"`        // of the envelope
	HeaderTo    []string  `json:"header_to"` // addresses of the To field
	MessageID   string    `json:"message_id"`
	SHA256      string    `json:"sha256"` // of the mail as it came, hex
	Size        int       `json:"size"`   // bytes
	// Complete: the header ends and can be read, and every multipart entity has
	// its closing boundary (RFC 2046 §5.1.1). Otherwise the mail was cut off.
	Complete bool            `json:"complete"`
	Calendar *RecordedObject `json:"calendar,omitempty"` // nil when there is none
	// Answered: the server said 250. Otherwise it said nothing, and the sender
	// cannot know that it has the mail.
	Answered bool `json:"answered"`
}

// RecordedObject is what the text/calendar part of a mail says.
type RecordedObject struct {
	Method   string `json:"method"`
	UID      string `json:"uid"`
	Sequence int    `json:"sequence"`
}

// Recorder appends what a [Server] takes to a file, a JSON object a line, each
// written before the server answers. Give [Recorder.Mail] as [Script.OnMail].
type Recorder struct {
	mu   sync.Mutex
	file *os.File
	n    int
	err  error
}

// NewRecorder appends to a file, made when missing.
func NewRecorder(path string) (*Recorder, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("record mail: %w", err)
	}
	return &Recorder{file: f}, nil
}

// Mail appends one mail. Trouble with the file is told by [Recorder.Close].
func (r *Recorder) Mail(m Received) {
	line, err := json.Marshal(Describe(m))
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		_, err = r.file.Write(append(line, '\n'))
	}
	if err == nil {
		r.n++
	}
	r.err = errors.Join(r.err, err)
}

// Count gives the number of mails recorded so far.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// Close closes the file and says whether every mail is in it.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := errors.Join(r.err, r.file.Close()); err != nil {
		return fmt.Errorf("record mail: %w", err)
	}
	return nil
}

// ReadRecords reads the lines of a [Recorder]'s file.
func ReadRecords(path string) (records []Record, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var r Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("read record: %s:%d: %w", path, n, err)
		}
		records = append(records, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read record: %s: %w", path, err)
	}
	return records, nil
}

// Describe reads a mail. What cannot be read is left empty, and is not
// complete.
func Describe(m Received) Record {
	sum := sha256.Sum256(m.Data)
	r := Record{
		At: m.At.UTC(), Connection: m.Connection, Transaction: m.Transaction, From: m.From, To: m.To,
		SHA256: hex.EncodeToString(sum[:]), Size: len(m.Data), Answered: m.Answered,
	}
	msg, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		return r
	}
	r.MessageID = strings.TrimSpace(msg.Header.Get("Message-ID"))
	if to, err := msg.Header.AddressList("To"); err == nil {
		for _, a := range to {
			r.HeaderTo = append(r.HeaderTo, a.Address)
		}
	}
	err = r.walk(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body, 0)
	// A header that is cut off reads as one of fewer fields.
	r.Complete = err == nil && bytes.Contains(m.Data, []byte("\r\n\r\n")) && bytes.HasSuffix(m.Data, []byte("\r\n"))
	return r
}

// maxDepth is how deep multipart entities may lie in each other.
const maxDepth = 10

// walk reads an entity to its end, and the entities in it.
func (r *Record) walk(contentType, encoding string, body io.Reader, depth int) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type: %w", err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		text, err := io.ReadAll(decoded(encoding, body))
		if err == nil && kind == "text/calendar" && r.Calendar == nil {
			r.Calendar = readObject(text)
		}
		return err
	}
	if depth == maxDepth {
		return errors.New("nested too deep")
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	// The reader below also takes the end of the text in a part's header for the
	// end of the parts.
	if boundary := params["boundary"]; boundary == "" || !bytes.Contains(text, []byte("\r\n--"+boundary+"--")) && !bytes.HasPrefix(text, []byte("--"+boundary+"--")) {
		return errors.New("no closing boundary")
	}
	parts := multipart.NewReader(bytes.NewReader(text), params["boundary"])
	for {
		// Raw, as NextPart would hide how the part is encoded.
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.walk(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part, depth+1); err != nil {
			return err
		}
	}
}

func decoded(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	}
	return body
}

// readObject takes three values out of an iCalendar object: its method, and UID
// and SEQUENCE of its event.
func readObject(text []byte) *RecordedObject {
	unfolded := strings.NewReplacer("\r\n ", "", "\r\n\t", "").Replace(string(text)) // RFC 5545 §3.1
	o := &RecordedObject{}
	inEvent := false
	for line := range strings.SplitSeq(unfolded, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		name, _, _ = strings.Cut(name, ";")
		switch strings.ToUpper(name) {
		case "BEGIN", "END":
			if strings.EqualFold(value, "VEVENT") {
				inEvent = strings.EqualFold(name, "BEGIN")
			}
		case "METHOD":
			o.Method = value
		case "UID":
			if inEvent {
				o.UID = value
			}
		case "SEQUENCE":
			if inEvent {
				_, _ = fmt.Sscanf(value, "%d", &o.Sequence)
			}
		}
	}
	return o
}
