package recovery

import (
	"crypto/sha256"
	"strings"
	"unicode"
)

// alphabet is Crockford's: without I, L, O and U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// symbol is the value of a character, -1 if it has none.
func symbol(r rune) int {
	switch r = unicode.ToUpper(r); r {
	case 'O':
		r = '0'
	case 'I', 'L':
		r = '1'
	}
	return strings.IndexRune(alphabet, r)
}

// Symbols writes bytes in the alphabet of recovery keys, five bits a character.
func Symbols(b []byte) string {
	symbols := toSymbols(b)
	for i, s := range symbols {
		symbols[i] = alphabet[s]
	}
	return string(symbols)
}

// toSymbols cuts bytes into groups of five bits, most significant first.
func toSymbols(b []byte) []byte {
	symbols := make([]byte, len(b)*8/5)
	for i := range symbols {
		for bit := i * 5; bit < i*5+5; bit++ {
			symbols[i] = symbols[i]<<1 | b[bit/8]>>(7-bit%8)&1
		}
	}
	return symbols
}

func fromSymbols(symbols []byte) []byte {
	b := make([]byte, len(symbols)*5/8)
	for bit := range len(b) * 8 {
		b[bit/8] = b[bit/8]<<1 | symbols[bit/5]>>(4-bit%5)&1
	}
	return b
}

// wholeCheck is 20 bits, one group's content.
func wholeCheck(bits []byte) []byte {
	sum := sha256.Sum256(append([]byte("linkage recovery key v1\n"), bits...))
	return toSymbols(sum[:5])[:groupContent]
}

// groupCheck is a linear code over the field of 32 elements. Each place has its
// own factor, so that a changed symbol and two swapped ones always show; the
// group's own number makes two swapped groups show.
func groupCheck(group int, content []byte) byte {
	sum, factor := byte(group), byte(1)
	for _, s := range content {
		factor = double(factor) // 2, 4, 8, 16: never 1, which is the check symbol's own
		sum ^= multiply(factor, s)
	}
	return sum
}

func multiply(a, b byte) (product byte) {
	for ; b > 0; b >>= 1 {
		if b&1 != 0 {
			product ^= a
		}
		a = double(a)
	}
	return product
}

// double multiplies by x modulo x^5 + x^2 + 1.
func double(a byte) byte {
	if a <<= 1; a&0b100000 != 0 {
		a ^= 0b100101
	}
	return a
}
