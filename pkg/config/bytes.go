package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size. It is written as a plain number of bytes or with B, KiB, MiB, GiB or TiB; the decimal units are
// refused, because half of their readers mean the binary ones.
type Bytes int64

// units go from large to small, so that String finds the largest that divides.
func units() []struct {
	name string
	size int64
} {
	return []struct {
		name string
		size int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
}

// ParseBytes reads a size. Its error does not repeat the text.
func ParseBytes(text string) (Bytes, error) {
	number, size := strings.TrimSpace(text), int64(1)
	for _, u := range units() {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, size = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/size {
		return 0, errors.New("size: not a number of bytes, KiB, MiB, GiB or TiB")
	}
	return Bytes(n * size), nil
}

// String uses the largest unit that divides the size.
func (b Bytes) String() string {
	for _, u := range units() {
		if b != 0 && u.size > 1 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
