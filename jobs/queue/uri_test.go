package queue_test

import (
	"strings"
	"testing"

	"heraut/jobs/queue"
)

func TestParseURI(t *testing.T) {
	tests := []struct {
		uri, want string // want is what ParsedURI shows
	}{
		{"redis://localhost", "localhost:6379 db=0"},
		{"redis://localhost:6380/3", "localhost:6380 db=3"},
		{"redis://[::1]:6380", "[::1]:6380 db=0"},
		{"redis://[::1]", "[::1]:6379 db=0"},
		{"redis://localhost?db=2", "localhost:6379 db=2"},
		{"redis://:secret@localhost", "localhost:6379 db=0 password=secret"},
		{"redis://heraut:s%40cr%2Fet%25@localhost/1", "localhost:6379 db=1 user=heraut password=s@cr/et%"},
		{"redis://heraut:s@cret@localhost", "localhost:6379 db=0 user=heraut password=s@cret"},
		{"rediss://heraut:x@cache.example.org", "cache.example.org:6379 db=0 user=heraut password=x tls=cache.example.org"},
		{"unix:///run/redis.sock", "/run/redis.sock db=0"},
		{"unix://heraut:x@/run/redis.sock?db=4", "/run/redis.sock db=4 user=heraut password=x"},
		{"redis-sentinel://s1,s2:26380/main", "s1:26379,s2:26380 db=0 master=main"},
		{"redis-sentinel://u:p@s1,s2/main/5", "s1:26379,s2:26379 db=5 user=u password=p master=main"},
		{"redis-sentinel://s1/main?db=5&tls=true&sentinel_user=a&sentinel_password=b", "s1:26379 db=5 master=main sentinel=a:b tls="},
		{"redis-cluster://u:p@c1,c2:7001?tls=true", "c1:6379,c2:7001 db=0 user=u password=p cluster tls="},
		{"redis-cluster://c1", "c1:6379 db=0 cluster"},
	}
	for _, tt := range tests {
		got, err := queue.ParsedURI(tt.uri)
		if err != nil || got != tt.want {
			t.Errorf("%s\n got %s, %v\nwant %s", tt.uri, got, err, tt.want)
		}
	}
}

func TestParseURIRefuses(t *testing.T) {
	tests := []struct{ uri, want string }{
		{"", "embedded"},
		{"localhost:6379", "embedded"},
		{"http://localhost", `"http"`},
		{"redis://", "name:port"},
		{"redis://localhost:x", "name:port"},
		{"redis://localhost:0", "name:port"},
		{"redis://::1", "brackets"},
		{"redis://a,b", "redis-sentinel"},
		{"redis://localhost/x", `"x"`},
		{"redis://localhost/-1", `"-1"`},
		{"redis://localhost/1?db=2", "contradicts"},
		{"redis://localhost?pool_size=9", `"pool_size"`},
		{"redis://localhost?db=1&db=2", "twice"},
		{"redis://heraut@localhost", "password"},
		{"redis://a:%zz@localhost", "percent"},
		{"redis://local host", "space"},
		{"unix://run/redis.sock", "unix:///"},
		{"unix:///run/redis.sock?tls=true", `"tls"`},
		{"redis-sentinel://s1", "master"},
		{"redis-sentinel://s1/main?tls=yes", `"yes"`},
		{"redis-sentinel://s1/main?foo=1", `"foo"`},
		{"redis-cluster://c1/1", "one database"},
		{"redis-cluster://c1?db=1", `"db"`},
		{"redis-cluster://c1,", "name:port"},
	}
	for _, tt := range tests {
		err := queue.CheckURI(tt.uri)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want it to say %s", tt.uri, err, tt.want)
		}
	}
}

func TestURIErrorsHoldNoPassword(t *testing.T) {
	for _, uri := range []string{"redis://u:hunter2@localhost/x", "redis://u:hunter2@", "http://u:hunter2@h", "redis://u:hunter2@h?x=1", "redis://u:hunter2@a,b", "redis://u:hunter2@h:99999"} {
		if err := queue.CheckURI(uri); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}
