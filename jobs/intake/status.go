package intake

import (
	"fmt"
	"slices"
	"strings"

	"heraut/jobs"
)

// What a status column says of those who come, and of those who no longer do,
// as [normal] writes it. pretix adds the reason ("Canceled (paid fee)",
// "Pending (overpaid)"), hence beginnings.
var (
	comingStatus = []string{
		"paid", "betaald", "pending", "openstaand", "inafwachting", "nogtebetalen", "p", "n",
		"registered", "aangemeld", "ingeschreven", "geregistreerd", "confirmed", "bevestigd", "approved", "goedgekeurd",
		"active", "actief", "complete", "completed", "voltooid", "accepted", "new", "nieuw", "ok", "ja", "yes",
	}
	gone = []string{
		"cancel", "geannuleerd", "annul", "afgemeld", "afgezegd", "uitgeschreven", "expired", "verlopen", "e", "c",
		"refund", "terugbetaald", "denied", "declined", "rejected", "afgewezen", "geweigerd", "trash", "spam", "prullenbak", "verwijderd", "deleted",
	}
)

// cancelled reads a status. One it does not know is an error: to confirm
// somebody on a waiting list is worse than to ask.
func cancelled(s string) (bool, error) {
	if s == "" {
		return false, nil
	}
	status := normal(s)
	begins := func(with string) bool {
		return status == with || len(with) > 1 && strings.HasPrefix(status, with)
	}
	switch {
	case status == "":
		return false, nil
	case slices.ContainsFunc(gone, begins):
		return true, nil
	case slices.ContainsFunc(comingStatus, begins):
		return false, nil
	}
	shown := []rune(jobs.CleanName(s))
	if len(shown) > 40 {
		shown = append(shown[:40], '…')
	}
	return false, fmt.Errorf("status %q says neither registered nor cancelled: leave the column out with --map status=, or the row", string(shown))
}
