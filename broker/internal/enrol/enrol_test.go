package enrol_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/enrol"
)

// nobody is a broker that is never asked.
type nobody struct{ enrol.Broker }

// limited is a connection that remembers until when its body may come.
type limited struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (l *limited) SetReadDeadline(t time.Time) error {
	l.until = t
	return nil
}

// A body has to arrive within a minute: the door serves strangers.
func TestSlowBodyEnds(t *testing.T) {
	for _, path := range []string{"/enrol/join", "/enrol/standing", "/enrol/revoke"} {
		w := &limited{ResponseRecorder: httptest.NewRecorder()}
		enrol.Handler(nobody{}).ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader("{")))
		if left := time.Until(w.until); left <= 0 || left > time.Minute {
			t.Errorf("%s: a body may come for %s", path, left)
		}
		if w.Code != 400 {
			t.Errorf("%s: got %d", path, w.Code)
		}
	}
}
