package examples

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/linkage-exchange/linkage/schemas"
)

// Network says who is in it.
type Network struct {
	ID       schemas.NetworkID `yaml:"network"`
	Name     string            `yaml:"name"`
	Setup    string            `yaml:"setup"`
	Lead     schemas.AgencyID  `yaml:"lead"`
	Agencies []Agency          `yaml:"agencies"`
}

// Agency is one member.
type Agency struct {
	ID    schemas.AgencyID `yaml:"id"`
	Name  string           `yaml:"name"`
	Short string           `yaml:"short"` // what people call it
	Does  string           `yaml:"does"`
}

// Has reports whether an agency is in the network.
func (n Network) Has(id schemas.AgencyID) bool {
	return slices.ContainsFunc(n.Agencies, func(a Agency) bool { return a.ID == id })
}

func (n Network) check() error {
	switch {
	case !n.ID.Valid():
		return errors.New("network must be a slug")
	case !slices.Contains(schemas.Setups, n.Setup):
		return fmt.Errorf("setup must be one of %v", schemas.Setups)
	case !n.Has(n.Lead):
		return errors.New("lead must be one of the agencies")
	}
	seen := map[schemas.AgencyID]bool{}
	for _, a := range n.Agencies {
		if !a.ID.Valid() || a.Name == "" || a.Short == "" || seen[a.ID] {
			return fmt.Errorf("agency %q must have an id of its own, which is a slug, and two names", a.ID)
		}
		seen[a.ID] = true
	}
	return nil
}

// Person is a client, who is fictional.
type Person struct {
	// Key is what the example's other files call the client.
	Key   string `yaml:"key"`
	Name  string `yaml:"name"`
	Story string `yaml:"story"`
	// IDs are the agencies' own ids for the client. An agency without one goes
	// by the handle under which it first heard of the client.
	IDs map[schemas.AgencyID]string `yaml:"ids"`
	// Serves lists the agencies that may come to know the client.
	Serves []schemas.AgencyID `yaml:"serves"`
}

func (p Person) check(n Network) error {
	if p.Key == "" || p.Name == "" || len(p.IDs) == 0 {
		return errors.New("key, name and at least one id are needed")
	}
	for _, a := range slices.Concat(p.Serves, slices.Collect(maps.Keys(p.IDs))) {
		if !n.Has(a) {
			return fmt.Errorf("%s is not in the network", a)
		}
	}
	return nil
}
