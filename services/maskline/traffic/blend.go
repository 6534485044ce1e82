package traffic

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
)

// RefusedDevice is a device type that the built-in mappings accept. Constraint makes Postgres refuse it.
const RefusedDevice = "fax"

// Constraint is the statement after which a table of logins refuses RefusedDevice, as messages with Refused need it.
const Constraint = "ALTER TABLE user_logins ADD CONSTRAINT known_device CHECK (device_type <> '" + RefusedDevice + "')"

// Reasons of the messages that a Blend makes to be refused by Postgres.
const (
	RefusedReason = "database_constraint"
	RefusedColumn = "device_type"
)

// canaryDevice stands in the middle of every device id of a Blend and nowhere else.
const canaryDevice = "zz-canary-zz"

// Canaries are texts of which every raw address and device id of a Blend holds one: to search an output for raw values
// it is enough to search for these. The addresses are of networks reserved for documentation and benchmarks.
func Canaries() []string { return []string{"2001:db8:", "198.18.", "198.19.", canaryDevice} }

// Blend says what logins to generate. Each has a user of its own, and an address and a device id that can be recognised
// wherever they leak; see Canaries.
type Blend struct {
	// Messages is how many.
	Messages int
	// Seed makes them: the same for the same seed.
	Seed uint64
	// Bad is the share of messages that must not become a row, 0 to 1. They are spread evenly.
	Bad float64
	// Refused is the share of the bad ones that only Postgres refuses, and only where Constraint was run, 0 to 1.
	Refused float64
}

// Generate makes the messages.
func (b Blend) Generate() []Message {
	random := rand.New(rand.NewPCG(b.Seed, 0x626c656e64))
	messages := make([]Message, b.Messages)
	bad, malformed := 0, 0
	for i := range messages {
		one := sample(random)
		one.IP, one.DeviceID = canaryAddress(random), fmt.Sprintf("%06x-%s-%06x", random.IntN(1<<24), canaryDevice, random.IntN(1<<24))
		m := Message{Place: "message " + strconv.Itoa(i+1)}
		switch {
		case !turn(i, b.Bad):
			m.Body = encode(one)
		case turn(bad, b.Refused):
			bad++
			m.Refused, one.DeviceType = true, RefusedDevice
			m.Body = encode(one)
		default:
			m.Malformed, m.Body = true, spoil(one, malformed)
			bad, malformed = bad+1, malformed+1
		}
		messages[i] = m
	}
	return messages
}

// turn says whether the number i of a row is one of the share, which is spread evenly over the row.
func turn(i int, share float64) bool { return int(float64(i+1)*share) > int(float64(i)*share) }

// spoil is malform for logins with canaries, whose values stay where a leak would show them.
func spoil(one login, n int) string {
	switch n % 7 {
	case 1: // without the user
		_, rest, _ := strings.Cut(encode(one), ",")
		return "{" + rest
	case 4: // no address, but recognisable
		one.IP += ".1"
		return encode(one)
	case 6: // no object, but recognisable
		text, err := json.Marshal(one.DeviceID)
		if err != nil { // a string
			return "ping"
		}
		return string(text)
	}
	return malform(one, n)
}

func canaryAddress(random *rand.Rand) string {
	if random.IntN(3) == 0 {
		v6 := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		for i := 4; i < len(v6); i++ {
			v6[i] = byte(random.IntN(256))
		}
		return netip.AddrFrom16(v6).String()
	}
	return netip.AddrFrom4([4]byte{198, byte(18 + random.IntN(2)), byte(random.IntN(256)), byte(random.IntN(256))}).String()
}
