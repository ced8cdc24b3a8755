package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"regexp"
	"time"

	"heraut/jobs"
)

// Campaigns keeps who wants no campaigns.
type Campaigns interface {
	// UnsubscribeRegistration has the address of a registration get none from its
	// return on; how says by which way.
	UnsubscribeRegistration(ctx context.Context, registration int64, how string, now time.Time) error
	// Unsubscribed gives the language of a registration's person, and whether
	// their address gets none already.
	Unsubscribed(ctx context.Context, registration int64) (lang jobs.Lang, on bool, err error)
}

// oneClick is the field, and its value, by which a mail program says that
// somebody pressed its button (RFC 8058 §3.1). The page's own button sends it as
// well. A request without it may come from a scanner that tries things out.
const (
	oneClickField = "List-Unsubscribe"
	oneClickValue = "One-Click"
)

// maxForm is the largest body of a request to unsubscribe, in bytes.
const maxForm = 4 << 10

//go:embed unsubscribe.html
var unsubscribeSource string

var unsubscribePage = template.Must(template.New("unsubscribe.html").Parse(unsubscribeSource))

// policy allows the page its own style and its own form, and nothing else.
var policy = "default-src 'none'; style-src 'sha256-" + styleHash(unsubscribeSource) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func styleHash(page string) string {
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)[1]
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// showUnsubscribe shows the button, and changes nothing: mail scanners open every
// link.
func (s *Server) showUnsubscribe(w http.ResponseWriter, r *http.Request) {
	id, ok := s.registrationOf(r)
	if !ok {
		s.page(w, http.StatusNotFound, wordsIn(jobs.Dutch).unknown)
		return
	}
	lang, on, err := s.cfg.Campaigns.Unsubscribed(r.Context(), id)
	switch {
	case err != nil && s.cfg.IsNotFound(err):
		s.page(w, http.StatusNotFound, wordsIn(jobs.Dutch).unknown)
	case err != nil:
		s.away(w, err)
	case on:
		s.page(w, http.StatusOK, wordsIn(lang).done)
	default:
		s.page(w, http.StatusOK, wordsIn(lang).ask)
	}
}

// unsubscribe does it, before it answers. Once more is as good as once.
func (s *Server) unsubscribe(w http.ResponseWriter, r *http.Request) {
	id, ok := s.registrationOf(r)
	if !ok {
		s.page(w, http.StatusNotFound, wordsIn(jobs.Dutch).unknown)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.PostFormValue(oneClickField) != oneClickValue { // reads multipart/form-data as well
		s.page(w, http.StatusBadRequest, wordsIn(jobs.Dutch).unclear)
		return
	}
	err := s.cfg.Campaigns.UnsubscribeRegistration(r.Context(), id, "link", s.cfg.Now())
	switch {
	case err != nil && s.cfg.IsNotFound(err):
		s.page(w, http.StatusNotFound, wordsIn(jobs.Dutch).unknown)
		return
	case err != nil:
		s.away(w, err)
		return
	}
	lang, _, err := s.cfg.Campaigns.Unsubscribed(r.Context(), id)
	if err != nil {
		lang = jobs.Dutch // it is done all the same
	}
	s.page(w, http.StatusOK, wordsIn(lang).done)
}

// registrationOf gives whom the token in the path is for.
func (s *Server) registrationOf(r *http.Request) (id int64, ok bool) {
	if s.cfg.Campaigns == nil {
		return 0, false
	}
	return jobs.ParseUnsubscribeToken(s.cfg.TagKey, r.PathValue("token"))
}

// away says that nothing was done. The log does not name the token.
func (s *Server) away(w http.ResponseWriter, err error) {
	s.cfg.Log.Warn("cannot answer somebody who unsubscribes", "error", err)
	w.Header().Set("Retry-After", "60")
	s.page(w, http.StatusServiceUnavailable, wordsIn(jobs.Dutch).away)
}

// page writes a page about unsubscribing. It names nobody: a mail with the link
// may have been forwarded.
func (s *Server) page(w http.ResponseWriter, code int, t notice) {
	var b bytes.Buffer
	if err := unsubscribePage.Execute(&b, t); err != nil {
		s.cfg.Log.Error("cannot write page", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // the reader left: nobody to tell
}

// notice is what one page says.
type notice struct {
	Lang       jobs.Lang
	Title      string
	Paragraphs []string
	Button     string // "" for a page without
}

// notices are the pages in one language.
type notices struct{ ask, done, unknown, unclear, away notice }

func wordsIn(l jobs.Lang) notices {
	if l == jobs.English {
		return notices{
			ask: notice{l, "Unsubscribe from our news?", []string{
				"Press the button and you will get no more news by mail from us. That takes effect at once.",
				"Mail about your own registration, such as a confirmation or a reminder, you will still get.",
			}, "Unsubscribe"},
			done: notice{l, "You are unsubscribed", []string{
				"You will get no more news by mail from us.",
				"Mail about your own registration, such as a confirmation or a reminder, you will still get.",
				"Changed your mind? Reply to one of our mails and we will put you back on the list.",
			}, ""},
		}
	}
	l = jobs.Dutch
	return notices{
		ask: notice{l, "Afmelden voor ons nieuws?", []string{
			"Druk op de knop en je krijgt geen nieuws meer van ons per mail. Dat geldt meteen.",
			"Mail over je eigen aanmelding, zoals een bevestiging of een herinnering, krijg je nog wel.",
		}, "Afmelden"},
		done: notice{l, "Je bent afgemeld", []string{
			"Je krijgt geen nieuws meer van ons per mail.",
			"Mail over je eigen aanmelding, zoals een bevestiging of een herinnering, krijg je nog wel.",
			"Was dit niet de bedoeling? Antwoord op een van onze mails, dan zetten we je weer op de lijst.",
		}, ""},
		unknown: notice{l, "Deze link werkt niet", []string{
			"Misschien is de link niet helemaal meegekomen. Open de link nog eens vanuit de mail, of antwoord op de mail dat je geen nieuws meer wilt.",
			"This link does not work. Open it once more from the mail, or reply to the mail that you want no more news.",
		}, ""},
		unclear: notice{l, "Er is niets veranderd", []string{
			"Open de link uit de mail nog eens en druk op de knop.",
			"Nothing has changed. Open the link from the mail once more and press the button.",
		}, ""},
		away: notice{l, "Het lukt nu even niet", []string{
			"Je bent nog niet afgemeld. Probeer het over een paar minuten nog eens.",
			"You are not unsubscribed yet. Please try again in a few minutes.",
		}, ""},
	}
}
