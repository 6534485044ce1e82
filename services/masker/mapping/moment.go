package mapping

import "time"

// A date is YYYY-MM-DD. A timestamp is RFC 3339: a date, T or t or one space, HH:MM:SS, an optional fraction, and Z or
// z or an offset ±HH:MM. Years are 0001 to 9999, which is what both RFC 3339 and Postgres can write.

// parseDate reads exactly one date.
func parseDate(text []byte) (year, month, day int, ok bool) {
	if len(text) != len("2006-01-02") || text[4] != '-' || text[7] != '-' {
		return 0, 0, 0, false
	}
	year, okYear := number(text[:4])
	month, okMonth := number(text[5:7])
	day, okDay := number(text[8:])
	ok = okYear && okMonth && okDay && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
	return year, month, day, ok
}

func daysIn(year, month int) int {
	// Day 0 of the next month is the last day of this one.
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// readDate gives the date as it came: its text is canonical already.
func readDate(text []byte) ([]byte, Reason) {
	year, _, _, ok := parseDate(text)
	switch {
	case !ok:
		return nil, BadFormat
	case year == 0:
		return nil, OutOfRange
	}
	return text, ""
}

// appendTimestamp writes the moment in UTC with six places. Digits beyond the microsecond are cut, not rounded: a
// rounded one could fall into the next day.
func appendTimestamp(to, text []byte) ([]byte, Reason) {
	const seconds = len("2006-01-02T15:04:05")
	if len(text) < seconds+1 {
		return to, BadFormat
	}
	year, month, day, ok := parseDate(text[:10])
	if c := text[10]; !ok || c != 'T' && c != 't' && c != ' ' || text[13] != ':' || text[16] != ':' {
		return to, BadFormat
	}
	hour, okHour := number(text[11:13])
	minute, okMinute := number(text[14:16])
	second, okSecond := number(text[17:19])
	if !okHour || !okMinute || !okSecond || hour > 23 || minute > 59 || second > 59 {
		return to, BadFormat
	}
	nanoseconds, zone, ok := fraction(text[seconds:])
	if !ok {
		return to, BadFormat
	}
	offset, ok := zoneOffset(zone)
	if !ok {
		return to, BadFormat
	}
	return appendMoment(to, time.Date(year, time.Month(month), day, hour, minute, second, nanoseconds, time.UTC).Add(-offset))
}

// appendMoment writes t, which is in UTC.
func appendMoment(to []byte, t time.Time) ([]byte, Reason) {
	to, reason := appendDay(to, t)
	if reason != "" {
		return to, reason
	}
	hour, minute, second := t.Clock()
	to = appendPadded(append(to, 'T'), hour, 2)
	to = appendPadded(append(to, ':'), minute, 2)
	to = appendPadded(append(to, ':'), second, 2)
	to = appendPadded(append(to, '.'), t.Nanosecond()/1000, 6)
	return append(to, 'Z'), ""
}

// appendDay writes the date of t, which is in UTC. By hand: it runs for every record, and time's own formatting took a
// sixth of the whole.
func appendDay(to []byte, t time.Time) ([]byte, Reason) {
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return to, OutOfRange
	}
	to = appendPadded(to, year, 4)
	to = appendPadded(append(to, '-'), int(month), 2)
	return appendPadded(append(to, '-'), day, 2), ""
}

func appendPadded(to []byte, n, width int) []byte {
	start := len(to)
	for range width {
		to = append(to, '0')
	}
	for i := len(to) - 1; i >= start; i-- {
		to[i] += byte(n % 10)
		n /= 10
	}
	return to
}

// fraction reads `.123` as nanoseconds and returns what follows. No fraction is 0.
func fraction(text []byte) (nanoseconds int, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '.' {
		return 0, text, true
	}
	n := digits(text[1:])
	for i := range 9 {
		nanoseconds *= 10
		if i < n {
			nanoseconds += int(text[1+i] - '0')
		}
	}
	return nanoseconds, text[1+n:], n > 0
}

func zoneOffset(text []byte) (time.Duration, bool) {
	if len(text) == 1 && (text[0] == 'Z' || text[0] == 'z') {
		return 0, true
	}
	if len(text) != len("+00:00") || text[0] != '+' && text[0] != '-' || text[3] != ':' {
		return 0, false
	}
	hours, okHours := number(text[1:3])
	minutes, okMinutes := number(text[4:])
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if text[0] == '-' {
		offset = -offset
	}
	return offset, okHours && okMinutes && hours <= 23 && minutes <= 59
}

// number reads text as a whole, digits only.
func number(text []byte) (n int, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
