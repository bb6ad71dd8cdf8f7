package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// agency is a real agent: a process with a store.
type agency struct {
	site    *site
	name    schemas.AgencyID
	process *process
	address string // of its API
	token   string
	client  *http.Client
}

// joinAgency makes an agency a member by code, as its IT staff does, and runs
// its agent.
func (s *site) joinAgency(ctx context.Context, name schemas.AgencyID) (*agency, error) {
	a := &agency{site: s, name: name, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	out, err := s.bench.linkage(ctx, "broker", "invite", string(name), "--json", "--data", s.data())
	if err != nil {
		return nil, err
	}
	var invited struct{ Code string }
	if err := json.Unmarshal(out, &invited); err != nil {
		return nil, err
	}
	if _, err := s.bench.linkage(ctx, "agent", "join", invited.Code, "--data", a.data(), "--name", string(name)); err != nil {
		return nil, err
	}
	return a, a.run(ctx)
}

func (a *agency) data() string { return filepath.Join(a.site.dir, string(a.name)) }

func (a *agency) run(ctx context.Context) (err error) {
	var running struct{ Address string }
	a.process, err = a.site.bench.start(ctx, string(a.name), &running, a.site.bench.binary, "agent", "run", "--json", "--data", a.data(), "--listen", "127.0.0.1:0")
	if err != nil {
		return err
	}
	a.address = running.Address
	token, err := os.ReadFile(filepath.Join(a.data(), "api.token"))
	a.token = strings.TrimSpace(string(token))
	return err
}

// call asks the agent's API.
func (a *agency) call(ctx context.Context, method, path, media string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, a.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	if body != nil {
		req.Header.Set("Content-Type", media)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, content)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(content, answer)
}

// grant permits a partner to hear of the attendance of a client.
func (a *agency) grant(ctx context.Context, to schemas.AgencyID, client string) error {
	body, err := json.Marshal(map[string]any{
		"recipient": to, "client": client, "cells": []schemas.Cell{{Category: "attendance", Purpose: "justice-monitoring"}},
		"basis": "justice-consent", "until": schemas.DateOf(time.Now()).AddDays(365),
	})
	if err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, "/grants", "application/json", body, nil)
}

// inspection is what the bench reads of a store that nobody has open.
type inspection struct {
	Networks []struct {
		Events []struct {
			Direction string
			Recorded  time.Time
			Event     struct{ ID, Source string }
		}
		Deliveries []struct{ State string }
		Alarms     []struct{ Text string }
		Holes      map[string]uint64
	}
}

// inspect ends the agent and reads its store.
func (a *agency) inspect(ctx context.Context) (in inspection, err error) {
	if err := a.process.stop(); err != nil {
		return in, err
	}
	out, err := a.site.bench.linkage(ctx, "agent", "inspect", "--json", "--data", a.data())
	if err != nil {
		return in, err
	}
	if err = json.Unmarshal(out, &in); err == nil && len(in.Networks) != 1 {
		err = fmt.Errorf("%s is in %d networks", a.name, len(in.Networks))
	}
	return in, err
}

// heard counts the different events that came from others.
func (in inspection) heard() (events, doubled int) {
	seen := map[string]bool{}
	for _, e := range in.Networks[0].Events {
		if e.Direction != "heard" {
			continue
		}
		if id := e.Event.Source + " " + e.Event.ID; seen[id] {
			doubled++
		} else {
			seen[id] = true
		}
	}
	return len(seen), doubled
}

// innerEvent is an attendance event as a sender seals it.
func (m *member) innerEvent(client schemas.Handle, subject string) (schemas.SignedRecord, error) {
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": schemas.NewEventID(), "source": m.agency.Source(), "type": attendance, "subject": subject,
		"time": time.Now().UTC().Add(-time.Hour).Format(time.RFC3339), "datacontenttype": "application/json", "dataclassification": "restricted",
		"datacategory": "attendance", "client": client, "purpose": "justice-monitoring", "data": map[string]string{"date": "2026-03-15", "status": "attended"},
	})
	return schemas.SignBytes(schemas.RecordEvent, body, m.key), err
}

const attendance = "org.linkage.attendance.recorded.v1"
