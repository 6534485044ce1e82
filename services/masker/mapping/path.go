package mapping

import (
	"errors"
	"strings"
)

// path names a field of the body: member names, and positions where the body has an array.
type path struct {
	// text is the path as the mapping writes it; reasons name it.
	text     string
	segments []string
}

// parsePath reads `a.b`, `items.0.sku` and `ctx."x.y".z`. Inside quotes a quote is written twice.
func parsePath(text string) (path, error) {
	result := path{text: text}
	rest := text
	for {
		segment, after, err := nextSegment(rest)
		if err != nil {
			return path{}, err
		}
		result.segments = append(result.segments, segment)
		if len(result.segments) > MaxDepth {
			return path{}, errors.New("it is deeper than any body may be")
		}
		if after == "" {
			return result, nil
		}
		if after[0] != '.' {
			return path{}, errors.New("a closing quote is followed by something other than a dot")
		}
		rest = after[1:]
	}
}

func nextSegment(text string) (segment, after string, err error) {
	if strings.IndexByte(text, 0) >= 0 {
		return "", "", errors.New("it holds a zero byte")
	}
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexByte(text, '.')
		if end < 0 {
			end = len(text)
		}
		segment, after = text[:end], text[end:]
		switch {
		case segment == "":
			return "", "", errors.New("a segment is empty")
		case strings.ContainsRune(segment, '"'):
			return "", "", errors.New("a quote stands inside a segment")
		case strings.TrimSpace(segment) != segment:
			return "", "", errors.New("a segment begins or ends with white space")
		}
		return segment, after, nil
	}
	var unquoted strings.Builder
	for rest := text[1:]; ; {
		end := strings.IndexByte(rest, '"')
		if end < 0 {
			return "", "", errors.New("a quote is not closed")
		}
		unquoted.WriteString(rest[:end])
		rest = rest[end+1:]
		if !strings.HasPrefix(rest, `"`) {
			return unquoted.String(), rest, nil
		}
		unquoted.WriteByte('"')
		rest = rest[1:]
	}
}

// formatPath writes segments as parsePath would read them.
func formatPath(segments []string) string {
	var text strings.Builder
	for i, segment := range segments {
		if i > 0 {
			text.WriteByte('.')
		}
		if segment == "" || strings.ContainsAny(segment, `."`) || strings.TrimSpace(segment) != segment {
			text.WriteString(`"` + strings.ReplaceAll(segment, `"`, `""`) + `"`)
		} else {
			text.WriteString(segment)
		}
	}
	return text.String()
}
