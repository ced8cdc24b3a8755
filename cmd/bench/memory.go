package main

import (
	"context"
	"errors"
	"fmt"
)

// measureMemory sends a bulk run and one of ten times as many.
func measureMemory(ctx context.Context, l *lab) error {
	sizes := []int{l.people, 10 * l.people}
	name := func(n int) string { return fmt.Sprintf("peak memory of the worker, %d mails", n) }
	for range l.runs {
		for _, s := range setups() {
			for i, n := range sizes {
				peak, err := l.peakOf(ctx, s, n)
				if err != nil {
					return fmt.Errorf("%v: %w", s, err)
				}
				mb := float64(peak) / (1 << 20)
				if i == 0 {
					l.figures.promise("m", s.String(), name(n), megabytes, mb, atMost(150))
				} else {
					l.figures.add("m", s.String(), name(n), megabytes, mb)
				}
				l.say("%v: %d mails, %.0f MB", s, n, mb)
			}
		}
	}
	for _, s := range setups() {
		few, many := l.figures.median("m", s.String(), name(sizes[0])), l.figures.median("m", s.String(), name(sizes[1]))
		l.figures.promise("m", s.String(), "ten times the mails, of the memory", ratio, many/few, atMost(1.2))
	}
	return nil
}

func (l *lab) peakOf(ctx context.Context, s setup, n int) (peak int64, err error) {
	template, err := l.fillOnce(ctx, fill{s.kind, n})
	if err != nil {
		return 0, err
	}
	st, err := l.newSite(ctx, s, siteOptions{template: template})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.remove(ctx)) }()
	sent, err := st.send(ctx, n, 1)
	return sent.peak, err
}
