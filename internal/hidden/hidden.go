// Package hidden finds the characters of a text that a reader cannot see and a
// model reads: controls, terminal escapes, format and tag characters, and
// everything else that has no shape of its own.
//
// What a script or an emoji needs is no finding, where it needs it: joiners
// between letters of scripts that join and between emoji, variation selectors
// after what they vary, the flags of England, Scotland and Wales. The rules are
// those of Unicode's UTS #51 (emoji sequences), UAX #9 (bidirectional controls)
// and the Core Specification, chapter 23 (special areas and format characters).
package hidden

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Finding is one character that a reader does not see.
type Finding struct {
	// Offset is where it starts, in bytes.
	Offset int
	Rune   rune
}

// String returns the character as "U+202E".
func (f Finding) String() string { return fmt.Sprintf("U+%04X", f.Rune) }

const (
	zwnj, zwj   = 0x200c, 0x200d
	zwsp        = 0x200b
	blackFlag   = 0x1f3f4
	cancelTag   = 0xe007f
	tagBase     = 0xe0000
	textStyle   = 0xfe0e
	emojiStyle  = 0xfe0f
	keycap      = 0x20e3
	lineFeed    = '\n'
	braille     = 0x2800
	noCharacter = -1
)

var (
	// joining are the scripts whose letters joiners connect or keep apart.
	joining = []*unicode.RangeTable{
		unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Mandaic, unicode.Adlam, unicode.Hanifi_Rohingya,
		unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
		unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan, unicode.Balinese,
		unicode.Javanese, unicode.Sundanese,
		{R16: []unicode.Range16{{0x064b, 0x065f, 1}, {0x0670, 0x0670, 1}}}, // the vowel marks of Arabic
	}

	// unspaced are the scripts that write no spaces: an invisible one may part
	// their words.
	unspaced = []*unicode.RangeTable{unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan, unicode.Tai_Le, unicode.New_Tai_Lue}

	// marks are format characters that have a shape: signs of Arabic, Syriac and
	// Kaithi numbers and verses.
	marks = &unicode.RangeTable{
		R16: []unicode.Range16{{0x0600, 0x0605, 1}, {0x06dd, 0x06dd, 1}, {0x070f, 0x070f, 1}, {0x0890, 0x0891, 1}, {0x08e2, 0x08e2, 1}},
		R32: []unicode.Range32{{0x110bd, 0x110bd, 1}, {0x110cd, 0x110cd, 1}},
	}

	// blank are letters, marks and symbols without a shape.
	blank = &unicode.RangeTable{R16: []unicode.Range16{
		{0x034f, 0x034f, 1}, {0x115f, 0x1160, 1}, {0x17b4, 0x17b5, 1}, {braille, braille, 1}, {0x3164, 0x3164, 1}, {0xffa0, 0xffa0, 1},
	}}

	// pictures are the blocks of the emoji, with the symbols that a selector makes one.
	pictures = &unicode.RangeTable{
		R16: []unicode.Range16{
			{'#', '#', 1},
			{'*', '*', 1},
			{'0', '9', 1},
			{0xa9, 0xa9, 1},
			{0xae, 0xae, 1},
			{0x203c, 0x203c, 1},
			{0x2049, 0x2049, 1},
			{0x2122, 0x2122, 1},
			{0x2139, 0x2139, 1},
			{0x2190, 0x21ff, 1},
			{0x2300, 0x23ff, 1},
			{0x24c2, 0x24c2, 1},
			{0x25a0, 0x27bf, 1},
			{0x2900, 0x297f, 1},
			{0x2b00, 0x2bff, 1},
			{0x3030, 0x3030, 1},
			{0x303d, 0x303d, 1},
			{0x3297, 0x3297, 1},
			{0x3299, 0x3299, 1},
		},
		R32: []unicode.Range32{{0x1f000, 0x1faff, 1}},
	}
)

