package exchange_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("a body that is refused was read")
	return 0, io.EOF
}

// An agency's own system hands a document in, names it, and another's reads it.
func TestAttachmentsOverHTTP(t *testing.T) {
	n := exchange.Start(t)
	treatment, sender := serving(t, n, "riverside-treatment")
	housing, _ := serving(t, n, "housing-first")
	share(t, sender, "housing-first", "c-1", schemas.PurposeTreatment)
	content := document(300_000)
	var up agent.Uploaded
	for _, known := range []bool{false, true} {
		if resp := treatment.ask("PUT", "/attachments", content, &up); resp.StatusCode != http.StatusCreated || up.ID != schemas.HashOf(content) || up.Known != known {
			t.Fatalf("got %d %+v", resp.StatusCode, up)
		}
	}
	event := exchange.Event(schemas.TypeAssessmentShared, "housing-first", "c-1", "as-1", attachedTo(t,
		schemas.Attachment{ID: "d-1", MediaType: "text/html", Bytes: up.Bytes, SHA256: up.ID}))
	var accepted agent.Acceptance
	if resp := treatment.ask("POST", "/events", event, &accepted); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("got %d", resp.StatusCode)
	}
	path := "/attachments/" + up.ID.String()
	eventually.True(t, "the document is there", func() bool {
		var listed json.RawMessage
		housing.ask("GET", "/attachments", nil, &listed)
		return bytes.Contains(listed, []byte(`"state":"complete"`))
	})
	var got string
	resp := housing.ask("GET", path, nil, &got)
	if resp.StatusCode != http.StatusOK || got != string(content) || resp.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("got %d, %d bytes, %v", resp.StatusCode, len(got), resp.Header)
	}

	var d problem.Document
	for path, want := range map[string]int{"/attachments/" + schemas.Hash{}.String(): http.StatusNotFound, "/attachments/x": http.StatusBadRequest} {
		if resp := housing.ask("GET", path, nil, &d); resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, resp.StatusCode, want)
		}
	}
	if resp := treatment.ask("PUT", "/attachments", nil, &d); resp.StatusCode != http.StatusBadRequest || d.Code != schemas.CodeMalformed {
		t.Errorf("nothing: got %d %+v", resp.StatusCode, d)
	}
	// Too large: without being read if it says so, and when it turns out.
	for length, body := range map[int64]io.Reader{schemas.MaxAttachment + 1: unread{t}, -1: bytes.NewReader(make([]byte, schemas.MaxAttachment+1))} {
		req, err := http.NewRequestWithContext(context.Background(), "PUT", treatment.url+"/attachments", body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		req.Header.Set("Authorization", "Bearer "+treatment.token)
		req.Header.Set("Expect", "100-continue")
		client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 1 << 40}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d bytes: got %d", length, resp.StatusCode)
		}
	}
}
