package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// asynqLog passes on what asynq says. asynq repeats itself many times a second
// while Redis is away.
type asynqLog struct {
	log  *slog.Logger
	warn *seldom
}

func (l *asynqLog) Debug(args ...any) { l.log.Debug("asynq", "message", fmt.Sprint(args...)) }
func (l *asynqLog) Info(args ...any)  { l.log.Debug("asynq", "message", fmt.Sprint(args...)) }
func (l *asynqLog) Warn(args ...any)  { l.warn.warn("asynq", "message", fmt.Sprint(args...)) }
func (l *asynqLog) Error(args ...any) { l.warn.warn("asynq", "message", fmt.Sprint(args...)) }
func (l *asynqLog) Fatal(args ...any) { l.log.Error("asynq", "message", fmt.Sprint(args...)) }

// seldom warns once a minute; in between it says the same at debug level.
type seldom struct {
	log *slog.Logger

	mu   sync.Mutex
	last time.Time
}

func (s *seldom) warn(message string, args ...any) {
	s.mu.Lock()
	level := slog.LevelDebug
	if now := time.Now(); now.Sub(s.last) >= time.Minute {
		level, s.last = slog.LevelWarn, now
	}
	s.mu.Unlock()
	s.log.Log(context.Background(), level, message, args...)
}