// Find returns the hidden characters of a text in their order. Bytes that are
// no UTF-8 are none of them.
func Find(text string) []Finding {
	if plain(text) {
		return nil
	}
	var found []Finding
	before := [2]rune{noCharacter, noCharacter} // the two characters before
	for at := 0; at < len(text); {
		if c := text[at]; c >= ' ' && c < 0x7f || c == lineFeed || c == '\t' {
			before[0], before[1] = before[1], rune(c)
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		if r == blackFlag {
			if n := flag(text[at:]); n > 0 {
				at, before = at+n, [2]rune{noCharacter, cancelTag}
				continue
			}
		}
		if !suspect(r) {
			before[0], before[1] = before[1], r
			at += size
			continue
		}
		next, _ := utf8.DecodeRuneInString(text[at+size:])
		if size == len(text)-at {
			next = noCharacter
		}
		if !needed(r, before, next) {
			found = append(found, Finding{at, r})
		}
		before[0], before[1] = before[1], r
		at += size
	}
	return found
}

// plain reports the usual case fast: printable ASCII and line ends, or letters
// that cannot be hidden.
func plain(text string) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == lineFeed || c == '\t' || c >= ' ' && c < 0x7f:
		case c == '\r' && i+1 < len(text) && text[i+1] == lineFeed:
		default:
			return false
		}
	}
	return true
}

// suspect reports whether a character may be hidden.
func suspect(r rune) bool {
	switch {
	case r == lineFeed || r == '\t' || r >= ' ' && r < 0x7f:
		return false
	case r == utf8.RuneError:
		return false
	case unicode.Is(marks, r):
		return false
	}
	if r >= 0x4e00 && r < 0xd800 { // Han and Hangul, most of them
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Noncharacter_Code_Point, blank) ||
		r >= tagBase && r < 0xe1000 || r >= 0xf0000
}

// needed reports whether a suspect stands where a script or an emoji needs it.
func needed(r rune, before [2]rune, next rune) bool {
	last := before[1]
	switch {
	case r == '\r':
		return next == lineFeed
	case r == zwj && (unicode.Is(pictures, last) || last == emojiStyle && unicode.Is(pictures, before[0])):
		return unicode.Is(pictures, next)
	case r == zwj || r == zwnj:
		return unicode.In(last, joining...)
	case r == zwsp:
		return unicode.In(last, unspaced...) && unicode.In(next, unspaced...)
	case r == textStyle || r == emojiStyle:
		return unicode.Is(pictures, last) && (next == keycap || last > 0xff || last == 0xa9 || last == 0xae)
	case r >= 0xfe00 && r < textStyle: // of mathematics, Han, Myanmar and Phags-pa
		return unicode.In(last, unicode.Sm, unicode.Han, unicode.Myanmar, unicode.Phags_Pa)
	case r >= 0xe0100 && r <= 0xe01ef:
		return unicode.Is(unicode.Han, last)
	case r >= 0x180b && r <= 0x180f:
		return unicode.Is(unicode.Mongolian, last)
	case r == braille: // the blank one in a drawing
		return last > braille && last <= 0x28ff || next > braille && next <= 0x28ff
	case r == 0x115f || r == 0x1160: // fill a syllable of old Korean
		return next >= 0x1160 && next <= 0x11ff || last >= 0x1100 && last <= 0x115e
	}
	return false
}

// flags are the tags after a black flag that make it that of England, Scotland
// or Wales.
var flags = []string{tagged("gbeng"), tagged("gbsct"), tagged("gbwls")}

func tagged(ascii string) string {
	s := string(rune(blackFlag))
	for _, r := range ascii {
		s += string(tagBase + r)
	}
	return s + string(rune(cancelTag))
}

// flag returns the length of the flag that a text starts with, or 0.
func flag(text string) int {
	if i := slices.IndexFunc(flags, func(flag string) bool { return strings.HasPrefix(text, flag) }); i >= 0 {
		return len(flags[i])
	}
	return 0
}

// Show returns a text with every hidden character written as "U+202E".
func Show(text string) string { return replace(text, Finding.String) }

func replace(text string, show func(Finding) string) string {
	found := Find(text)
	if len(found) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, f := range found {
		b.WriteString(text[at:f.Offset])
		b.WriteString(show(f))
		at = f.Offset + utf8.RuneLen(f.Rune)
	}
	b.WriteString(text[at:])
	return b.String()
}

// Writer returns a writer that passes text on as [Show] returns it, so that no
// escape reaches a terminal. Each Write is taken as a whole text.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

func (w writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, Show(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// EscapeJSON returns JSON with the hidden characters of its texts as \u202e: it
// stays the same value.
func EscapeJSON(data []byte) []byte {
	return []byte(replace(string(data), func(f Finding) string {
		if high, low := utf16.EncodeRune(f.Rune); high != utf8.RuneError {
			return fmt.Sprintf(`\u%04x\u%04x`, high, low)
		}
		return fmt.Sprintf(`\u%04x`, f.Rune)
	}))
}
