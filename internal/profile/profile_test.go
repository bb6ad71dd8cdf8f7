package profile_test

import (
	"testing"

	"github.com/linkage-exchange/linkage/internal/profile"
)

func TestProfilesStayOnLoopback(t *testing.T) {
	for address, ok := range map[string]bool{
		"": true, "127.0.0.1:0": true, "[::1]:0": true,
		":0": false, "0.0.0.0:0": false, "localhost:0": false, "192.0.2.1:0": false, "here": false,
	} {
		t.Setenv(profile.Variable, address)
		if err := profile.Serve(); (err == nil) != ok {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
