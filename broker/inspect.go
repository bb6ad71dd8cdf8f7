package broker

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Inspection is what a broker's hub says, record by record, without any
// payload.
type Inspection struct {
	Network schemas.NetworkID `json:"network"`
	Epoch   schemas.ULID      `json:"epoch"`
	Records []InspectedRecord `json:"records"`
}

// InspectedRecord is one record of the hub. What a kind of record does not have
// is absent. Chain, Sequence and Previous are an envelope's.
type InspectedRecord struct {
	Position  uint64           `json:"position"`
	Kind      journal.Kind     `json:"kind"`
	Sender    schemas.AgencyID `json:"sender,omitempty"`
	Recipient schemas.AgencyID `json:"recipient,omitempty"`
	Envelope  schemas.EventID  `json:"envelope,omitempty"`
	Grant     schemas.GrantID  `json:"grant,omitempty"`
	Hash      string           `json:"hash,omitempty"`
	Code      schemas.Code     `json:"code,omitempty"`
	Count     uint64           `json:"count,omitempty"`
	Through   uint64           `json:"through,omitempty"`
	Cursor    uint64           `json:"cursor,omitempty"`
	Of        uint64           `json:"of,omitempty"`
	Time      time.Time        `json:"time"`
	Chain     schemas.ULID     `json:"chain,omitempty"`
	Sequence  uint64           `json:"sequence,omitempty"`
	Previous  string           `json:"previous,omitempty"`
}

// Inspect reads the hub of a broker that does not run. Of the broker it starts
// the message server only, which nobody can reach from outside, and it writes
// no record.
func Inspect(ctx context.Context, dataDir string) (in Inspection, err error) {
	network, _, err := readNetwork(dataDir)
	if err != nil {
		return in, err
	}
	k, err := readKeys(dataDir)
	if err != nil {
		return in, err
	}
	server, err := transport.Start(ctx, transport.Options{Dir: filepath.Join(dataDir, dirNATS), Keys: k.nats})
	if err != nil {
		return in, err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	in = Inspection{Network: network.Network, Records: []InspectedRecord{}}
	err = server.Hub().Scan(ctx, 1, func(r journal.Record) error {
		if r.Kind() == journal.EpochOpened {
			if epoch, err := readEpoch(r.Data); err == nil {
				in.Epoch = epoch
			}
		}
		in.Records = append(in.Records, inspected(r))
		return nil
	})
	return in, err
}

func readEpoch(data []byte) (schemas.ULID, error) {
	rec, err := schemas.ParseRecord(data)
	if err != nil {
		return "", err
	}
	e, err := schemas.PeekRecord[schemas.Epoch](rec, schemas.RecordEpoch)
	return e.Epoch, err
}

func inspected(r journal.Record) InspectedRecord {
	number := func(name string) uint64 {
		n, _ := strconv.ParseUint(r.Get(name), 10, 64) // absent is 0
		return n
	}
	out := InspectedRecord{
		Position: r.Position, Kind: r.Kind(), Time: r.Time,
		Sender: schemas.AgencyID(r.Get(journal.HeaderSender)), Recipient: schemas.AgencyID(r.Get(journal.HeaderRecipient)),
		Envelope: schemas.EventID(r.Get(journal.HeaderEnvelope)), Grant: schemas.GrantID(r.Get(journal.HeaderGrant)),
		Hash: r.Get(journal.HeaderHash), Code: schemas.Code(r.Get(journal.HeaderCode)), Count: number(journal.HeaderCount),
		Through: number(journal.HeaderThrough), Cursor: number(journal.HeaderCursor), Of: number(journal.HeaderOf),
	}
	if out.Kind != journal.Accepted {
		return out
	}
	if e, err := schemas.ParseEnvelope(r.Header, r.Data); err == nil {
		out.Sender, out.Recipient, out.Envelope, out.Grant = e.Sender, e.Recipient, e.ID, e.Grant
		out.Chain, out.Sequence, out.Previous = e.Chain, e.Sequence, e.Previous.String()
	}
	return out
}
