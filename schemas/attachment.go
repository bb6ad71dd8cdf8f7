package schemas

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
)

// MaxAttachment is the size limit of an attachment in bytes: 25 MiB.
const MaxAttachment = 25 << 20

// ErrAttachmentTooLarge refuses an attachment beyond [MaxAttachment].
var ErrAttachmentTooLarge = Refuse(CodeTooLarge, "attachment", fmt.Sprintf("must be at most %d MiB", MaxAttachment>>20), "split the document, or send it on another way")

// PartSize is the size in bytes of every part of an attachment but the last.
// With the event that names it, a grant's terms and their signatures it fills a
// bucket of 128 KiB. A larger part would hold up what comes behind it on a thin
// line, and cost more when the line is cut.
const PartSize = 120 << 10

// PartsOf is the number of parts of an attachment of so many bytes.
func PartsOf(bytes int) int { return (bytes + PartSize - 1) / PartSize }

// PartBytes is the size of one part, counted from 0, of an attachment of so
// many bytes.
func PartBytes(bytes, index int) int { return min(PartSize, bytes-index*PartSize) }

// TypeAttachmentPartShared is a part of an attachment. Its category is that of
// the event that names the attachment, and it travels under the same grant.
const TypeAttachmentPartShared EventType = "org.linkage.attachment.part-shared.v1"

var attachmentTypes = []TypeInfo{is[AttachmentPartShared](TypeAttachmentPartShared, CategoryCarried)}

// AttachmentPartShared is the payload of [TypeAttachmentPartShared]: one part of an attachment. Its bytes stand
// beside the event in the same seal.
type AttachmentPartShared struct {
	// The event that names the attachment.
	Event EventID `json:"event"`
	// The digest of the whole document, as that event gives it.
	Attachment Hash `json:"attachment"`
	// Which part it is, from 0.
	Index int `json:"index"`
	// How many parts there are.
	Parts int `json:"parts"`
	// The digest of this part's bytes.
	SHA256 Hash `json:"sha256"`
}

// LogValue shows ids only.
func (p AttachmentPartShared) LogValue() slog.Value { return loggedIDs("event", string(p.Event)) }

// CheckPart holds the bytes of a part against what it says of itself and
// against the attachment's size.
func (p AttachmentPartShared) CheckPart(bytes int, content []byte) error {
	invalid := func(field, rule string) error {
		return Refuse(CodeInvalidEvent, field, rule, "send the attachment's parts as they are")
	}
	switch {
	case p.Parts != PartsOf(bytes):
		return invalid("data.parts", "must be the number of parts of an attachment of this size")
	case p.Index < 0 || p.Index >= p.Parts:
		return invalid("data.index", "must be less than the number of parts")
	case len(content) != PartBytes(bytes, p.Index):
		return invalid("attached", fmt.Sprintf("must be %d bytes, the last part of an attachment the rest", PartSize))
	case HashOf(content) != p.SHA256:
		return invalid("data.sha256", "must be the digest of the bytes beside the event")
	}
	return nil
}

// Named is an attachment that an event names, and the field in which it does.
type Named struct {
	Attachment
	Field string // such as data.attachments.0
}

const refAttachment = "urn:linkage:common#/$defs/attachment"

// Attachments lists the attachments that the data of an event names, where the
// schema of its type has them. Data that breaks the schema may have some that
// are not listed.
func Attachments(t EventType, data json.RawMessage) ([]Named, error) {
	schema := documents()[t.Schema()]
	if schema == nil {
		return nil, nil
	}
	v, err := decodePayload(data)
	if err != nil {
		return nil, err
	}
	return attachmentsIn(schema, v, "data"), nil
}

// TakesAttachments reports whether events of a type have a list of attachments.
func TakesAttachments(t EventType) bool {
	properties, _ := documents()[t.Schema()]["properties"].(map[string]any)
	list, _ := properties["attachments"].(map[string]any)
	items, _ := list["items"].(map[string]any)
	return isAttachment(items)
}

func isAttachment(node map[string]any) bool {
	for ; node != nil; node = referred(node) {
		if node["$ref"] == refAttachment {
			return true
		}
	}
	return false
}

func attachmentsIn(node map[string]any, v any, path string) []Named {
	if isAttachment(node) {
		b, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		n := Named{Field: path}
		if json.Unmarshal(b, &n.Attachment) != nil {
			return nil
		}
		return []Named{n}
	}
	node = dereference(node)
	var all []Named
	switch v := v.(type) {
	case map[string]any:
		properties, _ := node["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if property, known := properties[name].(map[string]any); known {
				all = append(all, attachmentsIn(property, v[name], path+"."+name)...)
			}
		}
	case []any:
		items, _ := node["items"].(map[string]any)
		for i, e := range v {
			all = append(all, attachmentsIn(items, e, path+"."+strconv.Itoa(i))...)
		}
	}
	return all
}
