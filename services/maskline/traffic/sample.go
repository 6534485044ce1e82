package traffic

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
)

// malformedEvery is how often a sample is made to be rejected.
const malformedEvery = 100

// login is a sample in the shape that the built-in mappings read.
type login struct {
	UserID     string  `json:"user_id"`
	AppVersion string  `json:"app_version"`
	DeviceType string  `json:"device_type"`
	IP         string  `json:"ip"`
	Locale     *string `json:"locale"`
	DeviceID   string  `json:"device_id"`
}

// Samples returns n invented logins, the same for the same seed. Every hundredth is malformed, in a way that real
// producers have. The addresses are those reserved for documentation and benchmarks (RFC 5737, 2544, 3849).
func Samples(n int, seed uint64) []Message {
	random := rand.New(rand.NewPCG(seed, malformedEvery))
	messages := make([]Message, n)
	for i := range messages {
		one := sample(random)
		m := Message{Place: "message " + strconv.Itoa(i+1), Malformed: (i+1)%malformedEvery == 0}
		if m.Malformed {
			m.Body = malform(one, i/malformedEvery)
		} else {
			m.Body = encode(one)
		}
		messages[i] = m
	}
	return messages
}

func sample(random *rand.Rand) login {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	one := login{
		UserID:     userID(random),
		AppVersion: pick("2.3.0", "2.3.1", "2.4", "3.0.12", "1.18.4", "3"),
		DeviceType: pick("android", "android", "ios", "ios", "web"),
		IP:         address(random),
		DeviceID:   fmt.Sprintf("%04x-%04x-%04x", random.IntN(1<<16), random.IntN(1<<16), random.IntN(1<<16)),
	}
	if random.IntN(5) > 0 { // the others have not told
		locale := pick("DE", "FR", "ID", "BR", "IN", "MX", "PL", "JP")
		one.Locale = &locale
	}
	return one
}

// userID is a random UUID, version 4.
func userID(random *rand.Rand) string {
	high, low := random.Uint64(), random.Uint64()
	high = high&^0xf000 | 0x4000
	low = low&^(3<<62) | 2<<62
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&(1<<48-1))
}

func address(random *rand.Rand) string {
	last := byte(1 + random.IntN(254))
	switch random.IntN(6) {
	case 0:
		return netip.AddrFrom4([4]byte{192, 0, 2, last}).String()
	case 1:
		return netip.AddrFrom4([4]byte{198, 51, 100, last}).String()
	case 2:
		return netip.AddrFrom4([4]byte{203, 0, 113, last}).String()
	case 3:
		v6 := [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last}
		v6[7], v6[11] = byte(random.IntN(256)), byte(random.IntN(256))
		return netip.AddrFrom16(v6).String()
	default:
		return netip.AddrFrom4([4]byte{198, 18, byte(random.IntN(256)), last}).String()
	}
}

// malform breaks a login. The shapes take turns.
func malform(one login, turn int) string {
	whole := encode(one)
	switch turn % 7 {
	case 0: // a producer that crashed in the middle
		return whole[:len(whole)*2/3]
	case 1: // an optional field taken for granted
		return `{"app_version":"2.3.0","device_type":"ios","ip":"192.0.2.7","locale":null,"device_id":"0000-0000-0000"}`
	case 2: // a wrong type
		return `{"user_id":` + strconv.Itoa(turn) + whole[len(`{"user_id":""`)+len(one.UserID):]
	case 3: // a version that is none
		one.AppVersion = "latest"
	case 4: // an address that is none
		one.IP = "300.1.2.3"
	case 5: // the same key twice, of which readers pick different ones
		return `{"device_type":"web",` + whole[1:]
	default: // a health check that went to the wrong queue
		return "ping"
	}
	return encode(one)
}

func encode(one login) string {
	text, err := json.Marshal(one)
	if err != nil { // strings only
		return ""
	}
	return string(text)
}
