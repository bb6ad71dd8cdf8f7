package vault_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"github.com/linkage-exchange/linkage/agent/internal/vault"
)

func newIdentity(t *testing.T) vault.Identity {
	t.Helper()
	i, err := vault.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestIdentityRoundTrip(t *testing.T) {
	made := newIdentity(t)
	encoded, err := made.Encode()
	if err != nil {
		t.Fatal(err)
	}
	i, err := vault.ParseIdentity(encoded)
	if err != nil {
		t.Fatal(err)
	}
	public := made.Public()
	if got := i.Public(); !got.Signing.Equal(public.Signing) || !bytes.Equal(got.Sealing, public.Sealing) || got.User != public.User {
		t.Errorf("got %v, want %v", got, public)
	}
	if !ed25519.Verify(public.Signing, []byte("text"), ed25519.Sign(i.SigningKey(), []byte("text"))) {
		t.Error("signing key does not match")
	}
	sealing, err := hpke.MLKEM768P256().NewPublicKey(public.Sealing)
	if err != nil {
		t.Fatal(err)
	}
	box, err := hpke.Seal(sealing, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte("info"), []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := hpke.Open(i.SealingKey(), hpke.HKDFSHA256(), hpke.AES256GCM(), []byte("info"), box); err != nil || string(got) != "text" {
		t.Errorf("sealing key: got %q, %v", got, err)
	}
	signature, err := i.SignNonce([]byte("nonce"))
	if err != nil {
		t.Fatal(err)
	}
	user, err := nkeys.FromPublicKey(public.User)
	if err != nil || !nkeys.IsValidPublicUserKey(public.User) || user.Verify([]byte("nonce"), signature) != nil {
		t.Errorf("user key does not match (%v)", err)
	}
	if other := newIdentity(t).Public(); other.SigningID() == public.SigningID() || other.SealingID() == public.SealingID() ||
		other.User == public.User || !public.SigningID().Valid() || !public.SealingID().Valid() {
		t.Error("ids of two identities are the same, or are none")
	}
}

func TestParseIdentityRefuses(t *testing.T) {
	encoded, err := newIdentity(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	change := func(field string, v any) string {
		m := map[string]any{}
		if err := json.Unmarshal(encoded, &m); err != nil {
			t.Fatal(err)
		}
		m[field] = v
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := account.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty": "", "not json": "MariaOrtega", "null": "null", "version": change("version", 2),
		"signing": change("signing", "AAAA"), "sealing": change("sealing", "AAAA"), "user": change("user", "SUMariaOrtega"),
		"account": change("user", string(seed)),
	} {
		i, err := vault.ParseIdentity([]byte(bad))
		if !errors.Is(err, vault.ErrIdentity) || !i.IsZero() || strings.Contains(err.Error(), "MariaOrtega") {
			t.Errorf("%s: got %v, %v, want a mute %v", name, i, err, vault.ErrIdentity)
		}
	}
}

// However a program lets go of a private key by mistake, it does not show.
func TestSecretsAreNeverPrinted(t *testing.T) {
	identity, recovery := newIdentity(t), newRecovery(t)
	encoded, err := identity.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Signing, Sealing []byte
		User             string
	}
	if err := json.Unmarshal(encoded, &e); err != nil {
		t.Fatal(err)
	}
	type membership struct { // as a careless neighbour would keep them
		Exported   vault.Identity
		unexported vault.Identity
		pointer    *vault.Identity
		Recovery   vault.RecoveryKey
		recovery   vault.RecoveryKey
	}
	keeper := membership{identity, identity, &identity, recovery, recovery}
	var shown strings.Builder
	for _, v := range []any{
		identity, &identity, recovery, &recovery, keeper, &keeper,
		[]any{identity, recovery},
		map[string]vault.Identity{"k": identity},
		[]vault.RecoveryKey{recovery},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%X", "%q", "%o", "%T", "%08b"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		fmt.Fprintln(&shown, v)
		if b, err := json.Marshal(v); err == nil {
			shown.Write(b)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
			slog.New(h).Info("message", "value", v, slog.Group("group", "value", v))
		}
		fmt.Fprintln(&shown, fmt.Errorf("with %v", v))
	}
	secrets := map[string][]string{"user seed": {e.User}, "recovery key": {recovery.Text(), recovery.Text()[:11]}}
	for name, b := range map[string][]byte{"signing": e.Signing, "sealing": e.Sealing, "private": identity.SigningKey()[:16]} {
		part := b[:12]
		decimal := strings.Trim(fmt.Sprint(part), "[]") //nolint:staticcheck // the decimal form is what is looked for
		secrets[name] = []string{
			string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)),
			base64.StdEncoding.EncodeToString(part), decimal, strings.ReplaceAll(decimal, " ", ", "),
			strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte"), "{}"),
		}
	}
	for name, forms := range secrets {
		for _, form := range forms {
			if strings.Contains(shown.String(), form) {
				t.Errorf("%s was printed", name)
			}
		}
	}
	if !strings.Contains(shown.String(), string(identity.Public().SigningID())) {
		t.Error("the key id is not shown")
	}
	if got := fmt.Sprint(vault.Identity{}, vault.RecoveryKey{}); !strings.Contains(got, "none") {
		t.Errorf("zero values: got %q", got)
	}
}
