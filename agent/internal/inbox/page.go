package inbox

import (
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// page is how many bytes of data are asked for at a time. On a line that is thin
// or cut again and again a large page would never come whole: pages become
// smaller with each that fails or takes long, and grow again with each full one
// that does not.
type page int

const (
	firstPage = 64 << 10
	minPage   = 16 << 10 // the broker always gives one item, whatever its size
	// slowPage and quickPage are how long a page takes that was too large, or
	// could have been larger.
	slowPage  = 10 * time.Second
	quickPage = 2 * time.Second
)

// took learns from a page that was asked for.
func (p *page) took(d time.Duration, full bool, err error) {
	switch {
	case err != nil || d > slowPage:
		*p = max(*p/4, minPage)
	case full && d < quickPage:
		*p = min(*p*2, schemas.MaxPullBytes)
	}
}
