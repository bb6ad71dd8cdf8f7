package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
)

// serverLog passes the embedded server's lines on. Debug and trace lines are
// dropped whatever the level: trace prints what clients send.
type serverLog struct {
	log *slog.Logger
	// fail is called when the server says that it could not write a record: it
	// answers nothing then, and writes nothing any more until it is started anew.
	fail func(cause error)
}

const serverLine = "message server"

// unfounded begin the warnings that do not hold here and would frighten whoever
// reads the log.
var unfounded = []string{
	"Websocket not configured with TLS",                           // nobody but our own proxy reaches it
	"TLS certificate chain and hostname of solicited routes will", // verifyRoute does
	`Clients that are not using "TLS Handshake First"`,            // on the port that is for nobody: see join
}

func (l serverLog) Noticef(format string, v ...any) {
	l.log.Debug(serverLine, "detail", fmt.Sprintf(format, v...)) // its banner; our own lines are the Info
}

func (l serverLog) Warnf(format string, v ...any) {
	for _, u := range unfounded {
		if strings.HasPrefix(format, u) {
			return
		}
	}
	l.log.Warn(serverLine, "detail", fmt.Sprintf(format, v...))
}

func (l serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.log.Error(serverLine, "detail", text)
	if strings.HasPrefix(text, notWritten) {
		l.fail(fmt.Errorf("write hub: %w", causeOf(text)))
	}
}

// causeOf returns the error at the end of a line.
func causeOf(text string) error {
	if strings.HasSuffix(text, syscall.ENOSPC.Error()) {
		return syscall.ENOSPC
	}
	return errors.New(text[strings.LastIndex(text, ": ")+1:])
}

// notWritten is how the server says that a record did not get onto the disk.
const notWritten = "JetStream failed to store a msg"

// Fatalf does not end the process: Start sees that the server never became
// ready, and a running server's state shows in Healthy.
func (l serverLog) Fatalf(format string, v ...any) {
	l.log.Error(serverLine, "detail", fmt.Sprintf(format, v...))
}

func (serverLog) Debugf(string, ...any) {}
func (serverLog) Tracef(string, ...any) {}
