package transport

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Websocket serves the agents' web socket, for mounting under any path of an
// HTTPS server of ours. It passes connections on to a listener that only this
// machine reaches; TLS ends before it.
func (s *Server) Websocket() http.Handler {
	target, err := url.Parse(s.nats.WebsocketURL())
	if err != nil {
		panic(err) // made by the server from an address that it listens on
	}
	target.Scheme = "http"
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.URL.Path, r.Out.URL.RawPath, r.Out.URL.RawQuery = "/", "", ""
		},
		ErrorLog: slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug), // clients that went away
	}
}
