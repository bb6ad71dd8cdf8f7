package transport

import (
	"fmt"
	"log/slog"
	"strings"
)

// serverLog passes the embedded server's lines on. Debug and trace lines are
// dropped whatever the level: trace prints what clients send.
type serverLog struct{ log *slog.Logger }

const serverLine = "message server"

func (l serverLog) Noticef(format string, v ...any) {
	l.log.Debug(serverLine, "detail", fmt.Sprintf(format, v...)) // its banner; our own lines are the Info
}

func (l serverLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Websocket not configured with TLS") {
		return // nobody but our own proxy reaches it
	}
	l.log.Warn(serverLine, "detail", fmt.Sprintf(format, v...))
}

func (l serverLog) Errorf(format string, v ...any) {
	l.log.Error(serverLine, "detail", fmt.Sprintf(format, v...))
}

// Fatalf does not end the process: Start sees that the server never became
// ready, and a running server's state shows in Healthy.
func (l serverLog) Fatalf(format string, v ...any) {
	l.log.Error(serverLine, "detail", fmt.Sprintf(format, v...))
}

func (serverLog) Debugf(string, ...any) {}
func (serverLog) Tracef(string, ...any) {}
